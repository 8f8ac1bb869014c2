/** Callers with tokens, and the key files with which our gateway knows them. */
import { createHmac, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const secret = randomBytes(32);

/** Tokens of `count` principals that may read and write messages, good for an hour. */
export function bearerTokens(count: number): readonly string[] {
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const header = encoded({ alg: 'HS256', kid: 'bench' });
  return Array.from({ length: count }, (_, i) => {
    const claims = {
      iss: 'grapevine',
      aud: 'grapevine',
      sub: `caller-${i}`,
      exp,
      scope: 'messages:read messages:write',
    };
    const text = `${header}.${encoded(claims)}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  });
}

/** Writes the files and answers the settings that name them. */
export function keyFiles(folder: string): Readonly<Record<string, string>> {
  const [jwks, edgeKey] = [join(folder, 'jwks.json'), join(folder, 'edge.key')];
  const key = { kty: 'oct', alg: 'HS256', kid: 'bench', k: secret.toString('base64url') };
  writeFileSync(jwks, JSON.stringify({ keys: [key] }));
  writeFileSync(edgeKey, randomBytes(32).toString('hex'));
  return { GRAPEVINE_GATEWAY__AUTH__JWKS_FILE: jwks, GRAPEVINE_SECRETS__EDGE_KEY_FILE: edgeKey };
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

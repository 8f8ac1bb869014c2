import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const privateKeySchema = z.looseObject({ kid: z.string(), kty: z.literal('OKP'), x: z.string() });

export interface TokenParts {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: KeyObject;
}

/** Makes tokens with the cluster's own signing key, so that what is wrong with one is what the test changed and nothing else. */
export class TokenForge {
  readonly #kid: string;
  readonly #key: KeyObject;
  /** The public half, as everybody may know it. */
  readonly publicKey: Uint8Array;

  constructor(dataDir: string) {
    const jwk = privateKeySchema.parse(JSON.parse(readFileSync(join(dataDir, 'secrets/token-key.json'), 'utf8')));
    this.#kid = jwk.kid;
    this.#key = createPrivateKey({ key: jwk, format: 'jwk' });
    this.publicKey = Buffer.from(jwk.x, 'base64url');
  }

  /** A good token of `subject`, valid for a minute. */
  tokenFor(subject: string, scope = 'messages:read messages:write'): string {
    return this.make({ claims: { sub: subject, scope } });
  }

  make({ header = {}, claims = {}, key = this.#key }: TokenParts): string {
    const text = this.#unsigned(header, claims);
    return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
  }

  /** Signed by somebody else under our key's name. */
  foreign(): string {
    return this.make({ key: generateKeyPairSync('ed25519').privateKey });
  }

  /** Without a signature, as `alg: none` of RFC 7519 section 6 has it. */
  unsecured(): string {
    return `${this.#unsigned({ alg: 'none' }, {})}.`;
  }

  /** "Signed" with the public key as an HMAC secret (RFC 8725 section 2.1). */
  confused(): string {
    const text = this.#unsigned({ alg: 'HS256' }, {});
    return `${text}.${createHmac('sha256', this.publicKey).update(text).digest('base64url')}`;
  }

  #unsigned(header: TokenParts['header'], claims: TokenParts['claims']): string {
    const now = Math.floor(Date.now() / 1_000);
    const always = { iss: 'grapevine', aud: 'grapevine', sub: 'forger', iat: now, exp: now + 60 };
    const payload = { scope: 'messages:read messages:write', ...always, ...claims };
    return `${encode({ alg: 'EdDSA', kid: this.#kid, typ: 'JWT', ...header })}.${encode(payload)}`;
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

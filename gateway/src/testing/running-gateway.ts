import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, ManualClock, systemClock } from '@grapevine/shared/clock.ts';
import { configSchema } from '@grapevine/shared/config/schema.ts';
import { IdentityVerifier } from '@grapevine/shared/identity/identity.ts';
import { fixedKey } from '@grapevine/shared/identity/identity-keys.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import { SignJWT } from 'jose';
import { Registry } from 'prom-client';
import { startAlone } from '../alone.ts';
import type { OpenCredentials } from '../auth/credentials.ts';
import { parseKeySet } from '../auth/key-set.ts';
import { noRevocations } from '../auth/revocations.ts';
import { fixedTokenKeys } from '../auth/token-keys.ts';
import { memoryPoints } from '../limits/point-store.ts';
import type { GatewayDependencies } from '../server.ts';
import type { Engine } from '../upstreams/upstream-instance.ts';
import { type RecordingUpstream, startRecordingUpstream } from './recording-upstream.ts';

type GatewayInput = NonNullable<Parameters<typeof configSchema.parse>[0]>;

export interface TokenOptions {
  readonly subject?: string;
  readonly scope?: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly keyId?: string;
  /** `jti`. */
  readonly tokenId?: string;
  readonly algorithm?: 'EdDSA' | 'HS256';
  /** Signs with this instead of the key that `algorithm` means. */
  readonly key?: KeyObject | Uint8Array;
  /** Seconds relative to the gateway's clock. */
  readonly expiresIn?: number;
  readonly notBefore?: number;
}

/** One line of the access log or another log line. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface RunningGateway {
  readonly url: string;
  readonly port: number;
  readonly adminUrl: string;
  readonly web: RecordingUpstream;
  readonly mobile: RecordingUpstream;
  readonly clock: ManualClock;
  readonly logs: readonly LogLine[];
  /** Checks identity headers as a BFF does. */
  readonly identities: IdentityVerifier;
  readonly publicKey: KeyObject;
  token(options?: TokenOptions): Promise<string>;
  /** `fetch` with a token that may read and write, unless `init` brings an Authorization of its own. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

const edgeKeys = fixedKey(createHash('sha256').update('edge key of the tests').digest());
/** The secret of the HS256 key with the id `hs`. */
export const hmacKey = createHash('sha256').update('token key of the tests').digest();

/** What both must do alike is tested with each. */
export const engines: readonly Engine[] = ['dispatch', 'proxy'];

/**
 * A real gateway on free ports in front of two recording upstreams; `settings` overrides the `gateway` section. With
 * `engine`, all routes go by it; `credentials` stand in for those of the tests.
 */
export async function startRunningGateway(
  { upstreams, ...settings }: { upstreams?: object; [option: string]: unknown } = {},
  engine?: Engine,
  credentials?: OpenCredentials,
): Promise<RunningGateway> {
  const [web, mobile] = await Promise.all([startRecordingUpstream(), startRecordingUpstream()]);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const input: GatewayInput = {
    gateway: {
      port: 0,
      adminPort: 0,
      drainMs: 200,
      // Tests share the machine with others.
      load: { maxLoopDelayMs: 60_000 },
      // Out of the way of tests that count what an upstream gets.
      healthCheck: { intervalMs: 3_600_000 },
      upstreams: { web: [web.url], mobile: [mobile.url], ...upstreams },
      ...settings,
    },
  };
  const whole = configSchema.parse(input);
  const parsed = whole.gateway;
  const routes = parsed.routes.map((route) => ({ ...route, engine: engine ?? route.engine }));
  const config = { ...parsed, routes };
  const clock = new ManualClock();
  const logs: LogLine[] = [];
  const log = createLogger({
    name: 'gateway',
    level: 'info',
    destination: { write: (line) => void logs.push(JSON.parse(line) as LogLine) },
  });
  const dependencies: Omit<GatewayDependencies, 'openPoints'> = {
    tracing: undefined,
    sharesPort: false,
    config,
    openCredentials: async () => credentials ?? credentialsOf(publicKey),
    edgeKeys,
    development: true,
    clock,
    random: systemRandom,
    log,
    metrics: new Registry(),
  };
  const gateway = await startAlone(dependencies, memoryPoints, { ...whole, gateway: config }, { environment: {} });
  const url = `http://127.0.0.1:${gateway.port}`;
  const token = (options: TokenOptions = {}): Promise<string> => signToken(options, clock, privateKey);
  return {
    url,
    port: gateway.port,
    adminUrl: `http://127.0.0.1:${gateway.adminPort}`,
    web,
    mobile,
    clock,
    logs,
    identities: new IdentityVerifier(edgeKeys, 'bff', clock),
    publicKey,
    token,
    fetch: async (path, init = {}) => {
      const headers = new Headers(init.headers);
      if (!headers.has('authorization')) headers.set('authorization', `Bearer ${await token()}`);
      return fetch(url + path, { redirect: 'manual', ...init, headers });
    },
    stop: async () => {
      await gateway.stop();
      await Promise.all([web.stop(), mobile.stop()]);
    },
  };
}

/** Waits until `holds`, for at most `deadlineMs`; then fails naming what was awaited. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`);
    await delay(5);
  }
}

async function credentialsOf(publicKey: KeyObject): Promise<OpenCredentials> {
  const keys = [
    { ...publicKey.export({ format: 'jwk' }), alg: 'EdDSA', kid: 'ed' },
    { kty: 'oct', alg: 'HS256', kid: 'hs', k: hmacKey.toString('base64url') },
  ];
  const tokenKeys = fixedTokenKeys(await parseKeySet(JSON.stringify({ keys }), 'the test'));
  const nothing = async (): Promise<void> => {};
  const lasting = { name: 'credentials of the tests', reload: nothing, stop: nothing };
  return { tokenKeys, apiKeys: new Map(), revocations: noRevocations, ...lasting };
}

function signToken(options: TokenOptions, clock: Clock, privateKey: KeyObject): Promise<string> {
  const algorithm = options.algorithm ?? 'EdDSA';
  const now = Math.floor(clock.wallMs() / 1_000);
  const jwt = new SignJWT({ scope: options.scope ?? 'messages:read messages:write' })
    .setProtectedHeader({ alg: algorithm, kid: options.keyId ?? (algorithm === 'EdDSA' ? 'ed' : 'hs') })
    .setIssuer(options.issuer ?? 'grapevine')
    .setAudience(options.audience ?? 'grapevine')
    .setSubject(options.subject ?? 'alice')
    .setIssuedAt(now)
    .setExpirationTime(now + (options.expiresIn ?? 3_600));
  if (options.tokenId !== undefined) jwt.setJti(options.tokenId);
  if (options.notBefore !== undefined) jwt.setNotBefore(now + options.notBefore);
  return jwt.sign(options.key ?? (algorithm === 'EdDSA' ? privateKey : hmacKey));
}

/** A token by the real time for a gateway that knows `hmacKey` as `hs`. */
export function signWithHmac(subject: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ed25519');
  return signToken({ subject, algorithm: 'HS256' }, systemClock, privateKey);
}

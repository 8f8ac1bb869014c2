import type { Clock } from '@grapevine/shared/clock.ts';
import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import { WatchedFiles } from '@grapevine/shared/watched-files.ts';
import type { Logger } from 'pino';
import { type ApiKeySet, parseApiKeys } from './api-keys.ts';
import { JwksUrl } from './jwks-url.ts';
import { noRevocations, parseRevocations, type Revocations } from './revocations.ts';
import { allTokenKeys, JwksFile, type TokenKeys } from './token-keys.ts';

/** What callers are checked against, as it is in force whenever it is read. */
export interface Credentials {
  readonly tokenKeys: TokenKeys;
  readonly apiKeys: ApiKeySet;
  readonly revocations: Revocations;
}

/** Credentials from files and addresses that are read again when they change. */
export interface OpenCredentials extends Credentials, Stoppable {
  /** Looks at all of them now. */
  reload(): Promise<void>;
}

const noApiKeys: ApiKeySet = new Map();

/** Throws `CONFIG_INVALID`, naming the file, when one cannot be read or used. */
export async function openCredentials(
  auth: GatewayConfig['auth'],
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<OpenCredentials> {
  await using opened = new AsyncDisposableStack();
  const jwksFile = await JwksFile.open({ path: auth.jwksFile, log });
  opened.defer(() => jwksFile.stop());
  const { jwksUrl: url, jwksRefreshMs: refreshMs } = auth;
  const jwksUrl = url === undefined ? undefined : await JwksUrl.open({ url, refreshMs, clock, log });
  if (jwksUrl !== undefined) opened.defer(() => jwksUrl.stop());
  const apiKeys = await openFile('API keys', auth.apiKeysFile, parseApiKeys, log);
  opened.defer(async () => apiKeys?.stop());
  const revocations = await openFile('revocation list', auth.revocationsFile, parseRevocations, log);
  opened.defer(async () => revocations?.stop());
  const running = opened.move();
  return {
    name: 'credentials',
    tokenKeys: jwksUrl === undefined ? jwksFile : allTokenKeys(jwksFile, jwksUrl),
    get apiKeys() {
      return apiKeys?.value ?? noApiKeys;
    },
    get revocations() {
      return revocations?.value ?? noRevocations;
    },
    reload: async () => {
      await Promise.all([jwksFile.reload(), jwksUrl?.refresh(), apiKeys?.reload(), revocations?.reload()]);
    },
    stop: () => running.disposeAsync(),
  };
}

async function openFile<Value>(
  what: string,
  path: string | undefined,
  parse: (text: string, path: string) => Value,
  log: Logger,
): Promise<WatchedFiles<Value> | undefined> {
  if (path === undefined) return undefined;
  return WatchedFiles.open({ what, paths: [path], parse: ([text = '']) => parse(text, path), log });
}

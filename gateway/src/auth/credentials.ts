import type { Clock } from '@grapevine/shared/clock.ts';
import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import type { Logger } from 'pino';
import { JwksUrl } from './jwks-url.ts';
import { allTokenKeys, JwksFile, type TokenKeys } from './token-keys.ts';

/** What callers are checked against, as it is in force whenever it is read. */
export interface Credentials {
  readonly tokenKeys: TokenKeys;
}

/** Credentials from files and addresses that are read again when they change. */
export interface OpenCredentials extends Credentials, Stoppable {
  /** Looks at all of them now. */
  reload(): Promise<void>;
}

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
  const running = opened.move();
  return {
    name: 'credentials',
    tokenKeys: jwksUrl === undefined ? jwksFile : allTokenKeys(jwksFile, jwksUrl),
    reload: async () => {
      await Promise.all([jwksFile.reload(), jwksUrl?.refresh()]);
    },
    stop: () => running.disposeAsync(),
  };
}

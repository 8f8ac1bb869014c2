import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import { MutualTls } from '../http/mutual-tls.ts';
import { IdentitySigner, IdentityVerifier } from './identity.ts';
import { KeyFile } from './key-file.ts';

/** What a BFF proves itself by, and what it checks its callers with; its files are watched until it is disposed of. */
export interface BffKeys extends AsyncDisposable {
  /** Checks who the gateway says a caller is. */
  readonly verifier: IdentityVerifier;
  /** Tells nodes on whose behalf they are called. */
  readonly signer: IdentitySigner;
  /** For calls to nodes; undefined when they want no TLS. */
  readonly tls: MutualTls | undefined;
  /** Looks at the files again, at once. Never throws. */
  reload(): Promise<void>;
}

/** Opens the keys of a BFF; throws `CONFIG_INVALID` for files that cannot be used. */
export async function openBffKeys(
  { edgeKeyFile, clusterKeyFile, rotateAfterMs }: Config['secrets'],
  nodeTls: Config['bffWeb']['nodeTls'],
  clock: Clock,
  log: Logger,
): Promise<BffKeys> {
  await using opened = new AsyncDisposableStack();
  const open = async (path: string): Promise<KeyFile> => {
    const file = await KeyFile.open({ path, rotateAfterMs, clock, log });
    opened.defer(() => file.stop());
    return file;
  };
  const edge = await open(edgeKeyFile);
  const cluster = await open(clusterKeyFile);
  const tls = nodeTls === undefined ? undefined : await MutualTls.open({ files: nodeTls, log });
  opened.defer(() => tls?.stop());
  const watched = opened.move();
  return {
    verifier: new IdentityVerifier(edge.identityKeys('edge-identity'), 'bff', clock),
    signer: new IdentitySigner(cluster.identityKeys('node-identity'), 'node', clock),
    tls,
    reload: async () => {
      await Promise.all([edge.reload(), cluster.reload(), tls?.reload()]);
    },
    [Symbol.asyncDispose]: () => watched.disposeAsync(),
  };
}

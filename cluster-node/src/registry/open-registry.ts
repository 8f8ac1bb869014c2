import type { NodeConfig } from '@grapevine/shared/config/schema.ts';
import { DnsRegistry } from '@grapevine/shared/registry/dns-registry.ts';
import { FileRegistry } from '@grapevine/shared/registry/file-registry.ts';
import type { PeerRegistry } from '@grapevine/shared/registry/peer-registry.ts';
import type { Logger } from 'pino';
import { StaticRegistry } from './static-registry.ts';

/** The registry that the configuration asks for. Throws `CONFIG_INVALID` when it cannot be used. */
export async function openRegistry({ host, registry, seeds }: NodeConfig, log: Logger): Promise<PeerRegistry> {
  switch (registry.kind) {
    case 'static':
      return new StaticRegistry(seeds);
    case 'file':
      return FileRegistry.open({ path: registry.path, log });
    case 'dns':
      return DnsRegistry.open({ ...registry, family: host.includes(':') ? 6 : 4, log });
  }
}

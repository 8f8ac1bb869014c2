import { MemoryNetwork } from '@grapevine/cluster-node/transport/memory-transport.ts';
import { openUdpTransport } from '@grapevine/cluster-node/transport/udp-transport.ts';
import { transportContract } from './transport.contract.ts';

const host = '127.0.0.1';
const network = new MemoryNetwork();

transportContract('UDP', (port) => openUdpTransport({ name: 'test UDP', host, port, portFlag: '--udp-port' }));
transportContract('memory', async (port) => network.open({ host, port }));

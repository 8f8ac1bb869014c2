import { runService } from '@grapevine/shared/run-service.ts';
import { startNodeService } from './service.ts';

await runService({ name: 'cluster-node', instance: (config) => config.node.name, start: startNodeService }, process);

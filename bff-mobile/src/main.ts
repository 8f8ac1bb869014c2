import { runService } from '@grapevine/shared/run-service.ts';
import { serviceName, startMobileService } from './service.ts';

await runService({ name: serviceName, start: startMobileService }, process);

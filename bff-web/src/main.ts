import { runService } from '@grapevine/shared/run-service.ts';
import { serviceName, startWebService } from './service.ts';

await runService({ name: serviceName, start: startWebService }, process);

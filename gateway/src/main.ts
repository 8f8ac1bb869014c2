import { runService } from '@grapevine/shared/run-service.ts';
import { serviceName, startGatewayService } from './service.ts';

await runService({ name: serviceName, start: startGatewayService }, process);

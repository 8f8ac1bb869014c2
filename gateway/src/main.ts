import { runService } from '@grapevine/shared/run-service.ts';
import { gatewayService } from './service.ts';

await runService(gatewayService(), process);

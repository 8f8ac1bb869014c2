import type { ServiceName } from './supervisor/plan.ts';

/** The file that runs a service. Services are started as processes of their own, never imported. */
export function entryPointOf(root: string, service: ServiceName): string {
  return `${root}/${service}/src/main.ts`;
}

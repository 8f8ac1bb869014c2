import type { ServiceName } from './supervisor/plan.ts';

/** The file that runs a service. Services are started as processes of their own, never imported. */
export function entryPointOf(root: string, service: ServiceName): string {
  return `${root}/${service}/src/main.ts`;
}

/**
 * Where Node keeps what it compiled, so that six processes starting at once do not each do it anew. In node_modules, so
 * that a new set-up clears it.
 */
export function compileCacheOf(root: string): string {
  return `${root}/node_modules/.cache/compile`;
}

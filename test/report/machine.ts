import { cpus } from 'node:os';
import process from 'node:process';

/** Where something was measured. */
export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  readonly cpus: number;
  readonly model: string;
}

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  const [cpu] = cpus();
  return {
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    cpus: cpus().length,
    model: cpu?.model ?? 'unknown',
  };
}

export function describeMachine({ node, platform, arch, cpus: cores, model }: Machine): string {
  return `${cores} cores (${model}), ${platform} ${arch}, Node ${node}`;
}

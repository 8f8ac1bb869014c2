import { EventEmitter } from 'node:events';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { Random } from '@grapevine/shared/random.ts';
import { type Lease, Leases } from '../leases.ts';
import { HealthCheck, type HealthCheckOptions } from './health-check.ts';
import { SilenceWatch } from './silence-watch.ts';
import { breakerSlices, type InstanceOptions, UpstreamInstance } from './upstream-instance.ts';

export interface FleetOptions extends InstanceOptions {
  readonly healthCheck: HealthCheckOptions;
}

interface Rotator {
  readonly emitter: EventEmitter;
  readonly timer: NodeJS.Timeout;
}

interface Member {
  readonly instance: UpstreamInstance;
  readonly check: HealthCheck;
  readonly rotator: Lease<Rotator>;
}

/**
 * All instances that requests can go to. Configurations that name the same instance and treat it alike share it: its
 * connections, its breaker and what is known of its health outlive a reload.
 */
export class UpstreamFleet {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #watch = new SilenceWatch();
  /** One timer moves the windows of all breakers; each would otherwise run its own. */
  readonly #rotators = new Leases<Rotator>(({ timer }) => clearInterval(timer));
  readonly #members = new Leases<Member>(({ instance, check, rotator }) => {
    check.stop();
    instance.retire();
    rotator[Symbol.dispose]();
  });

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The instance of `upstream` at `url`. Given back by all, it takes no more requests and ends with the last one. */
  lease(upstream: string, url: string, options: FleetOptions): Lease<UpstreamInstance> {
    const lease = this.#members.lease(JSON.stringify([upstream, url, options]), () => this.#open(url, options));
    return { value: lease.value.instance, [Symbol.dispose]: () => lease[Symbol.dispose]() };
  }

  /** Closes all connections, also those in use. */
  close(): void {
    for (const { instance, check, rotator } of this.#members.values()) {
      check.stop();
      instance.close();
      rotator[Symbol.dispose]();
    }
  }

  #open(url: string, options: FleetOptions): Member {
    const sliceMs = options.breaker.windowMs / breakerSlices;
    const rotator = this.#rotators.lease(String(sliceMs), () => startRotator(sliceMs));
    const ports = { clock: this.#clock, rotator: rotator.value.emitter, watch: this.#watch };
    const instance = new UpstreamInstance(url, options, ports);
    return { instance, check: new HealthCheck(instance, options.healthCheck, this.#random), rotator };
  }
}

function startRotator(sliceMs: number): Rotator {
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  const timer = setInterval(() => emitter.emit('rotate'), sliceMs);
  timer.unref();
  return { emitter, timer };
}

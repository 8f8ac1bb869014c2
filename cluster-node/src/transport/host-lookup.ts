import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '@grapevine/shared/clock.ts';
import { isOneMachine } from '@grapevine/shared/registry/one-machine.ts';

export type LookupCallback = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;

/** Asks the system's resolver; rejects with an error that has a code when there is no such host. */
export type Resolve = (host: string, family: number) => Promise<LookupAddress>;

export const systemResolve: Resolve = (host, family) => systemLookup(host, { family });

/** A node that moved is found again after so long, in milliseconds; a node that is sent 1,000 datagrams a second costs one query. */
const keepMs = 5_000;
/** More than one cluster has nodes. */
const maxHosts = 1_024;

/**
 * Turns host names into addresses for a UDP socket, and remembers answers for a while, failures too. Without it every single
 * datagram to a name would take one of the process's four threads that wait for DNS, and disk writes would queue behind them.
 */
export class HostLookup {
  readonly #resolve: Resolve;
  readonly #clock: Clock;
  readonly #answers = new Map<string, { readonly untilMs: number; readonly answer: Promise<LookupAddress> }>();
  /** The family of IP addresses that may be sent to. */
  readonly #addresses = new Map<string, number>();

  constructor(resolve: Resolve, clock: Clock) {
    this.#resolve = resolve;
    this.#clock = clock;
  }

  /**
   * As `dgram.createSocket` wants it. IP addresses are answered at once. `family` is 4 or 6. Whatever a member record or a
   * name server says, nothing goes to many machines at once: such an address fails as `EADDRNOTAVAIL`.
   */
  lookup(host: string, family: number, callback: LookupCallback): void {
    const known = this.#addresses.get(host);
    if (known !== undefined) {
      callback(null, host, known);
      return;
    }
    const ipFamily = isIP(host);
    if (ipFamily !== 0) {
      this.#answerAddress({ address: host, family: ipFamily }, callback);
      return;
    }
    this.#answerFor(host, family).then(
      (answer) => this.#answerAddress(answer, callback),
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  }

  #answerAddress({ address, family }: LookupAddress, callback: LookupCallback): void {
    if (!isOneMachine(address, family)) {
      callback(Object.assign(new Error(`${address} is no single machine`), { code: 'EADDRNOTAVAIL' }), '', 0);
      return;
    }
    if (this.#addresses.size === maxHosts) this.#addresses.clear();
    this.#addresses.set(address, family);
    callback(null, address, family);
  }

  #answerFor(host: string, family: number): Promise<LookupAddress> {
    const now = this.#clock.monotonicMs();
    const known = this.#answers.get(host);
    if (known !== undefined && now < known.untilMs) return known.answer;
    const answer = this.#resolve(host, family);
    this.#answers.delete(host);
    this.#answers.set(host, { untilMs: now + keepMs, answer });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= maxHosts) break;
      this.#answers.delete(oldest);
    }
    return answer;
  }
}

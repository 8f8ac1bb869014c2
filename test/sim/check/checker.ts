import type { ReplicaEffect } from '@grapevine/cluster-node/core/events.ts';
import { segmentFirstHlc } from '@grapevine/cluster-node/wire/segment.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { hlcMs, maxForwardMs } from '@grapevine/shared/log/hlc.ts';
import type { SimNode } from '../sim-node.ts';
import { DiskTruth } from './disk-truth.ts';
import type { SituationCounts } from './situations.ts';
import { SafetyViolation } from './violation.ts';

/** Milliseconds that a hybrid clock's counter may run ahead: it has 65,536 values in each. */
const counterMs = 10;

/**
 * There is one process of each name, and all speak the same versions. A late or replayed plain datagram of a process that lost
 * its data may well look like a rival.
 */
const impossible: readonly string[] = ['superseded', 'incompatible'];

/** An entry that some node acknowledged. */
interface Acknowledged {
  readonly origin: string;
  readonly seq: number;
  readonly id: string;
  readonly heldBy: number;
}

/** Watches every effect of every node, and holds it against the truth about all disks. */
export class Checker {
  readonly truth: DiskTruth;
  readonly #nodes: readonly SimNode[];
  readonly #situations: SituationCounts;
  /** Whether some node has altered what it passed on. */
  #isAltering = false;
  /** `origin:seq` → id, as the origin itself committed it. */
  readonly #written = new Map<string, string>();
  /** The latest time that each origin's own clock has shown, in milliseconds. */
  readonly #latestWallMs = new Map<string, number>();
  #acknowledged: Acknowledged[] = [];
  #lost = 0;
  #count = 0;
  /** Of origins of which entries went with their disks, how many were left then. */
  readonly #shortened = new Map<string, number>();

  constructor(nodes: readonly SimNode[], situations: SituationCounts) {
    this.#nodes = nodes;
    this.#situations = situations;
    this.truth = new DiskTruth(nodes);
  }

  /** Acknowledged messages. */
  get acknowledged(): number {
    return this.#count;
  }

  /** Acknowledged messages that are gone, because every disk failed that held them. */
  get lostWithDisks(): number {
    return this.#lost;
  }

  /** Entries of `origin` that were on some disk at any time; what once stood behind them went with the disks that held it. */
  sizeLeft(origin: string): number {
    return this.#shortened.get(origin) ?? Number.POSITIVE_INFINITY;
  }

  /**
   * From now on segments may be refused: some node alters what it passes on. Who is blamed need not be the one that did it,
   * since fragments of several senders make up a segment.
   */
  expectAltered(): void {
    this.#isAltering = true;
  }

  /** Looks at one effect before it is carried out. */
  observe(node: SimNode, effect: ReplicaEffect): void {
    this.#noteClock(node);
    if (effect.type === 'send') this.#checkAdvertised(node, effect.message);
    else if (effect.type === 'commit') this.#checkCommitted(node, effect.segments);
    else if (effect.type === 'settled') this.#checkSettled(node, effect);
    else if (effect.type === 'refused-segment') {
      if (!this.#isAltering) {
        throw new SafetyViolation('C6', `${node.name} refused a segment: ${effect.reason}`);
      }
      this.#situations.reached('altered segment refused');
    } else if (effect.type === 'notice' && impossible.includes(effect.notice.kind)) {
      throw new SafetyViolation('L2', `${node.name} took note of: ${JSON.stringify(effect.notice)}`);
    }
  }

  /** The disk of `node` was wiped or put back: what no disk holds any more is gone, and must have been on few. */
  diskFailed(node: SimNode): void {
    const before = this.truth.mostHeldOf(node);
    this.truth.failed(node);
    for (const [origin, size] of before) {
      const left = this.truth.mostHeld(origin);
      if (left < size) this.#shortened.set(origin, Math.min(left, this.#shortened.get(origin) ?? left));
    }
    this.#acknowledged = this.#acknowledged.filter(({ origin, seq, heldBy }) => {
      if (this.truth.mostHeld(origin) > seq) return true;
      const failed = this.truth.failedWith(origin, seq + 1);
      if (failed < heldBy) {
        throw new SafetyViolation('C1', `${origin}:${seq} is gone with ${failed} disks, was said to be on ${heldBy}`);
      }
      this.#lost++;
      this.#situations.reached('acknowledged message lost with its disks');
      return false;
    });
  }

  /** Throws unless so many nodes hold the first `size` entries of `origin`, or did before their disks failed. */
  requireHeld(origin: string, size: number, heldBy: number): void {
    const holders = this.truth.everHeldBy(origin, size);
    if (heldBy <= holders) return;
    throw new SafetyViolation('C1', `${heldBy} nodes were said to hold ${origin}:${size - 1}, ${holders} do`);
  }

  /** Equal roots must mean equal logs, at any moment. */
  compareRoots(): void {
    const seen = new Map<string, string>();
    for (const { name, replica } of this.#nodes) {
      if (replica === undefined) continue;
      const root = toHex(replica.flushed.root());
      const vector = [...replica.flushed.vector].sort().join();
      if ((seen.get(root) ?? vector) !== vector) {
        throw new SafetyViolation('C4', `${name} and another have equal roots over different logs`);
      }
      seen.set(root, vector);
    }
  }

  /** Whether every node runs, has nothing left to write, and all say the same. */
  rootsAgree(): boolean {
    if (this.#nodes.some(({ replica }) => replica?.idle !== true)) return false;
    const roots = new Set(this.#nodes.map(({ replica }) => replica && toHex(replica.flushed.root())));
    return roots.size === 1;
  }

  /** Whether every node takes every other for alive, under its present origin. */
  membersAgree(): boolean {
    return this.#nodes.every(({ replica }) => {
      const members = new Map(replica?.members().map((member) => [member.name, member]));
      return this.#nodes.every(({ name, signer }) => {
        const member = members.get(name);
        return member?.state === 'alive' && member.origin === signer.origin;
      });
    });
  }

  /** Throws when `ids`, by origin, lack something that was acknowledged and is not gone with its disks. */
  requireAcknowledged(node: SimNode, ids: ReadonlyMap<string, readonly string[]>): void {
    for (const { origin, seq, id } of this.#acknowledged) {
      if (ids.get(origin)?.[seq] !== id) throw new SafetyViolation('C5', `${node.name} lacks ${origin}:${seq}`);
    }
  }

  #checkAdvertised(node: SimNode, message: Extract<ReplicaEffect, { type: 'send' }>['message']): void {
    if (message.type === 'members-request' || message.type === 'members-response') return;
    const sizes = message.type === 'nudge' ? message.heads : message.vector;
    for (const { origin, size } of sizes) {
      const held = this.truth.held(node, origin);
      if (size > held) {
        throw new SafetyViolation('C3', `${node.name} advertised ${size} entries of ${origin}, holds ${held}`);
      }
    }
  }

  #checkCommitted(node: SimNode, segments: Extract<ReplicaEffect, { type: 'commit' }>['segments']): void {
    for (const { segment, leafHashes } of segments) {
      const isOwn = segment.origin === node.signer.origin;
      const mostHeld = this.truth.mostHeld(segment.origin);
      if (isOwn && mostHeld >= segment.head.size) this.#situations.reached('own entries came back');
      segment.records.forEach((_, i) => {
        const seq = segment.firstSeq + i;
        const place = `${segment.origin}:${seq}`;
        const id = toHex(leafHashes.subarray(i * 32, i * 32 + 32));
        // An origin may write a place again after a crash, but only if what stood there is on no disk.
        if (isOwn && mostHeld <= seq) {
          this.#written.set(place, id);
          this.#requireDate(node, segmentFirstHlc(segment) + BigInt(i), place);
        }
        if (this.#written.get(place) !== id) {
          throw new SafetyViolation('C2', `${node.name} committed a foreign ${place}`);
        }
      });
    }
  }

  #noteClock({ signer, clock }: SimNode): void {
    const before = this.#latestWallMs.get(signer.origin) ?? 0;
    this.#latestWallMs.set(signer.origin, Math.max(before, clock.wallMs()));
  }

  /** What others say may move a clock by a bounded time; the counter may run into some further milliseconds. */
  #requireDate({ name, signer }: SimNode, hlc: bigint, place: string): void {
    const latestMs = (this.#latestWallMs.get(signer.origin) ?? 0) + maxForwardMs + counterMs;
    if (hlcMs(hlc) > latestMs) {
      throw new SafetyViolation('C11', `${name} dated ${place} ${hlcMs(hlc) - latestMs} ms too late`);
    }
  }

  #checkSettled(node: SimNode, effect: Extract<ReplicaEffect, { type: 'settled' }>): void {
    const { origin } = node.signer;
    const size = (effect.placements.at(-1)?.seq ?? -1) + 1;
    if (this.truth.held(node, origin) < size) {
      throw new SafetyViolation('C1', `${node.name} acknowledged before the flush`);
    }
    const { heldBy } = effect;
    this.requireHeld(origin, size, heldBy);
    for (const { id, seq } of effect.placements) this.#acknowledged.push({ origin, seq, id, heldBy });
    this.#count += effect.placements.length;
  }
}

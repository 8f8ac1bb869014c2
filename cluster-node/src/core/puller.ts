import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import { Reassembly } from '../wire/fragments.ts';
import type { PartialSegment, Piece, PullResponse } from '../wire/messages.ts';
import { decodeSegment, type Segment } from '../wire/segment.ts';
import type { LogTips, RefusalReason } from './log-tips.ts';
import { PeerPaces } from './peer-paces.ts';

/** However steadily datagrams of an answer come in, it is over after so long, in milliseconds: a peer could drip for ever. */
const longestPullMs = 2_000;
/** Segments that arrived before their predecessor wait here; more than one answer's worth would mean that something is wrong. */
const maxEarlySegments = 256;
/** Requests whose late answers are still taken: their pieces are good, only their time is over. */
const recentRequests = 8;

/** The pull that is under way. */
interface Pull {
  readonly requestId: number;
  readonly peer: string;
  readonly isAhead: boolean;
  readonly askedAtMs: number;
  deadlineMs: number;
  readonly received: Set<number>;
  count: number | undefined;
  /** The peer has more than fitted into its answer. */
  more: boolean;
  /** Some log grew. */
  extended: boolean;
  /** Something came that is kept until its other parts, or what comes before it, are here. */
  kept: boolean;
  /** Something came that cannot be taken: whatever was kept with it comes to nothing from this peer. */
  spoiled: boolean;
}

/** How a pull ended. */
export interface PullEnd {
  readonly peer: string;
  /** Whether anything came. */
  readonly answered: boolean;
  readonly more: boolean;
  /** Whether something came of it. */
  readonly isUseful: boolean;
  /** Whether the whole answer came and held nothing to take: the peer has nothing for us, whatever it advertises. */
  readonly isFruitless: boolean;
}

/** What a peer's answer brought. */
export interface Harvest {
  readonly segments: CheckedSegment[];
  /** Segments that were here already. */
  known: number;
  readonly refused: RefusalReason[];
  /** Segments that lack bodies which others should have. */
  withheld: number;
}

/**
 * Asks one peer at a time for data. One pull at a time means that hardly anything arrives twice: nobody else is sending
 * what this answer already brings.
 */
export class Puller {
  readonly #tips: LogTips;
  readonly #reassembly = new Reassembly();
  readonly #early = new Map<string, { readonly segment: Segment; readonly sender: string }>();
  /** Origins of which the pull under way brought segments without bodies: what follows them is of no use. */
  readonly #withheld = new Set<string>();
  readonly #recent: number[] = [];
  #pull: Pull | undefined;
  readonly #paces = new PeerPaces();
  #nextRequestId: number;

  constructor(tips: LogTips, random: Random) {
    this.#tips = tips;
    // Not from 0: an answer to the process that ran here before must not pass for one to this process.
    this.#nextRequestId = random.below(0x8000_0000);
  }

  get busy(): boolean {
    return this.#pull !== undefined;
  }

  get deadlineMs(): number {
    return this.#pull?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  /** Whether `peer` has kept this node waiting for nothing lately: others are asked before it. */
  isSlow(peer: string, nowMs: number): boolean {
    return this.#paces.isSlow(peer, nowMs);
  }

  /** Whether what is under way is a pull from a slow peer. */
  isHeldUp(nowMs: number): boolean {
    return this.#pull !== undefined && this.isSlow(this.#pull.peer, nowMs);
  }

  /** Forgets everybody who is not in `peers` any more. */
  retain(peers: ReadonlySet<string>): void {
    this.#paces.retain(peers);
  }

  /** An id for a request that asks only for news: no pieces come back that would have to be recognised. */
  newsRequestId(): number {
    this.#nextRequestId = (this.#nextRequestId + 1) % 0x1_0000_0000;
    return this.#nextRequestId;
  }

  /**
   * Starts a pull from `peer`; the caller sends the request with this id and budget. `isAhead`: whether the peer is known to
   * hold something that this node lacks.
   */
  begin(peer: string, isAhead: boolean, nowMs: number): { requestId: number; budget: number } {
    const requestId = this.#takeRequestId();
    const pull = {
      requestId,
      peer,
      isAhead,
      askedAtMs: nowMs,
      deadlineMs: nowMs + this.#paces.patienceMs(peer),
      received: new Set<number>(),
      count: undefined,
      more: false,
      extended: false,
      kept: false,
      spoiled: false,
    };
    this.#pull = pull;
    this.#withheld.clear();
    return { requestId, budget: this.#paces.budget(peer) };
  }

  /** Fragments that are here of segments that come next in their logs. */
  partials(): readonly PartialSegment[] {
    return this.#reassembly.partials((origin) => this.#tips.size(origin));
  }

  /** Takes in one datagram of an answer, by the peer with the origin `sender`. Pieces of requests that were never made are ignored. */
  receive(response: PullResponse, sender: string, nowMs: number): Harvest {
    const pull = this.#pull;
    if (pull?.requestId === response.requestId) {
      if (pull.received.size === 0) this.#paces.answered(pull.peer, nowMs - pull.askedAtMs);
      pull.received.add(response.index);
      pull.count = response.count;
      pull.more = response.more;
      pull.deadlineMs = Math.min(nowMs + this.#paces.patienceMs(pull.peer), pull.askedAtMs + longestPullMs);
    }
    const harvest: Harvest = { segments: [], known: 0, refused: [], withheld: 0 };
    if (!this.#recent.includes(response.requestId)) return harvest;
    for (const piece of response.pieces) {
      const segment = this.#segmentOf(piece);
      if (segment !== undefined) this.#take(segment, sender, harvest);
    }
    if (pull !== undefined) {
      pull.extended ||= harvest.segments.length > 0;
      pull.spoiled ||= harvest.refused.length + harvest.withheld > 0;
    }
    return harvest;
  }

  /**
   * Ends the pull when its answer is complete or its time is over; undefined while it goes on or when there is none.
   */
  finish(nowMs: number): PullEnd | undefined {
    const pull = this.#pull;
    if (pull === undefined) return undefined;
    const complete = pull.received.size === pull.count;
    return complete || nowMs >= pull.deadlineMs ? this.#end(pull, complete, nowMs) : undefined;
  }

  /** Ends a pull from a slow peer before its time is over, if that is what is under way. What still comes of it is taken. */
  giveUpSlow(nowMs: number): PullEnd | undefined {
    const pull = this.#pull;
    return pull !== undefined && this.isHeldUp(nowMs) ? this.#end(pull, false, nowMs) : undefined;
  }

  /** Drops what was built on segments that did not reach the disk. */
  reset(): void {
    this.#early.clear();
    this.#pull = undefined;
  }

  #takeRequestId(): number {
    const requestId = this.newsRequestId();
    this.#recent.push(requestId);
    if (this.#recent.length > recentRequests) this.#recent.shift();
    return requestId;
  }

  #end(pull: Pull, isComplete: boolean, nowMs: number): PullEnd {
    this.#pull = undefined;
    const isUseful = pull.extended || (pull.kept && !pull.spoiled);
    const { peer, isAhead } = pull;
    this.#paces.ended(peer, { isComplete, isDue: isAhead, isUseful, tookMs: nowMs - pull.askedAtMs }, nowMs);
    const answered = pull.received.size > 0;
    return { peer, answered, more: pull.more, isUseful, isFruitless: isComplete && !isUseful };
  }

  #segmentOf(piece: Piece): Segment | undefined {
    const bytes = piece.kind === 'segment' ? piece.bytes : this.#reassembly.add(piece);
    if (bytes === undefined) {
      if (this.#pull !== undefined) this.#pull.kept = true;
      return undefined;
    }
    try {
      return decodeSegment(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      if (this.#pull !== undefined) this.#pull.spoiled = true;
      return undefined;
    }
  }

  #keepEarly(segment: Segment, sender: string): void {
    const place = `${segment.origin}:${segment.firstSeq}`;
    if (this.#early.size >= maxEarlySegments) return;
    if (this.#pull !== undefined) this.#pull.kept ||= !this.#early.has(place);
    this.#early.set(place, { segment, sender });
  }

  /** Adds `segment`, and what waited for it, to the harvest. */
  #take(segment: Segment, sender: string, harvest: Harvest): void {
    const extension = this.#tips.extend(segment, sender);
    if (extension.kind === 'known') {
      harvest.known++;
    } else if (extension.kind === 'refused') {
      harvest.refused.push(extension.reason);
      // Whatever was assembled is not what the origin wrote: assembling it again must start from nothing.
      this.#reassembly.forget(segment.origin);
    } else if (extension.kind === 'withheld' || (extension.kind === 'early' && this.#withheld.has(segment.origin))) {
      harvest.withheld++;
      this.#withheld.add(segment.origin);
      this.#reassembly.forget(segment.origin);
    } else if (extension.kind === 'early') {
      this.#keepEarly(segment, sender);
    } else {
      harvest.segments.push(extension.checked);
      const next = `${segment.origin}:${segment.head.size}`;
      const waiting = this.#early.get(next);
      this.#early.delete(next);
      if (waiting !== undefined) this.#take(waiting.segment, waiting.sender, harvest);
    }
  }
}

import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import { maxPayload } from '../wire/limits.ts';
import type { Address, MemberDigest, NodeMessage, PullRequest } from '../wire/messages.ts';
import { type VersionRange, versionFor } from '../wire/version.ts';
import { answerPull } from './answer.ts';
import type { FlushedLog } from './flushed-log.ts';
import type { LogTips } from './log-tips.ts';
import type { Membership } from './membership.ts';
import type { LogReader } from './ports.ts';
import { requestRoom, sliceVector } from './request.ts';

/** Member records in one datagram: news spreads in a few rounds and most of the datagram stays free for the vector. */
const membersPerDatagram = 6;
/** Share of a datagram that member records may take; the rest is for what the datagram is about. */
const memberShare = 0.4;

export interface SpeakerOptions {
  /** Gossip sockets to start from. */
  readonly seeds: readonly Address[];
  readonly maxDatagramBytes: number;
  /** Talk to seeds alone: without seals anybody can claim to be a member, at any address. */
  readonly seedsOnly: boolean;
}

export interface SpeakerPorts {
  readonly flushed: FlushedLog;
  readonly tips: LogTips;
  readonly log: LogReader;
  readonly send: (to: Address, message: NodeMessage, version: number) => void;
}

/** Somebody at an address; without versions, nobody knows who. */
export interface Recipient {
  readonly udp: Address;
  readonly versions?: VersionRange;
}

/** What a request asks for; the rest of it says what this node has. */
export type Question = Pick<PullRequest, 'requestId' | 'budget' | 'partials' | 'members'>;

/** Puts this node's questions and answers into messages that their recipients understand, for those that it may talk to. */
export class Speaker {
  /** As the registry has them now. */
  seeds: readonly Address[];
  /** Rounds so far: what does not fit into one message takes turns with them. */
  round = 0;
  readonly #options: SpeakerOptions;
  readonly #ports: SpeakerPorts;
  readonly #membership: Membership;

  constructor(options: SpeakerOptions, ports: SpeakerPorts, membership: Membership) {
    this.seeds = options.seeds;
    this.#options = options;
    this.#ports = ports;
    this.#membership = membership;
  }

  mayTalkTo({ host, port }: Address): boolean {
    return !this.#options.seedsOnly || this.seeds.some((seed) => seed.host === host && seed.port === port);
  }

  /** Sends a message, if there is one, to whoever may be talked to and understands it. */
  send({ udp, versions }: Recipient, message: NodeMessage | undefined): void {
    const version = versionFor(this.#membership.self.versions, versions, this.round);
    if (message === undefined || version === undefined || !this.mayTalkTo(udp)) return;
    this.#ports.send(udp, message, version);
  }

  /** Asks with as much of the vector as has room; the part around `wanted`, if that is an origin. */
  request(to: Recipient, question: Question, wanted: string | undefined): void {
    const { flushed } = this.#ports;
    const room = requestRoom(this.#options.maxDatagramBytes, question.members, question.partials);
    const { range, vector } = sliceVector(flushed.vector, room, this.round, wanted);
    this.send(to, { type: 'pull-request', ...question, range, vector, root: flushed.root() });
  }

  /** Asks for news of one log alone: whatever else there is, the answer says whether the peer holds more of it. */
  requestLog(to: Recipient, requestId: number, origin: string): void {
    const { flushed } = this.#ports;
    this.send(to, {
      type: 'pull-request',
      requestId,
      budget: 0,
      range: { from: origin, to: origin },
      vector: [{ origin, size: flushed.size(origin) }],
      root: flushed.root(),
      partials: [],
      members: this.members(),
    });
  }

  /** Sends what `peer` lacks by its request, as far as its budget goes. */
  answer(peer: MemberDigest, request: PullRequest): void {
    const { flushed, log, tips } = this.#ports;
    const { from, to } = request.range;
    // A node that asks for its own log alone writes on after the answer: what is on its way to this disk has to be in it. It asks again.
    if (from === peer.origin && to === peer.origin && tips.size(from) > flushed.size(from)) return;
    const same = equalBytes(request.root, flushed.root());
    const holdings = {
      flushed: same ? noEntries : flushed.vector,
      log,
      members: request.members.length === 0 ? [] : this.members(),
    };
    // To the address that the peer names inside the seal, never to where the packet claims to come from.
    for (const response of answerPull(request, holdings, this.#options.maxDatagramBytes)) {
      this.send(peer, response);
    }
  }

  /** Member records for one datagram. */
  members(): MemberDigest[] {
    return this.#membership.digest(membersPerDatagram, maxPayload(this.#options.maxDatagramBytes) * memberShare);
  }
}

const noEntries: ReadonlyMap<string, number> = new Map();

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { HeadSigner } from '@grapevine/cluster-node/core/ports.ts';
import { signerFromKey } from '@grapevine/cluster-node/store/ed25519.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import { decodeMessage, encodeMessage } from '@grapevine/cluster-node/wire/codec.ts';
import type { KeyRing } from '@grapevine/cluster-node/wire/key-ring.ts';
import {
  everyOrigin,
  type MemberDigest,
  type NodeMessage,
  type OriginSize,
  type PullRequest,
} from '@grapevine/cluster-node/wire/messages.ts';
import { Opener, Sealer } from '@grapevine/cluster-node/wire/seal.ts';
import { decodeSegment, encodeSegment, type Segment } from '@grapevine/cluster-node/wire/segment.ts';
import { spokenVersions } from '@grapevine/cluster-node/wire/version.ts';
import { decodeEntry, encodeEntry } from '@grapevine/shared/log/entry.ts';
import { headBytes, type SignedHead } from '@grapevine/shared/log/head.ts';
import { Frontier } from '@grapevine/shared/merkle/frontier.ts';

/** How a forged segment is made from a true one; `ownKey` is the forger's. */
type Forgery = (segment: Segment, ownKey: HeadSigner) => Segment;

const forgeries: readonly Forgery[] = [altered, signedAnew, signedInItsName];
const anyBudget = 64 * 1024;

/**
 * A member with a key of its own and the cluster's key. It pulls a log as any member does, and offers to others what it
 * makes of it.
 */
export class Forger implements Disposable {
  readonly signer = signerFromKey(new Uint8Array(32).fill(66));
  /** Forged segments that somebody asked for and was sent. */
  sent = 0;
  readonly #socket: Socket;
  readonly #sealer: Sealer;
  readonly #opener: Opener;
  readonly #self: MemberDigest;
  readonly #stolen: Segment[] = [];
  #requestId = 0;

  private constructor(ring: KeyRing, socket: Socket) {
    const { origin } = this.signer;
    const bootEpoch = Date.now();
    const address = { host: '127.0.0.1', port: socket.address().port };
    this.#socket = socket;
    this.#sealer = new Sealer({ key: ring.sealing, sender: origin, bootEpoch });
    this.#opener = new Opener(ring, origin);
    this.#self = {
      name: 'forger',
      origin,
      bootEpoch,
      incarnation: 0,
      heartbeat: 1,
      state: 'alive',
      versions: spokenVersions,
      udp: address,
      http: address,
      tls: false,
      catchingUp: false,
    };
    socket.on('message', (datagram, from) => this.#receive(datagram, from.port));
  }

  static async open(ring: KeyRing): Promise<Forger> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Forger(ring, socket);
  }

  /** Entries of the log that it has pulled. */
  get stolen(): number {
    return this.#stolen.at(-1)?.head.size ?? 0;
  }

  /** Asks the node at a port for everything. */
  pull(port: number): void {
    this.#ask(port, anyBudget, []);
  }

  /** Tells the node at a port that it has all that it pulled. */
  offer(port: number): void {
    const [first] = this.#stolen;
    assert.ok(first !== undefined, 'there is nothing to forge');
    this.#ask(port, 0, [{ origin: first.origin, size: this.stolen }]);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #ask(port: number, budget: number, vector: readonly OriginSize[]): void {
    const requestId = ++this.#requestId;
    const root = new Uint8Array(32).fill(requestId);
    const members = [this.#self];
    this.#send(
      { type: 'pull-request', requestId, budget, range: everyOrigin, vector, root, partials: [], members },
      port,
    );
  }

  #receive(datagram: Uint8Array, port: number): void {
    const opened = this.#opener.open(datagram);
    if (typeof opened === 'string') return;
    const message = decodeMessage(opened.plaintext);
    if (message.type === 'pull-response') {
      for (const piece of message.pieces) if (piece.kind === 'segment') this.#stolen.push(decodeSegment(piece.bytes));
    } else if (message.type === 'pull-request' && message.budget > 0) {
      this.#answer(message, port);
    }
  }

  /** What the requester lacks, each time forged in another way. */
  #answer({ requestId, vector }: PullRequest, port: number): void {
    const sizes = new Map(vector.map(({ origin, size }) => [origin, size]));
    const next = this.#stolen.find(({ origin, firstSeq }) => firstSeq === (sizes.get(origin) ?? 0));
    const forge = forgeries[this.sent % forgeries.length];
    if (next === undefined || forge === undefined) return;
    this.sent++;
    const pieces = [{ kind: 'segment', bytes: forge(next, this.signer).bytes } as const];
    const members = [this.#self];
    this.#send(
      { type: 'pull-response', requestId, index: 0, count: 1, more: false, vector: [], pieces, members },
      port,
    );
  }

  #send(message: NodeMessage, port: number): void {
    this.#socket.send(this.#sealer.seal(encodeMessage(message)), port, '127.0.0.1');
  }
}

/** Another message, under the head that the origin signed. */
function altered(segment: Segment): Segment {
  return withHead(segment, (head) => head);
}

/** Another message under a head that fits it, signed by the forger with its own key. */
function signedAnew(segment: Segment, { publicKey, sign }: HeadSigner): Segment {
  return withHead(segment, (head, root) => {
    const unsigned = { ...head, root };
    return { ...unsigned, publicKey, signature: sign(headBytes(unsigned)) };
  });
}

/** The same, with the origin's key beside the forger's signature. */
function signedInItsName(segment: Segment, { sign }: HeadSigner): Segment {
  return withHead(segment, (head, root) => {
    const unsigned = { ...head, root };
    return { ...unsigned, signature: sign(headBytes(unsigned)) };
  });
}

/** The first segment of a log with another body in its only entry; `headOf` tells which head closes it. */
function withHead(
  { origin, firstSeq, head, records }: Segment,
  headOf: (head: SignedHead, root: Uint8Array) => SignedHead,
): Segment {
  const [record] = records;
  assert.ok(record?.kind === 'entry' && firstSeq === 0 && records.length === 1);
  const bytes = encodeEntry({ ...decodeEntry(record.bytes), body: new TextEncoder().encode('forged') });
  const frontier = new Frontier(fastTreeHash);
  frontier.append(fastTreeHash.leaf(bytes));
  const forged = {
    origin,
    firstSeq,
    head: headOf(head, frontier.root()),
    records: [{ kind: 'entry', bytes } as const],
  };
  return decodeSegment(encodeSegment(forged));
}

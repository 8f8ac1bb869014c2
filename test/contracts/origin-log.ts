import { hash } from 'node:crypto';
import type { HeadSigner } from '@grapevine/cluster-node/core/ports.ts';
import { signerFromKey } from '@grapevine/cluster-node/store/ed25519.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import type { CheckedSegment, NodeRun } from '@grapevine/cluster-node/store/log-store.ts';
import { encodeSegment, type SegmentRecord } from '@grapevine/cluster-node/wire/segment.ts';
import { type Entry, encodeEntry } from '@grapevine/shared/log/entry.ts';
import { headBytes } from '@grapevine/shared/log/head.ts';
import { packHlc } from '@grapevine/shared/log/hlc.ts';
import { Frontier } from '@grapevine/shared/merkle/frontier.ts';

export interface TestMessage {
  readonly topic?: string;
  readonly author?: string;
  readonly body?: string;
  readonly idempotencyKey?: string | undefined;
  /** Only the leaf hash is left of it. */
  readonly erased?: boolean;
}

/** Clock values of tests start here. */
export const startHlc = packHlc(1_700_000_000_000, 0);

/** An origin that writes signed segments, as a node does, without any store. The same name gives the same key. */
export class OriginLog {
  readonly signer: HeadSigner;
  readonly #frontier = new Frontier(fastTreeHash);
  #nextHlc: bigint;

  constructor(name: string, firstHlc = startHlc) {
    this.signer = signerFromKey(hash('sha256', name, 'buffer'));
    this.#nextHlc = firstHlc;
  }

  get id(): string {
    return this.signer.origin;
  }

  get size(): number {
    return this.#frontier.size;
  }

  root(): Uint8Array {
    return this.#frontier.root();
  }

  /** The next segment. `hlc`: the clock value of its first entry, if not the next one. */
  segment(messages: readonly TestMessage[], hlc = this.#nextHlc): CheckedSegment {
    const firstSeq = this.size;
    const entries = messages.map((message, i) => this.#entry(message, firstSeq + i, hlc + BigInt(i)));
    const encoded = entries.map(encodeEntry);
    const ids = encoded.map((bytes) => fastTreeHash.leaf(bytes));
    const leafHashes = new Uint8Array(Buffer.concat(ids));
    const nodes: NodeRun[] = [];
    this.#frontier.append(leafHashes, (level, first, hashes) => nodes.push({ level, first, hashes: hashes.slice() }));
    const records = messages.map(({ erased }, i): SegmentRecord => {
      const bytes = encoded[i] ?? new Uint8Array(0);
      return erased === true
        ? { kind: 'erased', leafHash: leafHashes.slice(i * 32, (i + 1) * 32) }
        : { kind: 'entry', bytes };
    });
    this.#nextHlc = hlc + BigInt(messages.length);
    const head = { origin: this.id, size: this.size, root: this.root(), hlc: this.#nextHlc - 1n };
    const signed = { ...head, publicKey: this.signer.publicKey, signature: this.signer.sign(headBytes(head)) };
    const segment = { origin: this.id, firstSeq, head: signed, records };
    return {
      segment: { ...segment, bytes: encodeSegment(segment) },
      entries: entries.map((entry, i) => (messages[i]?.erased === true ? undefined : entry)),
      leafHashes,
      nodes,
    };
  }

  #entry(message: TestMessage, seq: number, hlc: bigint): Entry {
    const { topic = 'news', author = 'ann', body = `body ${seq}`, idempotencyKey } = message;
    return {
      origin: this.id,
      seq,
      hlc,
      topic,
      author,
      contentType: 'text/plain',
      headers: {},
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      body: new TextEncoder().encode(body),
    };
  }
}

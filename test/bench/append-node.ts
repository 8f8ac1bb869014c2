import { setImmediate as turn } from 'node:timers/promises';
import { LogTips } from '@grapevine/cluster-node/core/log-tips.ts';
import { type Draft, type PlacedPublish, Writer } from '@grapevine/cluster-node/core/writer.ts';
import { nodeHeadVerifier, signerFromKey } from '@grapevine/cluster-node/store/ed25519.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import { type NodeStore, openNodeStore } from '@grapevine/cluster-node/store/node-store.ts';
import { readOrCreateOriginKey } from '@grapevine/cluster-node/store/origin-key.ts';
import { HybridClock } from '@grapevine/shared/log/hlc.ts';
import type { Appender } from './append.ts';

/** Above what 64 publishers can have queued. */
const maxQueueBytes = 1024 * 1024;

/** The node's own way from a draft to the disk: encoded, hashed, signed, in the tree and in all views. Without HTTP and gossip. */
export class NodeAppender implements Appender {
  readonly #store: NodeStore;
  readonly #writer: Writer;
  /** Publishes are acknowledged in the order in which they came. */
  readonly #unacknowledged: ((placed: PlacedPublish) => void)[] = [];
  #writing = false;

  private constructor(store: NodeStore, secret: Uint8Array) {
    const tips = new LogTips(fastTreeHash, nodeHeadVerifier, store.log, { allows: () => true });
    this.#store = store;
    this.#writer = new Writer(signerFromKey(secret), fastTreeHash, tips, new HybridClock(), maxQueueBytes);
  }

  static async open(dataDir: string): Promise<NodeAppender> {
    const store = await openNodeStore(dataDir);
    return new NodeAppender(store, readOrCreateOriginKey(dataDir));
  }

  append(body: string): Promise<PlacedPublish> {
    const bytes = Buffer.from(body);
    const draft: Draft = { topic: 'bench', author: 'bench', contentType: 'text/plain', headers: {}, body: bytes };
    if (!this.#writer.offer({ ticket: 0, drafts: [draft], acks: 1, deadlineMs: 0 })) {
      throw new Error('The queue is full.');
    }
    if (!this.#writing) void this.#write();
    return new Promise((resolve) => this.#unacknowledged.push(resolve));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Group commit: what is queued while one segment is on its way to the disk makes the next. */
  async #write(): Promise<void> {
    this.#writing = true;
    for (;;) {
      await turn();
      const { segments, placed } = this.#writer.write(Date.now(), maxQueueBytes);
      if (placed.length === 0) break;
      await this.#store.log.commit(segments);
      const acknowledge = this.#unacknowledged.splice(0, placed.length);
      placed.forEach((one, i) => {
        acknowledge[i]?.(one);
      });
    }
    this.#writing = false;
  }
}

import { setImmediate as turn } from 'node:timers/promises';
import { CommitPipeline } from '@grapevine/cluster-node/core/commit-pipeline.ts';
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
  readonly #pipeline: CommitPipeline;
  /** Publishes are acknowledged in the order in which they came. */
  readonly #unacknowledged: ((placed: PlacedPublish) => void)[] = [];
  #isWriting = false;

  private constructor(store: NodeStore, secret: Uint8Array) {
    const tips = new LogTips(fastTreeHash, nodeHeadVerifier, store.log, { allows: () => true });
    const signer = signerFromKey(secret);
    this.#store = store;
    this.#writer = new Writer(signer, fastTreeHash, tips, new HybridClock(), maxQueueBytes);
    this.#pipeline = new CommitPipeline(this.#writer, signer.origin);
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
    void this.#writeSoon();
    return new Promise((resolve) => this.#unacknowledged.push(resolve));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** What arrives in one turn of the event loop shares a commit. */
  async #writeSoon(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    await turn();
    this.#isWriting = false;
    this.#write();
  }

  #write(): void {
    const next = this.#pipeline.next(Date.now(), true);
    if (next === undefined) return;
    void this.#store.log.commit(next.segments).then(() => {
      const { placed } = this.#pipeline.committed(next.batch);
      const acknowledge = this.#unacknowledged.splice(0, placed.length);
      placed.forEach((one, i) => {
        acknowledge[i]?.(one);
      });
      this.#write();
    });
  }
}

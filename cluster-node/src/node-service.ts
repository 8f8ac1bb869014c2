import type { Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import type {
  Fork,
  HeadsResponse,
  Member,
  MembersResponse,
  PublishRequest,
  PublishResult,
  RootResponse,
} from '@grapevine/shared/contracts/node-api.ts';
import type { RepairReport, RepairRequest } from '@grapevine/shared/contracts/repair.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import type { DataDamage } from './store/damage.ts';
import type { LogStore } from './store/log-store.ts';
import type { Views } from './views/views.ts';

export interface PublishOutcome {
  readonly results: readonly PublishResult[];
  readonly token: string;
  /** Whether as many nodes as asked for hold everything; false when the time ran out first. */
  readonly acknowledged: boolean;
}

/** What the HTTP layer needs of a running node. */
export interface NodeService {
  readonly name: string;
  readonly origin: string;
  readonly log: Pick<LogStore, 'segmentsFrom' | 'tree'>;
  readonly views: Views;
  /**
   * Accepts the messages in order, all or none. Throws `OVERLOADED` when the queue is full, `PAYLOAD_TOO_LARGE` for a
   * body over the limit, `UNAVAILABLE` when the store refuses writes.
   */
  publish(author: string, request: PublishRequest): Promise<PublishOutcome>;
  /** Resolves true once this node holds what `required` covers, false after `timeoutMs`. */
  waitFor(required: Vector, timeoutMs: number): Promise<boolean>;
  /** Calls back after every commit until the returned function is called. */
  onCommit(listener: () => void): () => void;
  /** This node first. */
  members(): readonly Member[];
  /** The members, and what stands in the way of talking to others. */
  membership(): MembersResponse;
  heads(): HeadsResponse;
  /** The newest flushed head of an origin; undefined when nothing of it is held. */
  head(origin: string): SignedHead | undefined;
  root(): RootResponse;
  /** Somebody met damaged data while reading: it is examined, taken out of service and mended. */
  suspect(damage: DataDamage): void;
  /**
   * Checks what is stored and mends what is damaged, at once. Throws `REPAIR_UNDER_WAY`, or the reason why the disk takes no
   * writes.
   */
  repair(request: RepairRequest): Promise<RepairReport>;
  /** Every fork that this node has seen and remembers, those that last first. */
  forks(): readonly Fork[];
  /** Undefined when the node can take writes and reads; otherwise why not. */
  unready(): string | undefined;
}

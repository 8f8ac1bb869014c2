import { Retention } from '@grapevine/cluster-node/retention/retention.ts';
import { RetentionRules } from '@grapevine/cluster-node/retention/rules.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import type { LogStore } from '@grapevine/cluster-node/store/log-store.ts';
import type { Clock } from '@grapevine/shared/clock.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import type { Settings } from './plan/plan.ts';

/** The topics whose messages are erased, where a plan says that any are. */
const erasedTopics = ['topic-0', 'topic-1'] as const;

const unheard = createLogger({ name: 'simulator', level: 'error', destination: { write: () => undefined } });

/** What all nodes of a simulated cluster keep, and for how long. */
export function rulesOf({ eraseAfterSeconds }: Settings): RetentionRules {
  if (eraseAfterSeconds === 0) return new RetentionRules([]);
  return new RetentionRules(erasedTopics.map((topics) => ({ topics, maxAgeSeconds: eraseAfterSeconds })));
}

/** Whether messages of `topic` go by and by. */
export function isErased(settings: Settings, topic: string): boolean {
  return rulesOf(settings).of(topic) !== undefined;
}

/** The node's own retention; its timers are left out, and who has it calls `slice` now and then. */
export function retentionOf(settings: Settings, store: LogStore, clock: Clock): Retention {
  return new Retention({
    rules: rulesOf(settings),
    store,
    hash: fastTreeHash,
    clock,
    log: unheard,
    onDamage: () => undefined,
  });
}

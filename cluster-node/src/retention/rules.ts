import { hash } from 'node:crypto';
import type { RetentionRule } from '@grapevine/shared/config/schema.ts';

/** How long messages are kept, by topic. */
export class RetentionRules {
  readonly all: readonly RetentionRule[];
  /** The different ages after which something goes, in seconds, ascending. */
  readonly agesSeconds: readonly number[];
  readonly hasSizes: boolean;

  constructor(rules: readonly RetentionRule[]) {
    this.all = rules;
    const ages = new Set(rules.flatMap(({ maxAgeSeconds }) => maxAgeSeconds ?? []));
    this.agesSeconds = [...ages].sort((a, b) => a - b);
    this.hasSizes = rules.some(({ maxBytes }) => maxBytes !== undefined);
  }

  /** Infinite when nothing goes by age. */
  get smallestAgeMs(): number {
    return (this.agesSeconds[0] ?? Number.POSITIVE_INFINITY) * 1_000;
  }

  /** The first rule that names `topic`; a topic that none names is kept for ever. */
  of(topic: string): RetentionRule | undefined {
    return this.all.find(({ topics }) =>
      topics.endsWith('*') ? topic.startsWith(topics.slice(0, -1)) : topic === topics,
    );
  }

  /** Changes with the rules, 32 bytes. */
  digest(): Uint8Array {
    return hash('sha256', JSON.stringify(this.all), 'buffer');
  }
}

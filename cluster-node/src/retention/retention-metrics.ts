import { Counter, type Registry } from 'prom-client';
import type { Retention, RetentionCount } from './retention.ts';

/** Exposes what retention counts; there are as many labels as the configuration has rules. Values are read when scraped. */
export function observeRetention(registry: Registry, retention: Retention): void {
  const byRule = (name: string, help: string, value: (count: RetentionCount) => number): void => {
    new Counter({
      name,
      help,
      labelNames: ['topics'],
      registers: [registry],
      collect() {
        this.reset();
        for (const count of retention.counts) this.inc({ topics: count.topics }, value(count));
      },
    });
  };
  byRule(
    'grapevine_retention_erased_messages_total',
    'Messages whose bodies were erased, by rule.',
    ({ entries }) => entries,
  );
  byRule('grapevine_retention_erased_bytes_total', 'Bytes of what was erased, by rule.', ({ bytes }) => bytes);
  new Counter({
    name: 'grapevine_retention_skipped_segments_total',
    help: 'Segments that retention passed over because they are damaged.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(retention.skipped);
    },
  });
}

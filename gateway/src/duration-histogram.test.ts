import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AggregatorRegistry, Histogram, Registry } from 'prom-client';
import { DurationHistogram } from './duration-histogram.ts';

const options = { name: 'a_seconds', help: 'A', buckets: [0.1, 1, 10] };
const durations = [0, 0.05, 0.1, 0.100_1, 0.5, 1, 5, 10, 10.1, 1_000];

async function printed(registry: Registry): Promise<string> {
  registry.setDefaultLabels({ service: 's' });
  return registry.metrics();
}

test("it prints what prom-client's own prints", async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const histogram = new DurationHistogram(ours, options);
  const own = new Histogram({ ...options, buckets: [...options.buckets], labelNames: ['route'], registers: [theirs] });
  for (const route of ['a', 'b']) {
    const series = histogram.series({ route });
    for (const seconds of durations) {
      series.observe(seconds);
      own.observe({ route }, seconds);
    }
  }
  const lines = (text: string): string[] => text.trim().split('\n').map(sortLabels);
  assert.deepEqual(lines(await printed(ours)), lines(await printed(theirs)));
});

test('those of several processes add up', async () => {
  const registries = [new Registry(), new Registry()];
  for (const registry of registries) new DurationHistogram(registry, options).series({ route: 'a' }).observe(0.5);
  const all = AggregatorRegistry.aggregate(await Promise.all(registries.map((one) => one.getMetricsAsJSON())));
  assert.match(await all.metrics(), /a_seconds_bucket\{[^}]*le="1"[^}]*\} 2/);
  assert.match(await all.metrics(), /a_seconds_count\{route="a"\} 2/);
});

function sortLabels(line: string): string {
  return line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').sort().join()}}`);
}

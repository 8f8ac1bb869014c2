import { Counter, Gauge, type Registry } from 'prom-client';
import type { ClusterNode } from './node.ts';
import type { SealedTransport } from './transport/sealed-transport.ts';

const memberStates = ['alive', 'suspect', 'dead', 'left'] as const;

/** Exposes what the replica and its transport count. Values are read when they are scraped. */
export function observeNode(registry: Registry, node: ClusterNode, { counts }: SealedTransport): void {
  const { replica } = node;
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
  const counter = (name: string, help: string, value: () => number): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  };
  const counterBy = (name: string, help: string, label: string, values: Readonly<Record<string, number>>): void => {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(values)) this.inc({ [label]: value }, count);
      },
    });
  };
  gauge('grapevine_messages', 'Messages flushed on this node.', () => node.views.count());
  gauge('grapevine_origins', 'Origins of which this node holds entries.', () => replica.flushed.vector.size);
  gauge('grapevine_publish_queue_bytes', 'Bytes of publishes that wait for a commit.', () => replica.queueBytes);
  const inState = (state: string): number => replica.members().filter((member) => member.state === state).length;
  for (const state of memberStates) {
    gauge(`grapevine_members_${state}`, `Members that this node sees as ${state}.`, () => inState(state));
  }
  const { counts: log } = replica;
  counter('grapevine_commits_total', 'Commits flushed.', () => log.commits);
  counter('grapevine_segments_received_total', 'Segments received from peers.', () => log.segmentsReceived);
  counter('grapevine_segments_known_total', 'Segments received that were here already.', () => log.segmentsKnown);
  counter('grapevine_segments_refused_total', 'Segments that their origin did not write.', () => log.segmentsRefused);
  counterBy('grapevine_datagrams_sent_total', 'Datagrams sent, by message.', 'type', counts.sent);
  counterBy(
    'grapevine_datagrams_received_total',
    'Datagrams received and opened, by message.',
    'type',
    counts.received,
  );
  counterBy('grapevine_datagrams_dropped_total', 'Datagrams dropped unanswered.', 'reason', counts.dropped);
}

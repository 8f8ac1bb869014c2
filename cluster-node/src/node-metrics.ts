import { Counter, Gauge, type Registry } from 'prom-client';
import type { DamageCounts } from './damage/mender.ts';
import type { ForkCounts } from './forks/fork-watch.ts';
import type { ClusterNode } from './node.ts';
import type { MessageCounts } from './transport/sealed-transport.ts';
import type { UdpCounts } from './transport/udp-transport.ts';

const memberStates = ['alive', 'suspect', 'dead', 'left'] as const;

/** Exposes what the replica and its transport count. Values are read when they are scraped. */
export function observeNode(
  registry: Registry,
  node: ClusterNode,
  damage: DamageCounts,
  forks: ForkCounts,
  messages: MessageCounts,
  udp: UdpCounts,
): void {
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
  const { membership } = replica;
  const conflicts = (): number => replica.members().filter(({ name }) => membership.rivalOf(name) !== undefined).length;
  gauge('grapevine_name_conflicts', 'Members whose name another live process uses too.', conflicts);
  gauge('grapevine_superseded', "1 when a later process has this node's name or origin: it does not write.", () =>
    membership.superseded === undefined ? 0 : 1,
  );
  gauge(
    'grapevine_local_health',
    'Rounds that were late of late, 0 to 8: so much longer others get to answer.',
    () => membership.health.score,
  );
  const { counts: seen } = membership;
  counter('grapevine_suspicions_total', 'Members that this node began to see as suspect.', () => seen.suspected);
  counter('grapevine_refutations_total', 'Claims about this node that it refuted.', () => seen.refuted);
  counter(
    'grapevine_members_forgotten_total',
    'Members forgotten after they were gone for long.',
    () => seen.forgotten,
  );
  gauge('grapevine_catch_up_lacking_messages', 'Messages that the catch-up under way has still to bring.', () => {
    const { entries, of } = node.catchUp() ?? { entries: 0, of: 0 };
    return of - entries;
  });
  const { counts: log, catchUpCounts: caughtUp } = replica;
  counter('grapevine_catch_up_messages_total', 'Messages received by catch-ups.', () => caughtUp.entries);
  counter('grapevine_catch_up_bytes_total', 'Bytes of segments received by catch-ups.', () => caughtUp.bytes);
  counterBy('grapevine_catch_ups_total', 'Catch-ups that ended, by outcome.', 'outcome', caughtUp.outcomes);
  counter('grapevine_commits_total', 'Commits flushed.', () => log.commits);
  counter('grapevine_segments_received_total', 'Segments received from peers.', () => log.segmentsReceived);
  counter('grapevine_segments_known_total', 'Segments received that were here already.', () => log.segmentsKnown);
  counter(
    'grapevine_segments_withheld_total',
    'Segments left because bodies were missing.',
    () => log.segmentsWithheld,
  );
  counter('grapevine_segments_refused_total', 'Segments that their origin did not write.', () => log.segmentsRefused);
  gauge('grapevine_quarantined_segments', 'Damaged segments out of service.', () => damage.quarantined);
  counter('grapevine_segments_damaged_total', 'Segments found damaged.', () => damage.found);
  counter('grapevine_segments_mended_total', 'Damaged segments got back from peers.', () => damage.mended);
  counter(
    'grapevine_segment_copies_refused_total',
    'Copies from peers that did not belong there.',
    () => damage.refused,
  );
  counter(
    'grapevine_view_records_mended_total',
    'Damaged records of topics and indexes made anew from the logs.',
    () => damage.viewRecords,
  );
  counter('grapevine_tree_nodes_mended_total', 'Damaged nodes of trees computed anew.', () => damage.treeNodes);
  counter('grapevine_scrubbed_bytes_total', 'Bytes of segments read and checked.', () => damage.scrubbedBytes);
  counter('grapevine_scrub_passes_total', 'Times that all logs were checked.', () => damage.passes);
  gauge('grapevine_forks', 'Forks between its logs and those of others that last.', () => forks.open);
  counter('grapevine_forks_found_total', 'Forks found.', () => forks.found);
  counterBy('grapevine_comparisons_total', 'Comparisons with a peer, by outcome.', 'outcome', forks.comparisons);
  counterBy('grapevine_datagrams_sent_total', 'Datagrams sent, by message.', 'type', messages.sent);
  counterBy(
    'grapevine_datagrams_received_total',
    'Datagrams received and opened, by message.',
    'type',
    messages.received,
  );
  counterBy(
    'grapevine_datagrams_dropped_total',
    'Datagrams dropped unanswered, by reason.',
    'reason',
    messages.dropped,
  );
  counterBy('grapevine_datagrams_oversized_total', 'Messages too large for a datagram.', 'type', messages.oversized);
  counter('grapevine_udp_sent_bytes_total', 'Bytes of datagrams sent.', () => udp.sentBytes);
  counter('grapevine_udp_received_bytes_total', 'Bytes of datagrams received.', () => udp.receivedBytes);
  counter('grapevine_udp_unsent_total', 'Datagrams not sent because too much was waiting.', () => udp.dropped);
  counterBy('grapevine_udp_errors_total', 'Errors of the gossip socket, by system code.', 'code', udp.errors);
}

import type { Sighting } from '@grapevine/shared/cluster-client/sightings.ts';
import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import { builder, type FieldRules } from './builder.ts';

const SightingType = builder.objectRef<Sighting>('Sighting').implement({
  description: 'A node began to show a message.',
  fields: (t) => ({
    node: t.exposeID('node'),
    id: t.exposeID('id', {
      nullable: true,
      description: 'Of the message; null once, in the first event of a node, when its stream is open.',
    }),
    atMs: t.exposeFloat('atMs', {
      description: 'When this BFF heard of it, in milliseconds by a clock that only serves to compare two sightings.',
    }),
  }),
});

/** A stream at every node. */
const rules: FieldRules = { scope: 'cluster:read', cost: 50 };

builder.subscriptionField('messageSeen', (t) =>
  t.field({
    type: SightingType,
    description: 'Messages of a topic, once for each node that shows them, from the present on.',
    args: { topic: t.arg.string({ required: true }) },
    extensions: { ...rules },
    subscribe: (_root, { topic }, { cluster, caller }) => cluster.sightings(caller, requireTopicName(topic)),
    resolve: (sighting) => sighting,
  }),
);

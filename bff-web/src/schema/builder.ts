import type { Scope } from '@grapevine/shared/identity/scopes.ts';
import SchemaBuilder from '@pothos/core';
import RelayPlugin from '@pothos/plugin-relay';
import type { GraphContext } from '../graph-context.ts';

/** What the checks before execution read from a field's extensions. */
export interface FieldRules {
  /** Scope that the caller needs; every root field states one. */
  readonly scope?: Scope;
  /** What one such field costs, its children not counted; 1 when absent. */
  readonly cost?: number;
  /** Items that the field's children are counted for; a page field takes them from its arguments instead. */
  readonly items?: number;
  /** What one such field costs besides, by the arguments that it is given. */
  readonly argumentCosts?: Readonly<Record<string, number>>;
  /**
   * Whether what the field shows stays as it is while the topics stand of which pages were read for it. When absent, it does
   * for a field below the root, which shows a part of what its parent found, and does not for a root field.
   */
  readonly standsWithTopics?: boolean;
}

export const builder = new SchemaBuilder<{
  Context: GraphContext;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: false;
  DefaultNodeNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    BigInt: { Input: never; Output: number };
    /** Going out, in milliseconds since the Unix epoch. */
    DateTime: { Input: Date; Output: number };
    JSON: { Input: unknown; Output: unknown };
  };
}>({
  plugins: [RelayPlugin],
  defaultFieldNullability: false,
  relay: {
    cursorType: 'String',
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    edgesFieldOptions: { nullable: false },
    nodeFieldOptions: { nullable: false },
    pageInfoTypeOptions: { description: 'Where a page stands among the others (Relay cursor connections).' },
  },
});

builder.queryType({ description: 'Reads. Any replica may answer; give a consistency token to read your own writes.' });
builder.mutationType({ description: 'Writes.' });
builder.subscriptionType({
  description: 'Live data, over server-sent events (Accept: text/event-stream) or a WebSocket (graphql-transport-ws).',
});

import type { Caller } from '@grapevine/shared/cluster-client/caller.ts';
import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import { type ConsistencyReport, consistencyReport } from '@grapevine/shared/cluster-client/consistency-report.ts';
import { ofOne } from '@grapevine/shared/cluster-client/of-one.ts';
import { encodeCursor } from '@grapevine/shared/contracts/cursor.ts';
import { defaultContentType } from '@grapevine/shared/contracts/media-type.ts';
import type { DraftInput, Message, SyncResponse, Topic } from '@grapevine/shared/contracts/node-api.ts';
import type { MessageProof } from '@grapevine/shared/contracts/proof.ts';
import { isoTime } from '@grapevine/shared/iso-time.ts';
import { hlcHexMs } from '@grapevine/shared/log/hlc.ts';
import { endOfTopic } from './contract/requests.ts';

/** What the resolvers of one request work with. */
export interface Context {
  readonly client: ClusterClient;
  readonly caller: Caller;
}

interface TopicsArguments {
  readonly limit: number;
  readonly after?: string;
  readonly consistency?: string;
}

interface MessagesArguments extends TopicsArguments {
  readonly topic: string;
  /** A cursor, or `endOfTopic`. */
  readonly before?: string;
}

interface MessageArguments {
  readonly id: string;
  readonly consistency?: string;
}

interface SyncArguments {
  readonly since?: string;
  readonly topics?: readonly string[];
  readonly limit: number;
  readonly consistency?: string;
}

interface WriteConcern {
  readonly acks?: number;
  readonly timeoutMs?: number;
}

interface PublishArguments extends WriteConcern {
  readonly message: DraftInput;
}

interface PublishAllArguments extends WriteConcern {
  readonly messages: readonly DraftInput[];
}

/** The root value that stored documents run on: one function per root field of `schema.graphql`. */
export const resolvers = {
  async topics({ limit, after, consistency }: TopicsArguments, { client, caller }: Context) {
    const page = await client.topics(caller, { limit, after, consistency });
    return { ...page, items: page.items.map(topicView) };
  },

  async messages({ topic, limit, after, before, consistency }: MessagesArguments, { client, caller }: Context) {
    const backward = before !== undefined;
    const page = await client.messages(caller, topic, {
      limit,
      after,
      before: before === endOfTopic ? undefined : before,
      direction: backward ? 'backward' : 'forward',
      consistency,
    });
    const edge = backward ? page.items[0] : page.items.at(-1);
    const goesOn = backward ? page.hasPrevious : page.hasNext;
    return {
      items: page.items.map(messageView),
      next: goesOn && edge !== undefined ? encodeCursor(edge) : null,
      digest: page.topic.digest,
      token: page.token,
    };
  },

  async message({ id, consistency }: MessageArguments, { client, caller }: Context) {
    const message = await client.message(caller, id, consistency);
    return message === undefined ? null : messageView(message);
  },

  async proof({ id, consistency }: MessageArguments, { client, caller }: Context): Promise<MessageProof | undefined> {
    return client.proof(caller, id, consistency);
  },

  async sync(request: SyncArguments, { client, caller }: Context) {
    const { items, ...rest }: SyncResponse = await client.sync(caller, request);
    return { ...rest, items: items.map(messageView) };
  },

  async consistency(_arguments: unknown, { client, caller }: Context): Promise<ConsistencyReport> {
    return consistencyReport(client, caller);
  },

  async publish({ message, ...concern }: PublishArguments, { client, caller }: Context) {
    const { results, token, acknowledged } = await ofOne(client.publish(caller, { messages: [message], ...concern }));
    return { ...results[0], token, acknowledged };
  },

  async publishAll({ messages, ...concern }: PublishAllArguments, { client, caller }: Context) {
    return client.publish(caller, { messages, ...concern });
  },
};

function topicView({ name, count, digest, lastHlc }: Topic) {
  return { name, count, digest, lastAt: timeOf(lastHlc) };
}

function messageView({ hlc, contentType, headers, ...message }: Message) {
  return {
    ...message,
    at: timeOf(hlc),
    contentType: contentType === defaultContentType ? null : contentType,
    headers: Object.keys(headers).length === 0 ? null : headers,
  };
}

function timeOf(hlc: string): string {
  return isoTime(hlcHexMs(hlc));
}

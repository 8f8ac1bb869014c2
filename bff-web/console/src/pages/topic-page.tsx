import { useCallback, useState } from 'preact/hooks';
import type { Cluster } from '../api/cluster.ts';
import { addedSchema, addedSubscription, type Message, pageQuery, pageSchema } from '../api/messages.ts';
import { useQuery } from '../api/use-query.ts';
import { useSubscription } from '../api/use-subscription.ts';
import { printable } from '../format.ts';
import { MessageList } from '../parts/message-list.tsx';
import { Problem } from '../parts/problem.tsx';
import { PublishForm } from '../parts/publish-form.tsx';

interface TopicPageProps {
  readonly name: string;
  readonly cluster: Cluster | undefined;
}

/** Messages shown: a topic with thousands a second must not fill the tab. */
const shownMessages = 50;

/** A topic's newest messages, as they come. */
export function TopicPage({ name, cluster }: TopicPageProps) {
  const { data, problem } = useQuery(pageSchema, pageQuery, { topic: name, last: shownMessages });
  const [added, setAdded] = useState<readonly Message[]>([]);
  const take = useCallback(
    ({ messageAdded }: { readonly messageAdded: { readonly message: Message } }) =>
      setAdded((before) => [messageAdded.message, ...before].slice(0, shownMessages)),
    [],
  );
  const { connection } = useSubscription(addedSchema, addedSubscription, { topic: name }, take);
  const page = data?.messages.edges.map(({ node }) => node).reverse() ?? [];
  const known = new Set(added.map(({ id }) => id));
  const messages = [...added, ...page.filter(({ id }) => !known.has(id))].slice(0, shownMessages);
  return (
    <>
      <section class="card" aria-labelledby="topic-title">
        <h1 id="topic-title" class="stranger">
          {printable(name)}
        </h1>
        <PublishForm topic={name} nodes={cluster?.nodes.map((node) => node.name) ?? []} />
      </section>
      <section class="card" aria-labelledby="messages-title">
        <h2 id="messages-title">Newest messages</h2>
        <Problem problem={problem} />
        {connection === 'lost' && <p class="note">New ones do not show until the connection is back.</p>}
        {data !== undefined && messages.length === 0 && <p class="note">There are none yet.</p>}
        <MessageList messages={messages} />
      </section>
    </>
  );
}

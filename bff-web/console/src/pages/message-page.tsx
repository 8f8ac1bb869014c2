import { verifyMessageProof } from '@grapevine/shared/verifier/verify-message.ts';
import { useMemo } from 'preact/hooks';
import { messageAnswerSchema, messageQuery, proofAnswerSchema, proofQuery } from '../api/messages.ts';
import { useQuery } from '../api/use-query.ts';
import { count, dateAndTime, printable } from '../format.ts';
import { Facts } from '../parts/facts.tsx';
import { Problem } from '../parts/problem.tsx';
import { ShortHash } from '../parts/short-hash.tsx';
import { ProofView } from '../proof/proof-view.tsx';
import { links } from '../route.ts';

/** Characters of a body: more than a screen, less than what slows a browser down. */
const shownCharacters = 20_000;

/** A message and the proof that it is in its origin's signed log, checked here. */
export function MessagePage({ id }: { readonly id: string }) {
  const { data, problem } = useQuery(messageAnswerSchema, messageQuery, { id });
  const proof = useQuery(proofAnswerSchema, proofQuery, { id });
  const document = proof.data?.inclusionProof;
  const outcome = useMemo(() => (document == null ? undefined : verifyMessageProof(document)), [document]);
  const message = data?.message;
  const facts =
    message == null
      ? []
      : ([
          [
            'Topic',
            <a key="topic" class="stranger" href={links.topic(message.topic)}>
              {printable(message.topic)}
            </a>,
          ],
          [
            'Author',
            <span key="author" class="stranger">
              {printable(message.author)}
            </span>,
          ],
          ['Accepted', dateAndTime(message.createdAt)],
          [
            'Content type',
            <span key="type" class="stranger">
              {printable(message.contentType)}
            </span>,
          ],
          [
            'Key',
            message.key === null ? (
              '–'
            ) : (
              <span key="key" class="stranger">
                {printable(message.key)}
              </span>
            ),
          ],
          ['Origin', <ShortHash key="origin" hash={message.origin} what="origin" digits={16} />],
          ['Entry', count(message.seq)],
          ...Object.entries(message.headers ?? {}).map(
            ([name, value]) =>
              [
                `Header ${printable(name)}`,
                <span key={name} class="stranger">
                  {printable(value)}
                </span>,
              ] as const,
          ),
        ] as const);
  return (
    <>
      <section class="card" aria-labelledby="message-title">
        <h1 id="message-title">
          Message <ShortHash hash={id} what="id" digits={16} />
        </h1>
        <Problem problem={problem} />
        {message === null && <p>No node that was asked holds a message with this id.</p>}
        {message != null && (
          <>
            <Facts facts={facts} />
            <h2>Body</h2>
            <pre class="body stranger">
              {printable(message.body.slice(0, shownCharacters))}
              {message.body.length > shownCharacters &&
                `… ${count(message.body.length - shownCharacters)} more characters`}
            </pre>
          </>
        )}
      </section>
      <section class="card" aria-labelledby="proof-title">
        <h2 id="proof-title">Inclusion proof</h2>
        <Problem problem={proof.problem} />
        {outcome !== undefined && <ProofView document={document} outcome={outcome} shownBody={message?.body} />}
        {document === null && <p class="note">There is no proof of what nobody holds.</p>}
      </section>
    </>
  );
}

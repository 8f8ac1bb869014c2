import type { Message } from '../api/messages.ts';
import { dateAndTime, printable } from '../format.ts';
import { links } from '../route.ts';

/** Characters of a body in a list. */
const shownCharacters = 400;

/** Messages, newest first. */
export function MessageList({ messages }: { readonly messages: readonly Message[] }) {
  return (
    <ol class="messages">
      {messages.map(({ id, author, body, createdAt, key }) => (
        <li key={id}>
          <p class="about">
            <a href={links.message(id)}>
              <code>{id.slice(0, 12)}…</code>
            </a>
            <time dateTime={createdAt}>{dateAndTime(createdAt)}</time>
            <span class="stranger">{printable(author)}</span>
            {key !== null && <span class="stranger">key {printable(key)}</span>}
          </p>
          <pre class="stranger">
            {printable(body.slice(0, shownCharacters))}
            {body.length > shownCharacters && '…'}
          </pre>
        </li>
      ))}
    </ol>
  );
}

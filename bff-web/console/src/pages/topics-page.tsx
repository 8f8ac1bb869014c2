import { useRef } from 'preact/hooks';
import { topicsQuery, topicsSchema } from '../api/messages.ts';
import { useQuery } from '../api/use-query.ts';
import { count, dateAndTime, printable } from '../format.ts';
import { Problem } from '../parts/problem.tsx';
import { links } from '../route.ts';

/** All topics, and the ways to a message or to a topic that is new. */
export function TopicsPage() {
  const { data, problem, again } = useQuery(topicsSchema, topicsQuery);
  const topics = data?.topics.edges.map(({ node }) => node) ?? [];
  return (
    <>
      <section class="card" aria-labelledby="find-title">
        <h1 id="find-title">Topics and messages</h1>
        <div class="finders">
          <GoTo label="Message by id" placeholder="64 hexadecimal digits" to={links.message} />
          <GoTo label="Topic by name" placeholder="such as orders" to={links.topic} />
        </div>
      </section>
      <section class="card" aria-labelledby="topics-title">
        <h2 id="topics-title">
          Topics{' '}
          <button type="button" class="quiet" onClick={again}>
            Ask again
          </button>
        </h2>
        <Problem problem={problem} />
        {data !== undefined && topics.length === 0 && (
          <p class="note">Nothing has been published yet. Open a topic by name above, and publish a test message.</p>
        )}
        {topics.length > 0 && (
          <table class="rows">
            <caption class="hidden">Topics</caption>
            <thead>
              <tr>
                <th scope="col">Topic</th>
                <th scope="col">Messages</th>
                <th scope="col">Last message</th>
              </tr>
            </thead>
            <tbody>
              {topics.map(({ name, count: messages, lastMessageAt }) => (
                <tr key={name}>
                  <th scope="row">
                    <a href={links.topic(name)}>{printable(name)}</a>
                  </th>
                  <td data-label="Messages" class="number">
                    {count(messages)}
                  </td>
                  <td data-label="Last message">{dateAndTime(lastMessageAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {data?.topics.pageInfo.hasNextPage === true && (
          <p class="note">These are the first {topics.length}; open others by name.</p>
        )}
      </section>
    </>
  );
}

interface GoToProps {
  readonly label: string;
  readonly placeholder: string;
  readonly to: (text: string) => string;
}

function GoTo({ label, placeholder, to }: GoToProps) {
  const input = useRef<HTMLInputElement>(null);
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = input.current?.value.trim() ?? '';
    if (text !== '') location.hash = to(text);
  };
  return (
    <form onSubmit={submit}>
      <label>
        {label}
        <input ref={input} placeholder={placeholder} spellcheck={false} autoComplete="off" required />
      </label>
      <button type="submit">Open</button>
    </form>
  );
}

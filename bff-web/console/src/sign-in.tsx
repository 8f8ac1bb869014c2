import { useRef } from 'preact/hooks';
import { refusal, signIn } from './api/session.ts';
import { printable } from './format.ts';

export function SignIn() {
  const input = useRef<HTMLInputElement>(null);
  const why = refusal();
  const submit = (event: Event): void => {
    event.preventDefault();
    const given = input.current?.value.trim() ?? '';
    if (given !== '') signIn(given);
  };
  return (
    <main class="sign-in">
      <form class="card" onSubmit={submit}>
        <h1>Grapevine console</h1>
        <p>
          Whether all replicas tell the same story. The link that <code>npm start</code> prints signs you in;{' '}
          <code>grapevine token --scope 'messages:read cluster:read'</code> makes a token.
        </p>
        {why !== undefined && (
          <p class="problem" role="alert">
            {printable(why)}
          </p>
        )}
        <label for="token">Operator’s token</label>
        <input ref={input} id="token" type="password" autoComplete="off" spellcheck={false} required />
        <p class="note">It needs the scope cluster:read, and is forgotten when this tab closes.</p>
        <button type="submit" class="primary">
          Show the cluster
        </button>
      </form>
    </main>
  );
}

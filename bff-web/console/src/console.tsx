import { useEffect, useState } from 'preact/hooks';
import { onSession, token } from './api/session.ts';
import { Shell } from './shell.tsx';
import { SignIn } from './sign-in.tsx';

/** Everything that there is; without a token only the question for one. */
export function Console() {
  const [given, setGiven] = useState(token);
  useEffect(() => onSession(() => setGiven(token())), []);
  return given === null ? <SignIn /> : <Shell />;
}

/** The operator's token. It lives in this tab alone, and is gone with it. */

const key = 'grapevine-token';
let refused: string | undefined;
const listeners = new Set<() => void>();

export function token(): string | null {
  return sessionStorage.getItem(key);
}

/** Why the last token is gone, if that was not what the operator wanted. */
export function refusal(): string | undefined {
  return refused;
}

export function signIn(given: string): void {
  refused = undefined;
  sessionStorage.setItem(key, given);
  for (const listener of listeners) listener();
}

/** `why`: what the server had against the token. */
export function signOut(why?: string): void {
  refused = why;
  sessionStorage.removeItem(key);
  for (const listener of listeners) listener();
}

/** Calls `listener` at every change; answers how to stop that. */
export function onSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The link that is printed at the start carries the token behind the #, which browsers send to nobody. */
export function takeTokenFromAddress(): void {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given === null) return;
  sessionStorage.setItem(key, given);
  // It must not stay in the address bar, nor in the history.
  history.replaceState(null, '', `${location.pathname}#/`);
}

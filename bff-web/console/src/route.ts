import { useEffect, useState } from 'preact/hooks';

/** A place in the console, as the part of the address behind # names it. */
export type Route =
  | { readonly page: 'overview' }
  | { readonly page: 'node'; readonly name: string }
  | { readonly page: 'topics' }
  | { readonly page: 'topic'; readonly name: string }
  | { readonly page: 'message'; readonly id: string }
  | { readonly page: 'compare'; readonly a: string | undefined; readonly b: string | undefined };

export const links = {
  overview: '#/',
  topics: '#/topics',
  compare: '#/compare',
  node: (name: string) => `#/nodes/${encodeURIComponent(name)}`,
  topic: (name: string) => `#/topics/${encodeURIComponent(name)}`,
  message: (id: string) => `#/messages/${encodeURIComponent(id)}`,
  pair: (a: string, b: string) => `#/compare/${encodeURIComponent(a)}/${encodeURIComponent(b)}`,
};

export function routeOf(hash: string): Route {
  const [kind = '', first, second] = hash.replace(/^#\/?/, '').split('/').map(decoded);
  if (kind === 'nodes' && first !== undefined) return { page: 'node', name: first };
  if (kind === 'topics') return first === undefined ? { page: 'topics' } : { page: 'topic', name: first };
  if (kind === 'messages' && first !== undefined) return { page: 'message', id: first };
  if (kind === 'compare') return { page: 'compare', a: first, b: second };
  return { page: 'overview' };
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const follow = (): void => setRoute(routeOf(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}

/** Anybody can type an address. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What a principal may do. A route asks for one of these; a token carries a set of them. */
export const scopes = ['messages:read', 'messages:write', 'cluster:read', 'cluster:admin'] as const;
export type Scope = (typeof scopes)[number];

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}

/**
 * Reads the space-separated `scope` claim (RFC 8693 section 4.2), in which neither order nor repetition counts. Scopes that we
 * do not know are dropped, never granted.
 */
export function parseScopes(text: string): readonly Scope[] {
  const named = new Set(text.split(' '));
  return scopes.filter((scope) => named.has(scope));
}

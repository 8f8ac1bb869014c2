/** What a principal may do. A route asks for one of these; a token carries a set of them. */
export const scopes = ['messages:read', 'messages:write', 'cluster:read', 'cluster:admin'] as const;
export type Scope = (typeof scopes)[number];

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}

/** Reads the space-separated `scope` claim (RFC 8693 section 4.2). Scopes that we do not know are dropped, never granted. */
export function parseScopes(text: string): readonly Scope[] {
  return text.split(' ').filter(isScope);
}

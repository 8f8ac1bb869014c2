/** Longest text that a refusal repeats, in characters: of a longer one its length says more. */
const maxShown = 60;

interface Refused {
  readonly input?: unknown;
}

/** The words of a schema's check: what it takes, and what it got instead. Not for secrets, which they would repeat. */
export function expected(what: string): { readonly error: (issue: Refused) => string } {
  return { error: ({ input }) => `expected ${what}, found ${shown(input)}` };
}

function shown(input: unknown): string {
  if (input === undefined) return 'nothing';
  if (Array.isArray(input)) return input.length === 0 ? 'none' : `a list of ${input.length}`;
  if (typeof input === 'object' && input !== null) return `an object of ${Object.keys(input).length}`;
  if (typeof input !== 'string') return String(input);
  return input.length > maxShown ? `${input.length} characters` : JSON.stringify(input);
}

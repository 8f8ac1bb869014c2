import type { IncomingHttpHeaders } from 'node:http';
import { gatewayCacheHeader } from '@grapevine/shared/http/gateway-cache.ts';

/** One directive: a token, and what may follow behind `=`, as a token or a quoted string (RFC 9111 section 5.2). */
const directivePattern = /\s*([!#$%&'*+.^`|~\w-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?\s*(?:,|$)/y;
/** Longer times are "infinite" (RFC 9111 section 1.2.2), and this is exact in every arithmetic. */
const longestSeconds = 2 ** 31;

/** Directives by their names in lower case; of two of one name the first counts. */
export class CacheDirectives {
  readonly #arguments = new Map<string, string>();

  constructor(text: string) {
    for (let at = 0; at < text.length; ) {
      directivePattern.lastIndex = at;
      const [whole, name, quoted, token] = directivePattern.exec(text) ?? [];
      if (whole === undefined || name === undefined) {
        // What cannot be read ends at the next comma; the others still count.
        const comma = text.indexOf(',', at);
        at = comma === -1 ? text.length : comma + 1;
        continue;
      }
      at += whole.length;
      const key = name.toLowerCase();
      if (!this.#arguments.has(key)) this.#arguments.set(key, quoted?.replace(/\\(.)/g, '$1') ?? token ?? '');
    }
  }

  has(name: string): boolean {
    return this.#arguments.has(name);
  }

  /** Seconds that a directive names; undefined when it is absent, 0 when what it names is no time (RFC 9111 section 4.2.1). */
  seconds(name: string): number | undefined {
    const text = this.#arguments.get(name);
    if (text === undefined) return undefined;
    return /^\d+$/.test(text) ? Math.min(Number(text), longestSeconds) : 0;
  }

  /** Whether the directive has an argument: `max-stale` may go without. */
  hasArgument(name: string): boolean {
    return (this.#arguments.get(name) ?? '') !== '';
  }
}

const none = new CacheDirectives('');

/** What a request says; `Pragma: no-cache` counts only where there is no `Cache-Control` (RFC 9111 section 5.4). */
export function requestDirectives({ 'cache-control': text, pragma }: IncomingHttpHeaders): CacheDirectives {
  if (text !== undefined) return new CacheDirectives(text);
  return pragma !== undefined && new CacheDirectives(pragma).has('no-cache') ? noCache : none;
}

const noCache = new CacheDirectives('no-cache');

/** What an answer says to us, and whether it says so to us alone. */
export function answerDirectives(headers: IncomingHttpHeaders): {
  readonly directives: CacheDirectives;
  readonly targeted: boolean;
} {
  const targeted = headers[gatewayCacheHeader];
  if (typeof targeted === 'string' && targeted.trim() !== '') {
    return { directives: new CacheDirectives(targeted), targeted: true };
  }
  const text = headers['cache-control'];
  return { directives: text === undefined ? none : new CacheDirectives(text), targeted: false };
}

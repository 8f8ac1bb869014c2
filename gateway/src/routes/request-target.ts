import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';

/** Position of `{topic}` in `/mobile/v1/topics/{topic}`: the one place where an encoded slash is data. */
const topicPosition = 3;
const topicParents = ['mobile', 'v1', 'topics'];

/** Everything outside printable ASCII, and what URL parsers disagree about: backslashes and fragments. */
const forbiddenCharacters = /[^\x21-\x7e]|[\\#]/;
/** What must not appear after decoding either: a later hop might split or cut the path there. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for.
const forbiddenDecoded = /[\x00-\x1f\x7f\\]/;

/**
 * The decoded path segments of a request target (RFC 9112 section 3.2.1), for matching only: what is forwarded are the
 * bytes as they came. Throws `BAD_REQUEST` for anything that the gateway and a service behind it could read differently:
 * absolute forms, dot segments, empty segments, encoded slashes and backslashes, broken percent-encoding.
 */
export function pathSegments(target: string): readonly string[] {
  if (!target.startsWith('/')) throw new GrapevineError('BAD_REQUEST', 'The request target must start with a slash.');
  if (forbiddenCharacters.test(target)) {
    throw new GrapevineError(
      'BAD_REQUEST',
      'The request target holds a character that is not allowed; percent-encode it.',
    );
  }
  const segments = pathOf(target).slice(1).split('/');
  return segments.map((segment, position) => decodeSegment(segment, position, segments));
}

/** The path of a request target without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

function decodeSegment(segment: string, position: number, segments: readonly string[]): string {
  const decoded = segment.includes('%') ? decode(segment) : segment;
  if (decoded === '.' || decoded === '..') throw ambiguous('a dot segment');
  if (decoded === '' && position < segments.length - 1) throw ambiguous('an empty segment');
  if (forbiddenDecoded.test(decoded)) throw ambiguous('an encoded control character or backslash');
  if (decoded.includes('/') && !isTopic(position, segments)) throw ambiguous('an encoded slash outside a topic name');
  return decoded;
}

function isTopic(position: number, segments: readonly string[]): boolean {
  return position === topicPosition && topicParents.every((name, index) => segments[index] === name);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw ambiguous('percent-encoding that is not valid UTF-8');
  }
}

function ambiguous(found: string): GrapevineError {
  return new GrapevineError('BAD_REQUEST', `The path holds ${found}.`);
}

import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';

/** Everything outside printable ASCII, and what URL parsers disagree about: backslashes and fragments. */
const forbiddenInTarget = /[^\x21-\x7e]|[\\#]/;
/** Where path parameters begin, which some servers cut off before they match and others do not. */
const forbiddenInPath = ';';
/** What must not appear after decoding either, where a later hop might split or cut the path, or decode once more. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for.
const forbiddenDecoded = /[\x00-\x1f\x7f\\;]|%[0-9a-fA-F]{2}/;

/**
 * The decoded path segments of a request target (RFC 9112 section 3.2.1), for matching only: what is forwarded are the
 * bytes as they came. Routes and scopes are found by these and nothing else. Throws `BAD_REQUEST` for anything that the
 * gateway and a service behind it could read differently: absolute forms, dot segments, empty segments, path parameters,
 * encoded backslashes and control characters, what is encoded twice, broken percent-encoding. A segment may hold an encoded
 * slash; whether it may there is up to the route.
 */
export function pathSegments(target: string): readonly string[] {
  checkTarget(target);
  const path = pathOf(target);
  if (path.includes(forbiddenInPath)) throw ambiguousPath('a path parameter');
  const segments = path.slice(1).split('/');
  for (let position = 0; position < segments.length; position++) {
    segments[position] = decodeSegment(segments[position] ?? '', position === segments.length - 1);
  }
  return segments;
}

/** Throws `BAD_REQUEST` for a target that cannot be split into a path and a query without doubt. */
export function checkTarget(target: string): void {
  if (!target.startsWith('/')) throw new GrapevineError('BAD_REQUEST', 'The request target must start with a slash.');
  if (!forbiddenInTarget.test(target)) return;
  throw new GrapevineError(
    'BAD_REQUEST',
    'The request target holds a character that is not allowed; percent-encode it.',
  );
}

/** The path of a request target without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

export function ambiguousPath(found: string): GrapevineError {
  return new GrapevineError('BAD_REQUEST', `The path holds ${found}.`);
}

function decodeSegment(segment: string, isLast: boolean): string {
  if (segment === '' && !isLast) throw ambiguousPath('an empty segment');
  const decoded = segment.includes('%') ? decode(segment) : segment;
  if (decoded === '.' || decoded === '..') throw ambiguousPath('a dot segment');
  return decoded;
}

function decode(segment: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    throw ambiguousPath('percent-encoding that is not valid UTF-8');
  }
  if (forbiddenDecoded.test(decoded)) {
    throw ambiguousPath('an encoded control character, backslash or semicolon, or something encoded twice');
  }
  return decoded;
}

/** One event of a `text/event-stream` (WHATWG HTML, section 9.2). */
export interface ServerSentEvent {
  /** `message` when the stream gave no name. */
  readonly event: string;
  readonly data: string;
  /** The stream's last id so far; empty when it gave none. */
  readonly id: string;
}

/**
 * Characters of one unfinished event. A message with the largest body there can be (1 MiB, six characters for each byte
 * that JSON escapes) fits; a stream without line ends cannot make us hold more.
 */
const maxPending = 8 * 1024 * 1024;

/**
 * Splits a stream into its events as they are completed. Comments and `retry` are skipped; an event that the end of the
 * stream cuts off is dropped, as the standard says. Throws `RangeError` for an event beyond all bounds.
 */
export async function* parseEventStream(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent, void> {
  const decoder = new TextDecoder();
  let pending = '';
  let fields = emptyFields();
  let id = '';
  for await (const chunk of chunks) {
    pending += decoder.decode(chunk, { stream: true });
    const { lines, rest } = takeLines(pending);
    pending = rest;
    for (const line of lines) {
      if (line !== '') {
        id = readField(line, fields) ?? id;
        continue;
      }
      if (fields.data.length > 0) yield { event: fields.event, data: fields.data.join('\n'), id };
      fields = emptyFields();
    }
    const held = fields.data.reduce((sum, data) => sum + data.length, pending.length);
    if (held > maxPending) throw new RangeError(`an event of more than ${maxPending} characters`);
  }
}

interface Fields {
  event: string;
  readonly data: string[];
}

function emptyFields(): Fields {
  return { event: 'message', data: [] };
}

/** Whole lines of `text`. A carriage return at its end stays behind: it may be the first half of a line end. */
function takeLines(text: string): { lines: string[]; rest: string } {
  const parts = text.split(/\r\n|\n|\r(?!$)/);
  const rest = parts.pop() ?? '';
  return { lines: parts, rest };
}

/** Adds one line to `fields`; answers the id when the line carries one. */
function readField(line: string, fields: Fields): string | undefined {
  const colon = line.indexOf(':');
  const name = colon === -1 ? line : line.slice(0, colon);
  const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (name === 'event') fields.event = value;
  if (name === 'data') fields.data.push(value);
  return name === 'id' && !value.includes('\0') ? value : undefined;
}

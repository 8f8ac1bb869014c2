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
  const lines = new LineBuffer();
  let fields = emptyFields();
  let id = '';
  for await (const chunk of chunks) {
    for (const line of lines.add(decoder.decode(chunk, { stream: true }))) {
      if (line !== '') {
        id = readField(line, fields) ?? id;
        continue;
      }
      if (fields.data.length > 0) yield { event: fields.event, data: fields.data.join('\n'), id };
      fields = emptyFields();
    }
    if (lines.pending + fields.length > maxPending)
      throw new RangeError(`an event of more than ${maxPending} characters`);
  }
}

/** Cuts text into lines that end in CR, LF or both. */
class LineBuffer {
  #rest = '';
  /** A carriage return at the end of a chunk may be the first half of a line end. */
  #heldReturn = false;

  /** Characters of the unfinished line. */
  get pending(): number {
    return this.#rest.length;
  }

  /** The lines that `text` completes. */
  add(text: string): readonly string[] {
    // Without a line end in sight nothing is searched again: a long line would be scanned once per chunk.
    if (!this.#heldReturn && !/[\r\n]/.test(text)) {
      this.#rest += text;
      return [];
    }
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    this.#heldReturn = this.#rest.endsWith('\r');
    return lines;
  }
}

interface Fields {
  event: string;
  readonly data: string[];
  /** Characters of `data`, line ends included. */
  length: number;
}

function emptyFields(): Fields {
  return { event: 'message', data: [], length: 0 };
}

/** Adds one line to `fields`; answers the id when the line carries one. */
function readField(line: string, fields: Fields): string | undefined {
  const colon = line.indexOf(':');
  const name = colon === -1 ? line : line.slice(0, colon);
  const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (name === 'event') fields.event = value;
  if (name === 'data') {
    fields.data.push(value);
    fields.length += value.length + 1;
  }
  return name === 'id' && !value.includes('\0') ? value : undefined;
}

import { connect } from 'node:net';

/** What came back over one connection. */
export interface RawAnswer {
  readonly text: string;
  /** How it ended: closed by the server, reset, or still open when `patienceMs` was over. */
  readonly end: 'closed' | 'reset' | 'open';
}

/** A server that has not answered and not read for so long never will. */
const patienceMs = 3_000;

/**
 * Sends bytes as they are and collects everything that comes back until the server closes or nothing has moved for three
 * seconds. For what HTTP clients refuse to send. With `readLate` it does not read before all is sent, as simple clients do.
 */
export function sendRaw(port: number, bytes: string, options: { readLate?: boolean } = {}): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1' });
    const finish = (end: RawAnswer['end']): void => {
      socket.destroy();
      resolve({ text, end });
    };
    socket.setTimeout(patienceMs, () => finish('open'));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.once('end', () => finish('closed'));
    socket.once('error', () => finish('reset'));
    if (options.readLate === true) socket.pause();
    socket.write(bytes, 'latin1', () => socket.resume());
  });
}

/** The status codes of the answers in `text`, in order. */
export function statuses(text: string): readonly number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

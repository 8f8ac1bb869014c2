import { connect } from 'node:net';

/** What came back over one connection. */
export interface RawAnswer {
  readonly text: string;
  /** How it ended: closed by the server, reset, or still open when `patienceMs` was over. */
  readonly end: 'closed' | 'reset' | 'open';
}

/**
 * Sends bytes as they are and collects everything that comes back until the server closes or nothing has come for
 * `patienceMs`. For what HTTP clients refuse to send.
 */
export function sendRaw(port: number, bytes: string, patienceMs = 3_000): Promise<RawAnswer> {
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
    socket.write(bytes, 'latin1');
  });
}

/** The status codes of the answers in `text`, in order. */
export function statuses(text: string): readonly number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

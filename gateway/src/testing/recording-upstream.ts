import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** A request as the upstream saw it. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export type UpgradeAnswer = (request: IncomingMessage, socket: Duplex) => void;
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A real HTTP server that stands where a BFF would: notes what arrives whole, answers as the test says. */
export interface RecordingUpstream {
  readonly url: string;
  readonly port: number;
  readonly received: readonly Received[];
  /** Requests whose head has arrived, whole or not. */
  readonly begun: () => number;
  /** Requests that broke off before their answer was complete. */
  readonly aborted: () => number;
  answerWith(answer: Answer): void;
  /** Requests for a WebSocket that arrived. */
  readonly upgrades: readonly IncomingMessage[];
  upgradeWith(answer: UpgradeAnswer): void;
  /** Stops at once, cutting every connection. */
  stop(): Promise<void>;
}

const plainAnswer: Answer = (request, response) => {
  request
    .resume()
    .once('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}'));
};

export async function startRecordingUpstream(port = 0): Promise<RecordingUpstream> {
  const received: Received[] = [];
  let answer = plainAnswer;
  let begun = 0;
  let aborted = 0;
  const server = createServer((request, response) => {
    begun++;
    response.once('close', () => {
      if (!response.writableFinished) aborted++;
    });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const { method = '', url = '', headers, rawHeaders } = request;
      received.push({ method, url, headers, rawHeaders, body: Buffer.concat(chunks).toString() });
    });
    answer(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const sockets = new Set<Duplex>();
  const upgrades: IncomingMessage[] = [];
  let upgrade: UpgradeAnswer = (_request, socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  server.on('upgrade', (request, socket) => {
    upgrades.push(request);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    upgrade(request, socket);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    received,
    begun: () => begun,
    aborted: () => aborted,
    answerWith: (next) => {
      answer = next;
    },
    upgrades,
    upgradeWith: (next) => {
      upgrade = next;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy();
      }),
  };
}

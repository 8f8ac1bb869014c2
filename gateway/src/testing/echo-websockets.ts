import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** RFC 6455 section 1.3. */
const acceptGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** First byte of a frame that closes. */
const closeFrame = 0x88;

/** Takes an upgrade as a WebSocket server does and sends every short frame back; `subprotocol` is what it selects. */
export function echoWebSocket(request: IncomingMessage, socket: Duplex, subprotocol?: string): void {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${acceptGuid}`).digest('base64');
  const selected = subprotocol === undefined ? '' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
  const head = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${selected}Server: secret\r\n`;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${head}\r\n`);
  let bytes: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.once('end', () => socket.end());
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (let end = frameEnd(bytes); end <= bytes.length; end = frameEnd(bytes)) {
      const [opcode = 0, mask, payload] = [bytes[0], bytes.subarray(2, 6), bytes.subarray(6, end)];
      const plain = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
      socket.write(Buffer.concat([Buffer.from([opcode, plain.length]), plain]));
      if (opcode === closeFrame) socket.end();
      bytes = bytes.subarray(end);
    }
  });
}

/** Where the first frame ends; a client's frames are masked, and here they are short. */
function frameEnd(bytes: Buffer): number {
  return bytes.length < 2 ? Number.POSITIVE_INFINITY : 6 + ((bytes[1] ?? 0) & 0x7f);
}

import type { IncomingMessage } from 'node:http';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';

/** Bytes of body that the request announces. The HTTP parser has refused everything but one plain number. */
export function announcedBytes(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0);
}

/** Whether the body has no announced length, so that it must be counted while it flows. */
export function isChunked(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined;
}

export function tooLarge(maxBytes: number): GrapevineError {
  return new GrapevineError('PAYLOAD_TOO_LARGE', `The body is larger than ${maxBytes} bytes.`);
}

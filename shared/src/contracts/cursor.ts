import { GrapevineError } from '../errors/grapevine-error.ts';
import { fromBase64Url, toBase64Url } from './base64url.ts';

/** A place in topic order: messages are sorted by hybrid clock, then origin, then sequence number, on every node alike. */
export interface TopicPosition {
  /** 16 hexadecimal digits. */
  readonly hlc: string;
  /** 32 hexadecimal digits. */
  readonly origin: string;
  readonly seq: number;
}

const shape = /^([0-9a-f]{16})([0-9a-f]{32})([0-9a-f]{12})$/;

/** The opaque cursor of a position: base64url over fixed-width fields, so that equal positions give equal cursors on every node. */
export function encodeCursor(position: TopicPosition): string {
  const hex = position.hlc + position.origin + position.seq.toString(16).padStart(12, '0');
  return toBase64Url(Uint8Array.fromHex(hex));
}

/** Reads a cursor back; throws `INVALID_CURSOR` for anything that `encodeCursor` does not produce. */
export function decodeCursor(cursor: string): TopicPosition {
  const match = shape.exec(fromBase64Url(cursor)?.toHex() ?? '');
  const [, hlc, origin, seq] = match ?? [];
  if (hlc === undefined || origin === undefined || seq === undefined) {
    throw new GrapevineError('INVALID_CURSOR', 'Expected a cursor exactly as it was received.');
  }
  return { hlc, origin, seq: Number.parseInt(seq, 16) };
}

import { GrapevineError } from '../errors/grapevine-error.ts';
import { fromBase64Url, toBase64Url } from './base64url.ts';
import { limits } from './limits.ts';

/** How many entries of each origin somebody holds: origin (32 hex digits) to size. A missing origin counts as 0. */
export type Vector = ReadonlyMap<string, number>;

const version = 1;
const headerBytes = 3;
const originBytes = 16;
const recordBytes = originBytes + 6;

/**
 * A consistency token is a vector in a compact form, opaque to clients: version u8, count u16, then per origin 16 bytes of
 * origin and a 48-bit size, sorted by origin, in base64url. Equal vectors give equal tokens.
 */
export function encodeToken(vector: Vector): string {
  const origins = [...vector.keys()].filter((origin) => (vector.get(origin) ?? 0) > 0).sort();
  if (origins.length > limits.tokenOrigins) {
    throw new GrapevineError(
      'INTERNAL',
      `A token holds at most ${limits.tokenOrigins} origins, found ${origins.length}.`,
    );
  }
  const bytes = new Uint8Array(headerBytes + origins.length * recordBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, version);
  view.setUint16(1, origins.length);
  let at = headerBytes;
  for (const origin of origins) {
    bytes.set(Uint8Array.fromHex(origin), at);
    const size = vector.get(origin) ?? 0;
    view.setUint16(at + originBytes, Math.floor(size / 0x1_0000_0000));
    view.setUint32(at + originBytes + 2, size % 0x1_0000_0000);
    at += recordBytes;
  }
  return toBase64Url(bytes);
}

/** Reads a token back; throws `INVALID_CURSOR` for anything that `encodeToken` does not produce. */
export function decodeToken(token: string): Vector {
  const bytes = fromBase64Url(token);
  if (bytes === undefined || bytes.length < headerBytes) throw notAToken();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(0) !== version) throw notAToken();
  const count = view.getUint16(1);
  if (count > limits.tokenOrigins || bytes.length !== headerBytes + count * recordBytes) throw notAToken();
  const vector = new Map<string, number>();
  let previous = '';
  for (let at = headerBytes; at < bytes.length; at += recordBytes) {
    const origin = bytes.subarray(at, at + originBytes).toHex();
    const size = view.getUint16(at + originBytes) * 0x1_0000_0000 + view.getUint32(at + originBytes + 2);
    if (origin <= previous || size === 0) throw notAToken();
    vector.set(origin, size);
    previous = origin;
  }
  return vector;
}

/** Whether a holder of `vector` has everything that `required` covers. */
export function covers(vector: Vector, required: Vector): boolean {
  for (const [origin, size] of required) {
    if ((vector.get(origin) ?? 0) < size) return false;
  }
  return true;
}

function notAToken(): GrapevineError {
  return new GrapevineError('INVALID_CURSOR', 'Expected a consistency token exactly as it was received.');
}

import type { Message } from '@grapevine/shared/contracts/node-api.ts';
import { hlcToHex } from '@grapevine/shared/log/hlc.ts';
import type { StoredEntry } from '../views/views.ts';

/** The message that clients see. `body` is UTF-8: publishing takes nothing else. */
export function messageJson({ id, entry }: StoredEntry): Message {
  return {
    id,
    origin: entry.origin,
    seq: entry.seq,
    hlc: hlcToHex(entry.hlc),
    topic: entry.topic,
    author: entry.author,
    contentType: entry.contentType,
    headers: entry.headers,
    key: entry.key ?? null,
    body: textOf(entry.body),
  };
}

/** Buffer's decoder keeps a leading U+FEFF, which TextDecoder takes for a mark and drops. */
function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
}

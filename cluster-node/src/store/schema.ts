import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { ByteReader } from '@grapevine/shared/log/bytes.ts';
import { damaged, readStored } from './damage.ts';
import { readHeads } from './head-record.ts';
import type { KeyValueReader, KeyValueStore } from './key-value.ts';
import { metaKey } from './keys.ts';

/** Number of the layout that `keys.ts` describes. A node does not guess at data of another. */
const schemaVersion = 1;
const schemaKey = metaKey('schema');

/** Checks that `data` has this program's layout, and marks it so when it is empty. */
export async function requireSchema(data: KeyValueStore): Promise<void> {
  if (checkSchema(data)) return;
  await data.write([{ table: 'meta', key: schemaKey, value: Uint8Array.of(0, schemaVersion) }]);
}

/** Whether `data` is marked with this program's layout; false when it is empty. Throws `DATA_FORMAT_UNKNOWN` for another layout, `DATA_DAMAGED` when only the mark is gone. */
export function checkSchema(data: KeyValueReader): boolean {
  const mark = data.get('meta', schemaKey);
  if (mark === undefined) {
    if (readHeads(data).length > 0) throw damaged('Expected a schema version beside the logs, found none.');
    return false;
  }
  const found = readStored('Schema version', () => new ByteReader(mark).u16());
  if (found === schemaVersion) return true;
  throw new GrapevineError(
    'DATA_FORMAT_UNKNOWN',
    `The data has layout ${found}, this program expects layout ${schemaVersion}.`,
  );
}

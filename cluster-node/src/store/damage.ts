import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';

/** A place in a log where something is not what it should be. */
export interface DamagedPlace {
  readonly origin: string;
  /** The entry whose segment or tree nodes it is; undefined when it may be anywhere in the tree. */
  readonly seq?: number;
}

/** Stored bytes that are not what this node once wrote. Whoever meets it reports it, so that the place is examined. */
export class DataDamage extends GrapevineError {
  /** Where in the logs; undefined when it is in what is made from them. */
  readonly place: DamagedPlace | undefined;

  constructor(message: string, place?: DamagedPlace, cause?: unknown) {
    super('DATA_DAMAGED', message, { cause });
    this.place = place;
  }
}

/** Runs `read` over stored bytes; what does not decode there is `DataDamage` and not the caller's fault. */
export function readStored<T>(what: string, read: () => T, place?: DamagedPlace): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) throw new DataDamage(`${what}: ${error.message}`, place, error);
    throw error;
  }
}

export function damaged(message: string, place?: DamagedPlace): DataDamage {
  return new DataDamage(message, place);
}

/** What `read` gives, or undefined when it meets damage. */
export function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DataDamage) return undefined;
    throw error;
  }
}

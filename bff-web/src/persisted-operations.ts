import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { z } from 'zod';

/** Documents that clients have registered by themselves. */
const maxRegistered = 1_000;
/** Longer ones are not registered, in characters: with `maxRegistered` this bounds the memory to 32 MiB. */
const maxCharacters = 16_384;

const hashSchema = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in 64 lower-case hexadecimal digits');
const fileSchema = z.record(hashSchema, z.string());
const referenceSchema = z.looseObject({ version: z.literal(1), sha256Hash: hashSchema });

/** A GraphQL request: an object whose members may be anything. */
export type GraphQLRequest = Readonly<Record<string, unknown>>;

/**
 * Documents that clients name by their SHA-256 instead of sending them: those of a file, made when the clients are built, and
 * those that clients register by sending a document once with its hash (automatic persisted queries).
 */
export class PersistedOperations {
  readonly #fixed: ReadonlyMap<string, string>;
  readonly #fixedTexts: ReadonlySet<string>;
  readonly #only: boolean;
  readonly #registered = new Map<string, string>();

  /** `only`: nothing but what the file holds may be executed. Throws `CONFIG_INVALID` for a file that is none of ours. */
  constructor({ file, only }: { readonly file?: string | undefined; readonly only: boolean }) {
    this.#fixed = file === undefined ? new Map() : readDocuments(file);
    this.#fixedTexts = new Set(this.#fixed.values());
    this.#only = only;
  }

  /**
   * `request` with the document that it names. Throws `PERSISTED_QUERY_NOT_FOUND` for a hash that is not known,
   * `OPERATION_NOT_ALLOWED` for a document outside the file where only those may be executed, `BAD_REQUEST` for a
   * reference that is none or does not fit the document beside it.
   */
  resolve(request: GraphQLRequest): GraphQLRequest {
    const { extensions, ...plain } = request;
    const named = isObject(extensions) ? extensions['persistedQuery'] : undefined;
    if (named === undefined) return this.#allowed(request);
    const reference = referenceSchema.safeParse(named);
    if (!reference.success) {
      throw new GrapevineError(
        'BAD_REQUEST',
        'Expected persistedQuery to be {"version": 1, "sha256Hash": <64 hexadecimal digits>}.',
      );
    }
    const { persistedQuery: _reference, ...others } = extensions as GraphQLRequest;
    const query = this.#find(reference.data.sha256Hash, request['query']);
    const rest = Object.keys(others).length === 0 ? {} : { extensions: others };
    return this.#allowed({ ...plain, ...rest, query });
  }

  #find(sha256: string, sent: unknown): string {
    const known = this.#fixed.get(sha256) ?? this.#registered.get(sha256);
    if (typeof sent !== 'string') {
      if (known !== undefined) return known;
      // Clients look for these words.
      throw new GrapevineError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound');
    }
    if (hash('sha256', sent, 'hex') !== sha256) {
      throw new GrapevineError('BAD_REQUEST', 'The hash is not that of the document beside it.');
    }
    if (known === undefined && sent.length <= maxCharacters && !this.#only) {
      const [oldest] = this.#registered.keys();
      if (this.#registered.size >= maxRegistered && oldest !== undefined) this.#registered.delete(oldest);
      this.#registered.set(sha256, sent);
    }
    return sent;
  }

  #allowed(request: GraphQLRequest): GraphQLRequest {
    const { query } = request;
    if (!this.#only || typeof query !== 'string' || this.#fixedTexts.has(query)) return request;
    throw new GrapevineError(
      'OPERATION_NOT_ALLOWED',
      'This server executes only the operations that its operator has listed.',
    );
  }
}

function readDocuments(path: string): ReadonlyMap<string, string> {
  try {
    const documents = Object.entries(fileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))));
    for (const [sha256, text] of documents) {
      if (hash('sha256', text, 'hex') !== sha256) throw new Error(`${sha256} is not the SHA-256 of its document`);
    }
    return new Map(documents);
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new GrapevineError('CONFIG_INVALID', `Expected ${path} to be JSON of documents by their SHA-256; ${why}.`);
  }
}

function isObject(value: unknown): value is GraphQLRequest {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

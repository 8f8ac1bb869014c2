import type { BffWebConfig } from '@grapevine/shared/config/schema.ts';
import type { ErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  type ParseOptions,
  parse,
  type Source,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import { type DocumentLimits, limitRules } from './document-limits.ts';

/** Documents that are remembered; an application has tens of them. */
const maxDocuments = 1_000;
/** Longer ones are read anew each time, in characters: with `maxDocuments` this bounds the memory to about 100 MiB, parsed. */
const maxRemembered = 8_192;

/** A document that may be executed, or what is wrong with it. */
export type ReadDocument =
  | { readonly document: DocumentNode; readonly errors?: never }
  | { readonly document?: never; readonly errors: readonly GraphQLError[] };

/** Parses and validates documents within the limits, each text once. */
export class Documents {
  readonly #schema: GraphQLSchema;
  readonly #maxTokens: number;
  readonly #rules: readonly ValidationRule[];
  readonly #known = new Map<string, ReadDocument>();

  constructor(schema: GraphQLSchema, limits: DocumentLimits & Pick<BffWebConfig, 'maxTokens'>) {
    this.#schema = schema;
    this.#maxTokens = limits.maxTokens;
    this.#rules = [...specifiedRules, ...limitRules(limits)];
  }

  read(text: string): ReadDocument {
    const before = this.#known.get(text);
    if (before !== undefined) return before;
    const found = this.#read(text);
    if (text.length <= maxRemembered) {
      if (this.#known.size >= maxDocuments) this.#known.clear();
      this.#known.set(text, found);
    }
    return found;
  }

  #read(text: string): ReadDocument {
    try {
      const document = parseWithin(this.#maxTokens, text);
      const errors = validate(this.#schema, document, this.#rules);
      return errors.length === 0 ? { document } : { errors };
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      error.extensions['code'] ??= 'GRAPHQL_PARSE_FAILED' satisfies ErrorCode;
      return { errors: [error] };
    }
  }
}

/** The document; throws `GraphQLError`, for one of more than `maxTokens` lexical tokens with the code `QUERY_TOO_COMPLEX`. */
export function parseWithin(maxTokens: number, source: string | Source, options?: ParseOptions): DocumentNode {
  try {
    return parse(source, { ...options, maxTokens });
  } catch (error) {
    if (!(error instanceof GraphQLError) || !error.message.includes('tokens. Parsing aborted')) throw error;
    const message = `Expected at most ${maxTokens} lexical tokens.`;
    throw new GraphQLError(message, { extensions: { code: 'QUERY_TOO_COMPLEX' } });
  }
}

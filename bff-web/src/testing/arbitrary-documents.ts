/** Documents that a schema allows, with arguments of every kind, and such that somebody has broken. */
import fc from 'fast-check';
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';

/** A request body, with variables for what its document declares. */
export interface ArbitraryRequest {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Texts that mean something somewhere, besides the most harmful ones. */
const texts = fc.oneof(
  fc.constantFrom('t', 'a/b', 'text/plain', '2026-01-01T00:00:00Z', 'node-1', 'a b', '', '\u0000', '\ud800', '💥'),
  // Any code units, lone surrogates among them.
  fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
);
/** Whole numbers that GraphQL's Int holds, its ends and ours among them. */
const integers = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(0, -1, 100, 101, 2 ** 31 - 1, -(2 ** 31)));
const moments = fc.constantFrom('2020-01-01T00:00:00Z', '1960-02-29T23:59:59.999+14:00');
/** Levels of fields below a root field. */
const maxLevels = 6;

/** Texts that lead to something, by the names of the arguments and input fields that they are for. */
export type Known = Readonly<Record<string, readonly string[]>>;

/** Draws what a document is made of. */
class DocumentWriter {
  readonly #schema: GraphQLSchema;
  readonly #known: Known;
  readonly #draw: <Value>(arbitrary: fc.Arbitrary<Value>) => Value;
  readonly #variables: Record<string, unknown> = {};
  readonly #declared: string[] = [];
  readonly #fragments: string[] = [];

  constructor(schema: GraphQLSchema, known: Known, gen: fc.GeneratorValue) {
    this.#schema = schema;
    this.#known = known;
    this.#draw = (arbitrary) => gen(() => arbitrary);
  }

  write(kind: 'query' | 'mutation'): ArbitraryRequest {
    const root = kind === 'query' ? this.#schema.getQueryType() : this.#schema.getMutationType();
    if (root == null) throw new TypeError(`The schema has no ${kind}.`);
    const selection = this.#selection(root, maxLevels);
    const variables = this.#declared.length === 0 ? '' : `(${this.#declared.join(', ')})`;
    const query = [`${kind} Q${variables} ${selection}`, ...this.#fragments].join('\n');
    return { query, variables: this.#variables };
  }

  #selection(type: GraphQLNamedType, levels: number): string {
    const parts = Array.from({ length: this.#draw(fc.integer({ min: 1, max: 3 })) }, () => this.#part(type, levels));
    return `{ ${parts.join(' ')} }`;
  }

  #part(type: GraphQLNamedType, levels: number): string {
    const dice = this.#draw(fc.integer({ min: 0, max: 19 }));
    if (dice === 0) return '__typename';
    if (dice === 1) return `... ${this.#directive()} ${this.#selection(type, levels)}`;
    if (isInterfaceType(type) && dice < 14) {
      const inner = this.#draw(fc.constantFrom(...this.#schema.getPossibleTypes(type)));
      return `... on ${inner.name} ${this.#selection(inner, levels)}`;
    }
    if (dice === 2) {
      const name = `F${this.#fragments.length}`;
      const at = this.#fragments.push('') - 1;
      this.#fragments[at] = `fragment ${name} on ${type.name} ${this.#selection(type, levels)}`;
      return `...${name}`;
    }
    return this.#field(type as GraphQLObjectType, levels);
  }

  /** Under an alias of its own: two fields of one name with other arguments could not be merged. */
  #field(type: GraphQLObjectType, levels: number): string {
    const fields = Object.values(type.getFields());
    const usable = levels > 1 ? fields : fields.filter((field) => isLeaf(field));
    if (usable.length === 0) return '__typename';
    const field = this.#draw(fc.constantFrom(...usable));
    const given = field.args.flatMap((argument) => this.#argument(argument) ?? []);
    const dice = this.#draw(fc.integer({ min: 0, max: 39 }));
    const own = given.length === 0 ? '' : `a${this.#draw(fc.nat(1e9))}: `;
    const alias = dice === 0 ? `${this.#draw(fc.constantFrom('constructor', 'toString', '__proto__'))}: ` : own;
    const args = given.length === 0 ? '' : `(${given.join(', ')})`;
    const below = isLeaf(field) ? '' : ` ${this.#selection(getNamedType(field.type), levels - 1)}`;
    return `${alias}${field.name}${args} ${this.#directive()}${below}`;
  }

  #directive(): string {
    if (this.#draw(fc.integer({ min: 0, max: 19 })) > 0) return '';
    return this.#draw(
      fc.constantFrom('@include(if: true)', '@skip(if: false)', '@include(if: false)', '@skip(if: true)'),
    );
  }

  #argument(argument: GraphQLArgument): string | undefined {
    const { name, type } = argument;
    if (!isRequiredArgument(argument) && !this.#isGiven(name, type)) return undefined;
    const value = this.#value(type, name);
    if (this.#draw(fc.boolean())) return `${name}: ${literal(value, type)}`;
    const variable = `v${this.#declared.length}`;
    this.#declared.push(`$${variable}: ${String(type)}`);
    this.#variables[variable] = value;
    return `${name}: $${variable}`;
  }

  /** Cursors and tokens that are made up only lead to one and the same refusal. */
  #isGiven(name: string, type: GraphQLInputType): boolean {
    const isMadeUp = getNamedType(type).name === 'String' && this.#known[name] === undefined;
    return this.#draw(fc.integer({ min: 1, max: isMadeUp ? 12 : 3 })) === 1;
  }

  #value(type: GraphQLInputType, name: string): unknown {
    if (isNonNullType(type)) return this.#value(type.ofType, name);
    if (isListType(type)) return Array.from({ length: this.#draw(fc.nat(2)) }, () => this.#value(type.ofType, name));
    if (isEnumType(type)) return this.#draw(fc.constantFrom(...type.getValues().map((value) => value.name)));
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter(
        (field) => isNonNullType(field.type) || this.#isGiven(field.name, field.type),
      );
      return Object.fromEntries(fields.map((field) => [field.name, this.#value(field.type, field.name)]));
    }
    return this.#scalar(getNamedType(type).name, name);
  }

  #scalar(type: string, name: string): unknown {
    if (type === 'Int') return this.#draw(integers);
    if (type === 'Boolean') return this.#draw(fc.boolean());
    if (type === 'DateTime') return this.#draw(moments);
    if (type === 'JSON') return this.#draw(fc.oneof(fc.constant({ a: 'b' }), fc.jsonValue({ maxDepth: 2 })));
    const known = this.#known[name];
    if (known !== undefined && this.#draw(fc.integer({ min: 0, max: 9 })) > 0) {
      return this.#draw(fc.constantFrom(...known));
    }
    return this.#draw(texts);
  }
}

function isLeaf(field: GraphQLField<unknown, unknown>): boolean {
  const type = getNamedType(field.type);
  return !isObjectType(type) && !isInterfaceType(type);
}

/** `value` as a document writes it. A lone surrogate has no literal. */
function literal(value: unknown, type: GraphQLInputType | undefined): string {
  const plain = type === undefined ? undefined : getNullableType(type);
  if (isEnumType(plain)) return String(value);
  if (Array.isArray(value)) {
    return `[${value.map((item) => literal(item, isListType(plain) ? plain.ofType : undefined)).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const fields = isInputObjectType(plain) ? plain.getFields() : {};
    const named = Object.entries(value).filter(([name]) => /^[_A-Za-z]\w*$/.test(name));
    return `{ ${named.map(([name, item]) => `${name}: ${literal(item, fields[name]?.type)}`).join(', ')} }`;
  }
  return JSON.stringify(typeof value === 'string' ? value.toWellFormed() : value);
}

/** A request for which the schema has no objection before it is executed. */
export function arbitraryRequest(schema: GraphQLSchema, known: Known): fc.Arbitrary<ArbitraryRequest> {
  return fc.gen().map((gen) => {
    const kind = gen(() => fc.constantFrom('query' as const, 'query' as const, 'query' as const, 'mutation' as const));
    return new DocumentWriter(schema, known, gen).write(kind);
  });
}

/** A request body that began as a valid one: pieces of its text are missing, doubled or foreign, or its members are something else. */
export function brokenRequest(valid: fc.Arbitrary<ArbitraryRequest>): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom('{', '}', '(', '"', '"""', '$', '...', '@skip', ' on ', 'null', '\u0000', '#'),
    texts,
  );
  const cut = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), length: fc.nat(12), piece });
  const brokenText = fc.tuple(valid, fc.array(cut, { minLength: 1, maxLength: 3 })).map(([request, cuts]) => {
    const query = cuts.reduce((text, { at, length, piece: put }) => {
      const from = Math.floor(at * text.length);
      return text.slice(0, from) + put + text.slice(from + length);
    }, request.query);
    return JSON.stringify({ ...request, query });
  });
  const otherMember = fc
    .tuple(valid, fc.constantFrom('query', 'variables', 'operationName', 'extensions', 'more'), fc.jsonValue())
    .map(([request, name, value]) => JSON.stringify({ ...request, [name]: value }));
  const otherVariables = fc
    .tuple(valid, fc.jsonValue())
    .map(([{ query, variables }, value]) =>
      JSON.stringify({ query, variables: Object.fromEntries(Object.keys(variables).map((name) => [name, value])) }),
    );
  return fc.oneof(brokenText, otherMember, otherVariables, fc.json(), fc.string());
}

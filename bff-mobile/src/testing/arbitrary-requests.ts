/** Requests that an OpenAPI document describes: as it says, at the ends of what it says, and beyond. */
import fc from 'fast-check';

/** The part of JSON Schema that our document uses. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export interface ParameterObject {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

export interface OperationObject {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly ParameterObject[];
  readonly body?: JsonSchema | undefined;
}

export interface ArbitraryRequest {
  /** With its query, encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Any code units, lone surrogates among them, and texts that mean something somewhere. */
const texts = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '.',
    '..',
    '%',
    '%00',
    '\u0000',
    '\ud800',
    '💥',
    'null',
    '-0',
    '1e3',
    '0x1',
    '__proto__',
    'end',
  ),
  fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(200, 257, 4_000).map((length) => 'x'.repeat(length)),
);

/** Values that belong where they stand, by the parameter's or property's name; each must fit its schema. */
export type Known = Readonly<Record<string, readonly string[]>>;

/** Values that `schema` allows, its ends first of all. */
export function fitting(schema: JsonSchema, name: string, known: Known): fc.Arbitrary<unknown> {
  const named = known[name];
  if (named !== undefined) return fc.constantFrom(...named);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'integer':
    case 'number': {
      const { minimum = -(2 ** 31), maximum = 2 ** 31 } = schema;
      return fc.oneof(fc.constantFrom(minimum, maximum), fc.integer({ min: minimum, max: maximum }));
    }
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(fitting(schema.items ?? {}, name, known), { minLength: schema.minItems ?? 0, maxLength: 3 });
    case 'object':
      return fittingObject(schema, known);
    case 'string': {
      if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern), { size: 'small' });
      const { minLength = 0, maxLength = 1_000 } = schema;
      const ends = fc.constantFrom(minLength, maxLength).map((length) => 'y'.repeat(length));
      return fc.oneof(ends, fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 20) }));
    }
    default:
      return fc.jsonValue();
  }
}

function fittingObject({ properties = {}, required = [], additionalProperties }: JsonSchema, known: Known) {
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, fitting(schema, name, known)]),
  );
  if (typeof additionalProperties !== 'object') return fc.record(members, { requiredKeys: [...required] });
  return fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/), fitting(additionalProperties, '', known), {
    maxKeys: 3,
  });
}

/** One operation, asked as it is described, and in ways that it is not. */
export function arbitraryRequest(operation: OperationObject, known: Known): fc.Arbitrary<ArbitraryRequest> {
  const asked = operation.parameters.map((parameter) => {
    const fits = fitting(parameter.schema, parameter.name, known).map(String);
    const values = fc.oneof({ weight: 12, arbitrary: fits }, { weight: 1, arbitrary: texts });
    // Nothing and dots would make another path.
    const value = parameter.in === 'path' ? values.filter((text) => !/^\.{0,2}$/.test(text)) : values;
    const isOptional = parameter.required !== true;
    return fc.tuple(fc.constant(parameter), isOptional ? fc.option(value, { nil: undefined, freq: 2 }) : value);
  });
  const body = operation.body === undefined ? fc.constant(undefined) : bodies(operation.body, known);
  const stray = fc.oneof(
    { weight: 15, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.tuple(texts, texts) },
  );
  return fc.tuple(fc.tuple(...asked), body, stray).map(([parameters, text, more]) => {
    let path = operation.path;
    const query: string[] = more === undefined ? [] : [`${encoded(more[0])}=${encoded(more[1])}`];
    const headers: Record<string, string> = text === undefined ? {} : { 'content-type': 'application/json' };
    for (const [{ name, in: place }, value] of parameters) {
      if (value === undefined) continue;
      if (place === 'path') path = path.replace(`{${name}}`, () => encoded(value));
      if (place === 'query') query.push(`${name}=${encoded(value)}`);
      if (place === 'header' && isHeaderValue(value)) headers[name] = value;
    }
    const search = query.length === 0 ? '' : `?${query.join('&')}`;
    return { path: path + search, headers, ...(text === undefined ? {} : { body: text }) };
  });
}

/** JSON as described; with one member of another kind, missing or strange; any JSON; and what is none. */
function bodies(schema: JsonSchema, known: Known): fc.Arbitrary<string> {
  const fits = fitting(schema, '', known);
  const foreign = fc.oneof(texts, fc.jsonValue());
  const spoilt = fc.tuple(fits, fc.nat(), foreign).map(([value, at, other]) => spoil(value, at, other));
  const others = fc.constantFrom(
    '',
    '{',
    '[]',
    'null',
    '"x"',
    '{"__proto__": 1}',
    `{"body": "${'x'.repeat(600_000)}"}`,
  );
  return fc.oneof(
    { weight: 5, arbitrary: fits.map((value) => JSON.stringify(value)) },
    { weight: 5, arbitrary: spoilt.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 3, arbitrary: others },
  );
}

/** `value` with something else in the place of one of its members, or beside them. */
function spoil(value: unknown, at: number, other: unknown): unknown {
  if (Array.isArray(value) && value.length > 0) {
    const index = at % value.length;
    return value.with(index, spoil(value[index], Math.floor(at / value.length), other));
  }
  if (typeof value !== 'object' || value === null) return other;
  const names = [...Object.keys(value), 'more'];
  return { ...value, [names[at % names.length] ?? 'more']: other };
}

/** Percent-encoded; a lone surrogate, which has no encoding, as bytes that are no UTF-8, and `%` as it is now and then. */
function encoded(text: string): string {
  if (text === '%' || text === '%00') return text;
  return text.isWellFormed() ? encodeURIComponent(text) : `${encodeURIComponent(text.toWellFormed())}%ff`;
}

/** Whether a client can send it: others are refused by its own library. */
function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

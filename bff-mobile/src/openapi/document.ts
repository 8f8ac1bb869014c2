import { catalogue, type ErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import { problemContentType, problemSchema } from '@grapevine/shared/errors/problem.ts';
import { z } from 'zod';
import {
  type AnswerDescription,
  answerHeaders,
  commonErrors,
  type OperationDescription,
  operations,
} from './operations.ts';

type Json = Readonly<Record<string, unknown>>;

const tags = [
  { name: 'topics', description: 'What there is to read.' },
  { name: 'messages', description: 'Reading, publishing and proving.' },
  { name: 'offline', description: 'For devices that are not always connected.' },
  { name: 'cluster', description: 'For operators.' },
];

/** Of the contract under `/mobile/v1`: the second number grows with what is added, the first one is in the path. */
const apiVersion = '1.0';

/** The OpenAPI 3.1 document of the mobile API, made from the schemas that check requests and answers. */
export function openApiDocument(): Json {
  const schemas = new Map<string, z.ZodType>([['Problem', problemSchema]]);
  for (const { body, answers } of operations) {
    if (body !== undefined) schemas.set(body.name, body.of);
    for (const { schema } of answers) if (schema !== undefined) schemas.set(schema.name, schema.of);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Grapevine for mobile clients',
      version: apiVersion,
      description:
        'Publish anywhere, read anywhere. Errors are problem documents (RFC 9457) with a `code`; which of them can succeed when sent again is in the list of errors.',
      license: { name: 'MIT', identifier: 'MIT' },
      contact: { name: 'The operators of this cluster' },
    },
    servers: [{ url: '/mobile/v1', description: 'This gateway' }],
    security: [{ bearer: [] }, { apiKey: [] }],
    tags,
    paths: paths(),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
      schemas: Object.fromEntries([...schemas].map(([name, schema]) => [name, jsonSchema(schema, ioOf(name))])),
    },
  };
}

/** Requests are described as they are sent, answers as they arrive. */
function ioOf(name: string): 'input' | 'output' {
  return operations.some(({ body }) => body?.name === name) ? 'input' : 'output';
}

function paths(): Json {
  const all: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    all[operation.path] ??= {};
    Object.assign(all[operation.path] ?? {}, { [operation.method]: operationObject(operation) });
  }
  return all;
}

function operationObject(operation: OperationDescription): Json {
  const { id, tag, summary, description, scope, body } = operation;
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: `${description}\n\nNeeds the scope \`${scope}\`.`,
    parameters: [...parameters(operation), ...queryParameters(operation)],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: reference(body.name), example: body.example } },
          },
        }),
    responses: Object.fromEntries([...operation.answers.map(answer), ...errors(operation)]),
  };
}

function parameters({ parameters: described }: OperationDescription): readonly Json[] {
  return described.map(({ name, in: place, schema, description }) => ({
    name,
    in: place,
    required: place === 'path',
    description,
    schema: jsonSchema(schema, 'input'),
  }));
}

function queryParameters({ query }: OperationDescription): readonly Json[] {
  return Object.entries(query?.shape ?? {}).map(([name, schema]) => {
    const { description, ...rest } = jsonSchema(schema as z.ZodType, 'input');
    return { name, in: 'query', required: false, description, schema: rest };
  });
}

function answer({ status, description, schema, headers, optional = [] }: AnswerDescription): [string, Json] {
  const content = schema === undefined ? {} : { content: { 'application/json': { schema: reference(schema.name) } } };
  const described = headers.map((name) => [
    name,
    { description: answerHeaders[name], required: !optional.includes(name), schema: { type: 'string' } },
  ]);
  return [String(status), { description, headers: Object.fromEntries(described), ...content }];
}

/** One answer for each status, whatever the number of codes that it carries. */
function errors({ errors: own }: OperationDescription): readonly [string, Json][] {
  const byStatus = Map.groupBy([...commonErrors, ...own], (code) => catalogue[code].status);
  return [...byStatus]
    .sort(([a], [b]) => a - b)
    .map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\`: ${catalogue[code].title}.`).join('\n\n'),
        ...(codes.some(tellsWhen) ? { headers: { 'Retry-After': retryAfter } } : {}),
        content: { [problemContentType]: { schema: reference('Problem') } },
      },
    ]);
}

const retryAfter = { description: 'Seconds until it is worth trying again.', schema: { type: 'integer', minimum: 0 } };

function tellsWhen(code: ErrorCode): boolean {
  return catalogue[code].status === 429 || catalogue[code].status === 503;
}

function reference(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/** JSON Schema 2020-12, which OpenAPI 3.1 takes as it is. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  // What only code can check is said in words by the schema's own description.
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema: made }) => {
      // How dates are checked tells nobody anything, and a number that JSON carries exactly needs no limit.
      if (made.format === 'date-time' || made.type === 'integer') delete made.pattern;
      if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
      if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
      // Answers may grow: a client that refused what it does not know would break.
      if (io === 'output') delete made.additionalProperties;
    },
  });
  return rest;
}

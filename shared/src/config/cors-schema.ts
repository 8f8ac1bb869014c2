import { z } from 'zod';

/** As browsers send it: scheme, host, and the port if it is not the usual one. */
const origin = z.union([
  z.literal('*'),
  z.string().regex(/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/, 'expected an origin such as https://app.example, or *'),
]);
const name = z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected a header name in lower case');

export const cors = z
  .strictObject({
    origins: z.array(origin).min(1).max(256).describe('Origins whose pages may call; * for all. Compared as a whole.'),
    methods: z
      .array(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']))
      .default(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
    requestHeaders: z
      .array(name)
      .max(64)
      .default([
        'authorization',
        'content-type',
        'idempotency-key',
        'if-none-match',
        'grapevine-consistency',
        'x-api-key',
        'x-request-id',
      ])
      .describe('Headers that pages may send.'),
    exposedHeaders: z
      .array(name)
      .max(64)
      .default(['etag', 'grapevine-consistency', 'ratelimit', 'ratelimit-policy', 'retry-after', 'x-request-id'])
      .describe('Headers of answers that pages may read.'),
    credentials: z
      .boolean()
      .default(false)
      .describe('Whether browsers may add cookies and certificates. Tokens in `Authorization` need it not.'),
    maxAgeSeconds: z
      .int()
      .min(0)
      .max(86_400)
      .default(600)
      .describe(
        'How long browsers remember the permission. Higher: fewer questions, a withdrawn one counts for longer.',
      ),
  })
  .refine(({ origins, credentials }) => !(credentials && origins.includes('*')), {
    path: ['credentials'],
    error: 'browsers allow no credentials for all origins; name the origins',
  })
  .optional()
  .describe('Which pages of other origins may call; none when absent.');
export type CorsConfig = NonNullable<z.output<typeof cors>>;

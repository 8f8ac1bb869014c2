import { z } from 'zod';
import { forbiddenTarget } from '../http/forbidden-target.ts';
import { baseUrl, file, port } from './fields.ts';
import { dnsName, dnsQuestion } from './registry-schema.ts';

/** Paths are the routes' affair. */
const upstreamUrl = baseUrl
  .regex(/^https?:\/\/[^/?#@]+\/?$/, 'expected scheme, host and port only')
  .superRefine((url, context) => {
    const reason = URL.canParse(url) ? forbiddenTarget(new URL(url).hostname) : undefined;
    if (reason !== undefined) context.addIssue({ code: 'custom', message: reason });
  });

const scheme = z
  .enum(['http', 'https'])
  .default('http')
  .describe('By which the instances that are found are spoken to.');

/** The instances of an upstream: a list, or where to learn of them. */
export const upstream = z.union([
  z.array(upstreamUrl).min(1).max(64),
  z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('file'),
      path: file.describe('One `host:port` a line; read again when it changes.'),
      scheme,
    }),
    z.strictObject({
      ...dnsQuestion,
      name: dnsName.describe('A name with SRV records, or with addresses if `port` is given.'),
      port: port.min(1).optional().describe('Port at each address of `name`.'),
      family: z
        .literal([4, 6])
        .default(4)
        .describe('Kind of address to ask for, if `port` is given: A records for 4, AAAA for 6.'),
      scheme,
    }),
  ]),
]);
export type UpstreamConfig = z.output<typeof upstream>;

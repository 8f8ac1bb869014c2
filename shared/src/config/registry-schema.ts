import { z } from 'zod';
import { file, port } from './fields.ts';

/** Questions to DNS, as far as they are alike whatever is looked for. */
export const dnsQuestion = {
  kind: z.literal('dns'),
  intervalMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(30_000)
    .describe('Milliseconds between two questions. Higher: fewer questions, new peers are found later.'),
  servers: z
    .array(z.string().regex(/^(\[[0-9a-fA-F:]+\]|[0-9.]+)(:\d{1,5})?$/, 'expected an IP address, or one with a port'))
    .min(1)
    .max(8)
    .optional()
    .describe("Servers to ask, `address` or `address:port`; the system's when absent."),
};
export const dnsName = z.string().min(1).max(253);

export const registry = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('static') }),
    z.strictObject({
      kind: z.literal('file'),
      path: file.describe('One `host:port` a line; read again when it changes.'),
    }),
    z.strictObject({
      ...dnsQuestion,
      name: dnsName.describe('A name with SRV records, or with addresses if `port` is given.'),
      port: port.min(1).optional().describe('Gossip port at each address of `name`.'),
    }),
  ])
  .default({ kind: 'static' })
  .describe('Where a node learns of peers to start from. static: they are `seeds`, which other kinds leave aside.');

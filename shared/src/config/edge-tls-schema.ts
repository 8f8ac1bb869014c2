import { z } from 'zod';
import { file } from './fields.ts';

export const edgeTls = z
  .strictObject({
    certFile: file.describe(
      'Certificate of the gateway, and those between it and the authority (PEM). Read again when it changes.',
    ),
    keyFile: file.describe('Its private key (PEM).'),
    clientCaFile: file
      .optional()
      .describe(
        'Authorities (PEM). When given, only clients with a certificate that one of them has signed get through.',
      ),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('Older versions are not spoken.'),
    hstsSeconds: z
      .int()
      .min(0)
      .max(63_072_000)
      .default(31_536_000)
      .describe('How long browsers come back by https only (RFC 6797); 0 says nothing about it.'),
  })
  .optional()
  .describe('Speaks HTTPS to clients. The admin listener stays with HTTP.');
export type EdgeTlsConfig = NonNullable<z.output<typeof edgeTls>>;

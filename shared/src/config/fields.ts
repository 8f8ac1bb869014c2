/** What options are made of. */
import { z } from 'zod';

export const port = z.int().min(0).max(65_535);
export const host = z.string().min(1).max(255);
/** What fits into a member record: bounded, so that a record with two of them fits the smallest datagram. */
export const nodeHost = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,120}$/, 'expected a host name or IP address of at most 120 characters');
export const hostPort = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'expected host:port');
export const baseUrl = z.url({ protocol: /^https?$/ });
export const file = z.string().min(1);

/**
 * A message of the largest body, each byte escaped (6 bytes in JSON), with all its headers: whoever may publish it must get
 * it through every hop.
 */
export const largestRequestBytes = 2 * 1024 * 1024;

/** Files of one side of mutual TLS. */
export const tls = z
  .strictObject({
    certFile: file.describe('Certificate of this process, and those between it and the authority (PEM).'),
    keyFile: file.describe('Its private key (PEM).'),
    caFile: file.describe('Authorities that must have signed the certificates of others (PEM).'),
  })
  .optional();

import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { EdgeTlsConfig } from '@grapevine/shared/config/edge-tls-schema.ts';
import { WatchedFiles } from '@grapevine/shared/watched-files.ts';
import type { Logger } from 'pino';

/** What the gateway shows to clients, and what it asks of theirs: read again when the files change; wrong ones change nothing. */
export type EdgeCertificates = WatchedFiles<SecureContextOptions>;

/** Throws `CONFIG_INVALID` when a file cannot be read, and what OpenSSL says when they do not fit together. */
export function openEdgeCertificates(
  { certFile, keyFile, clientCaFile, minVersion }: EdgeTlsConfig,
  log: Logger,
): Promise<EdgeCertificates> {
  const paths = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  const parse = ([cert = '', key = '', ca]: readonly string[]): SecureContextOptions => {
    const credentials = { cert, key, minVersion, ...(ca === undefined ? {} : { ca }) };
    createSecureContext(credentials);
    return credentials;
  };
  return WatchedFiles.open({ what: 'certificates', paths, parse, log });
}

import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Logger } from 'pino';
import { Agent, buildConnector, fetch as undiciFetch } from 'undici';
import type { Stoppable } from '../lifecycle.ts';
import { WatchedFiles } from '../watched-files.ts';

/** Files in PEM. The same authority has signed the certificates of all nodes and BFFs. */
export interface TlsFiles {
  /** This process's certificate, and those between it and the authority's. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Certificates of the authorities that others' must be signed by. */
  readonly caFile: string;
}

export interface MutualTlsOptions {
  readonly files: TlsFiles;
  readonly log: Logger;
  /** Milliseconds between two looks at the files; a second when absent. */
  readonly pollMs?: number;
}

/** What a node needs of `fetch`; both the global one and `MutualTls.fetch` are this. */
export type PeerFetch = (
  url: URL | string,
  init: { readonly headers?: Record<string, string>; readonly redirect?: 'error'; readonly signal?: AbortSignal },
) => Promise<{ readonly status: number; readonly body: AsyncIterable<Uint8Array> | null; text(): Promise<string> }>;

/** RFC 8446. Everybody here is ours, so that nothing older has to be understood. */
const minVersion = 'TLSv1.3';

/**
 * One process's side of mutual TLS, as server and as client: it shows its certificate, and talks only to those whose
 * certificates its authority has signed. Files that change are read again for new connections; wrong ones change nothing.
 */
export class MutualTls implements Stoppable {
  readonly name = 'certificates';
  readonly #files: WatchedFiles<SecureContextOptions>;
  readonly #agent: Agent;

  private constructor(files: WatchedFiles<SecureContextOptions>) {
    this.#files = files;
    this.#agent = new Agent({ connect: this.connector() });
  }

  /** Throws `CONFIG_INVALID` when a file cannot be read, and what OpenSSL says when they do not fit together. */
  static async open({ files, ...options }: MutualTlsOptions): Promise<MutualTls> {
    const paths = [files.certFile, files.keyFile, files.caFile];
    return new MutualTls(await WatchedFiles.open({ what: 'certificates', paths, parse: credentialsOf, ...options }));
  }

  /** Certificate, key and authority as they are now. */
  get credentials(): SecureContextOptions {
    return this.#files.value;
  }

  /** Calls back with new credentials after every change, until the returned function is called. */
  onChange(listener: (credentials: SecureContextOptions) => void): () => void {
    return this.#files.onChange(listener);
  }

  /**
   * Opens connections for undici with the credentials of the moment, and none without TLS: a member that claims to speak plain
   * HTTP gets nothing. `timeoutMs`: for a connection, 10 s when absent.
   */
  connector(timeoutMs?: number): buildConnector.connector {
    let credentials: SecureContextOptions | undefined;
    let connect: buildConnector.connector | undefined;
    return (options, callback) => {
      if (options.protocol !== 'https:') {
        callback(new Error(`expected https, found ${options.protocol}//${options.hostname}`), null);
        return;
      }
      if (connect === undefined || credentials !== this.credentials) {
        credentials = this.credentials;
        connect = buildConnector({ ...credentials, ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }) });
      }
      connect(options, callback);
    };
  }

  readonly fetch: PeerFetch = (url, init) => undiciFetch(url, { ...init, dispatcher: this.#agent });

  /** Looks at the files now. */
  reload(): Promise<void> {
    return this.#files.reload();
  }

  async stop(): Promise<void> {
    await this.#files.stop();
    await this.#agent.destroy();
  }
}

/** Throws when the certificate, the key and the authority do not fit together. */
function credentialsOf([cert = '', key = '', ca = '']: readonly string[]): SecureContextOptions {
  const credentials = { cert, key, ca, minVersion } as const;
  createSecureContext(credentials);
  return credentials;
}

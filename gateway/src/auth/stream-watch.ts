import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { ApiKeyVerifier } from './api-keys.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** What a caller sends to prove who it is. */
export type Credential = { readonly token: string } | { readonly apiKey: string };

/** Something that goes on for long after its caller was checked. */
export interface WatchedStream {
  readonly credential: Credential;
  readonly goodbye: () => void;
}

/** Between two looks at all streams, in milliseconds: for so long one may outlive its credential. */
const lookMs = 1_000;

/**
 * Ends streams and WebSockets once the credential of their caller counts no more: it expired, was revoked, or its key is gone. A
 * request ends soon after it was checked; a stream would outlive all of that.
 */
export class StreamWatch {
  readonly #tokens: TokenVerifier;
  readonly #apiKeys: ApiKeyVerifier;
  readonly #open = new Set<WatchedStream>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tokens: TokenVerifier, apiKeys: ApiKeyVerifier) {
    this.#tokens = tokens;
    this.#apiKeys = apiKeys;
  }

  /** Watches `stream` until the returned function is called. */
  watch(stream: WatchedStream): () => void {
    this.#open.add(stream);
    this.#timer ??= setInterval(() => void this.#look(), lookMs).unref();
    return () => {
      this.#open.delete(stream);
      if (this.#open.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  async #look(): Promise<void> {
    await Promise.all(
      Array.from(this.#open, async (stream) => {
        if (!(await this.#counts(stream.credential))) stream.goodbye();
      }),
    );
  }

  /** Only a refusal says that it does not: keys that cannot be looked up just now say nothing. */
  async #counts(credential: Credential): Promise<boolean> {
    try {
      if ('apiKey' in credential) this.#apiKeys.verify(credential.apiKey);
      else await this.#tokens.verify(credential.token);
      return true;
    } catch (error) {
      return !(error instanceof GrapevineError && (error.code === 'UNAUTHENTICATED' || error.code === 'REVOKED'));
    }
  }
}

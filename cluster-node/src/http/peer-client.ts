import {
  type HeadsResponse,
  headsResponseSchema,
  type Member,
  originRootResponseSchema,
} from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { errorFromProblem } from '@grapevine/shared/errors/problem.ts';
import { type IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import type { z } from 'zod';

/** Largest answer of a peer that is read, in bytes: heads of 1,024 origins take less than 512 KiB. */
const maxAnswerBytes = 1024 * 1024;

/** Calls another node's HTTP API, for one comparison: everything must be done before `signal` ends it. */
export class PeerClient {
  readonly #peer: Member;
  readonly #signer: IdentitySigner;
  readonly #subject: string;
  readonly #signal: AbortSignal;

  /** `subject` is the name under which this node calls. */
  constructor(peer: Member, signer: IdentitySigner, subject: string, signal: AbortSignal) {
    this.#peer = peer;
    this.#signer = signer;
    this.#subject = subject;
    this.#signal = signal;
  }

  /** The peer's heads, signatures not yet checked. Throws `UNAVAILABLE` or `UPSTREAM_FAILED`, naming the peer. */
  async heads(): Promise<HeadsResponse> {
    const heads = await this.#get('/v1/heads', headsResponseSchema);
    if (heads === undefined) throw this.#failed('has no heads to show');
    return heads;
  }

  /** The root, in hex, of the first `size` entries of `origin`; `undefined` when the peer does not hold so many. */
  async rootAt(origin: string, size: number): Promise<string | undefined> {
    const answer = await this.#get(`/v1/origins/${origin}/root?size=${size}`, originRootResponseSchema);
    return answer?.root;
  }

  /** The answer's body by `schema`; `undefined` when the peer says that there is no such thing. */
  async #get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema> | undefined> {
    const { status, body } = await this.#fetch(path);
    if (status === 404) return undefined;
    const parsed = schema.safeParse(body);
    if (status === 200 && parsed.success) return parsed.data;
    const problem = errorFromProblem(body);
    throw this.#failed(
      problem === undefined
        ? `answered ${path} with status ${status} and no usable body`
        : `refused ${path}: ${problem.message}`,
    );
  }

  async #fetch(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
    const identity = this.#signer.sign({ subject: this.#subject, scopes: ['cluster:read'] });
    try {
      const response = await fetch(new URL(path, this.#peer.http), {
        headers: { [identityHeader]: identity },
        redirect: 'error',
        signal: this.#signal,
      });
      return { status: response.status, body: parseJson(await readBounded(response)) };
    } catch (error) {
      throw new GrapevineError(
        'UNAVAILABLE',
        `Node ${this.#peer.name} at ${this.#peer.http} gave no answer: ${reasonOf(error)}`,
        {
          retryAfterSeconds: 1,
          cause: error,
        },
      );
    }
  }

  #failed(what: string): GrapevineError {
    return new GrapevineError('UPSTREAM_FAILED', `Node ${this.#peer.name} at ${this.#peer.http} ${what}.`);
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxAnswerBytes) throw new RangeError(`more than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` hides the reason (such as a refused connection) in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

import { encodeToken, type Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import {
  belowResponseSchema,
  consistencyResponseSchema,
  type HeadsResponse,
  headsResponseSchema,
  type Member,
  originRootResponseSchema,
  rootResponseSchema,
} from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { errorFromProblem } from '@grapevine/shared/errors/problem.ts';
import type { PeerFetch } from '@grapevine/shared/http/mutual-tls.ts';
import { type IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import type { Scope } from '@grapevine/shared/identity/scopes.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { z } from 'zod';
import type { PeerTree } from '../forks/find-fork.ts';
import { FrameDecoder } from '../wire/segment-frames.ts';

/** Largest answer of a peer that is read, in bytes: heads of 1,024 origins take less than 512 KiB. */
const maxAnswerBytes = 1024 * 1024;

/** Which of a peer's segments to get. */
export interface SegmentsRequest {
  /** What is here already, at most 1,024 origins. */
  readonly since: Vector;
  /** Only those of these origins, at most 1,024; of all when absent. */
  readonly origins?: readonly string[];
  /** The answer ends with the segment that reaches so many bytes; 1 gets a single segment. */
  readonly limitBytes?: number;
}

/** How this node calls others. */
export interface PeerAccess {
  /** For the audience `node`. */
  readonly signer: IdentitySigner;
  /** The name under which this node calls. */
  readonly subject: string;
  readonly fetch: PeerFetch;
}

type PeerResponse = Awaited<ReturnType<PeerFetch>>;

/** Calls another node's HTTP API, for one purpose: everything must be done before `signal` ends it. */
export class PeerClient {
  readonly #peer: Pick<Member, 'name' | 'http'>;
  readonly #access: PeerAccess;
  readonly #signal: AbortSignal;

  constructor(peer: Pick<Member, 'name' | 'http'>, access: PeerAccess, signal: AbortSignal) {
    this.#peer = peer;
    this.#access = access;
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

  /** Which content the peer holds. */
  async root(): Promise<string> {
    const answer = await this.#get('/v1/root', rootResponseSchema);
    if (answer === undefined) throw this.#failed('has no root to show');
    return answer.root;
  }

  /** The peer's tree of `origin`, as far as it says. Throws `UPSTREAM_FAILED` when it does not hold so much. */
  treeOf(origin: string): PeerTree {
    const path = `/v1/origins/${origin}`;
    const require = async <Schema extends z.ZodType>(query: string, schema: Schema): Promise<z.output<Schema>> => {
      const answer = await this.#get(`${path}${query}`, schema);
      if (answer === undefined) throw this.#failed(`has less of origin ${origin} than its head says`);
      return answer;
    };
    return {
      peaks: async (size) => {
        const { peaks = '' } = await require(`/root?size=${size}&peaks=true`, originRootResponseSchema);
        return hashesIn(peaks);
      },
      below: async ({ level, index }, depth) => {
        const answer = await require(`/subtree?level=${level}&index=${index}&depth=${depth}`, belowResponseSchema);
        return Uint8Array.fromBase64(answer.below, { alphabet: 'base64url' });
      },
      consistency: async (from, to) => {
        const answer = await require(`/consistency?from=${from}&to=${to}`, consistencyResponseSchema);
        return answer.path.map((hash) => Uint8Array.fromHex(hash));
      },
    };
  }

  /**
   * The peer's segments that `since` does not cover, each origin's in order, some at a time as they arrive: bytes that
   * nobody has checked. Whoever takes them slowly slows the peer down. Throws `UNAVAILABLE` or `UPSTREAM_FAILED`, naming the
   * peer, also after some have come.
   */
  async *segments({ since, origins, limitBytes }: SegmentsRequest): AsyncGenerator<readonly Uint8Array[], void> {
    const query = new URLSearchParams({ since: encodeToken(since) });
    if (origins !== undefined) query.set('origins', origins.join());
    if (limitBytes !== undefined) query.set('limitBytes', String(limitBytes));
    const response = await this.#request(`/v1/segments?${query}`, ['cluster:read', 'messages:read']);
    if (response.status !== 200) throw this.#refused('/v1/segments', response.status, await this.#bodyOf(response));
    const frames = new FrameDecoder();
    try {
      for await (const bytes of response.body ?? []) yield frames.push(bytes);
      frames.end();
    } catch (error) {
      throw error instanceof DecodeError
        ? this.#failed(`sent no segments: ${error.message}`)
        : this.#unreachable(error);
    }
  }

  /** The answer's body by `schema`; `undefined` when the peer says that there is no such thing. */
  async #get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema> | undefined> {
    const response = await this.#request(path, ['cluster:read']);
    const body = await this.#bodyOf(response);
    if (response.status === 404) return undefined;
    const parsed = schema.safeParse(body);
    if (response.status === 200 && parsed.success) return parsed.data;
    throw this.#refused(path, response.status, body);
  }

  async #request(path: string, scopes: readonly Scope[]): Promise<PeerResponse> {
    const { signer, subject, fetch } = this.#access;
    try {
      return await fetch(new URL(path, this.#peer.http), {
        headers: { [identityHeader]: signer.sign({ subject, scopes }) },
        redirect: 'error',
        signal: this.#signal,
      });
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  async #bodyOf(response: PeerResponse): Promise<unknown> {
    try {
      return parseJson(await readBounded(response));
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  #unreachable(error: unknown): GrapevineError {
    return new GrapevineError(
      'UNAVAILABLE',
      `Node ${this.#peer.name} at ${this.#peer.http} gave no answer: ${reasonOf(error)}.`,
      { retryAfterSeconds: 1, cause: error },
    );
  }

  #refused(path: string, status: number, body: unknown): GrapevineError {
    const problem = errorFromProblem(body);
    return this.#failed(
      problem === undefined
        ? `answered ${path} with status ${status} and no usable body`
        : `refused ${path}: ${problem.message}`,
    );
  }

  #failed(what: string): GrapevineError {
    return new GrapevineError('UPSTREAM_FAILED', `Node ${this.#peer.name} at ${this.#peer.http} ${what}.`);
  }
}

function hashesIn(text: string): Uint8Array[] {
  const bytes = Uint8Array.fromBase64(text, { alphabet: 'base64url' });
  return Array.from({ length: Math.floor(bytes.length / hashLength) }, (_, i) =>
    bytes.subarray(i * hashLength, (i + 1) * hashLength),
  );
}

async function readBounded(response: PeerResponse): Promise<string> {
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

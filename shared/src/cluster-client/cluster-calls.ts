import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { Clock } from '../clock.ts';
import { membersResponseSchema } from '../contracts/node-api.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';
import type { MutualTls } from '../http/mutual-tls.ts';
import { requestIdHeader } from '../http/problem-handler.ts';
import { type IdentitySigner, identityHeader } from '../identity/identity.ts';
import type { Random } from '../random.ts';
import { traced } from '../tracing/current-span.ts';
import { traceparentHeader } from '../tracing/trace-requests.ts';
import { failureAsError, isNodesFault, mayGoOn, type Read, reader, readerOrMissing, refusalOf } from './answers.ts';
import type { Caller } from './caller.ts';
import { HungNodeWatch } from './hung-node-watch.ts';
import type { ChannelAnswer, NodeChannel } from './node-channel.ts';
import { NodeDirectory } from './node-directory.ts';
import { NodeFailure } from './node-failure.ts';
import { pause } from './pause.ts';

/** Nodes that one call is tried at: when three in a row fail, a fifth attempt seldom helps, and it loads what is left. */
const maxAttempts = 4;
/**
 * When nobody could be reached, all are tried once more after so long, in milliseconds, ±50 %: a node that was just started
 * again, or a machine that had no time to connect, takes calls a moment later.
 */
const againAfterMs = 250;
/** Longest wait for a membership in milliseconds: a node that takes longer is not one to send calls to. */
const membersTimeoutMs = 1_000;

/** Told of one attempt at one node: `failed` is the node's fault, `refused` the request's. */
export type CallObserver = (attempt: {
  readonly node: string;
  readonly outcome: 'ok' | 'refused' | 'failed';
  readonly ms: number;
}) => void;

export interface CallsOptions {
  /** The service's own name: it asks for membership under this subject. */
  readonly name: string;
  /** HTTP base URLs of some nodes; the rest is found through their membership. */
  readonly seeds: readonly string[];
  /** Signs identity headers for the audience `node`. */
  readonly signer: IdentitySigner;
  readonly clock: Clock;
  readonly random: Random;
  /** Certificates of this service, where nodes want TLS. */
  readonly tls?: MutualTls | undefined;
  /** Total time for one call in milliseconds, attempts at other nodes included. A publish may take its own `timeoutMs` on top. */
  readonly requestTimeoutMs: number;
  /** Told of every attempt at a node; for metrics. */
  readonly onAttempt?: CallObserver;
}

export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  /** Only the node of this name may answer. */
  readonly node?: string;
  /** Base URLs of nodes that need not be asked. */
  readonly avoid?: ReadonlySet<string>;
  /** Whether doing it twice is as good as once; every GET is. */
  readonly repeatable?: boolean;
  /** What the caller allows the node to wait, in milliseconds; comes on top of the usual time. */
  readonly waitsMs?: number;
}

export interface CallAnswer<Body> {
  /** Base URL of the node that answered. */
  readonly node: string;
  readonly status: number;
  readonly body: Body;
}

/** Calls to whichever node is best, and on to others as `mayGoOn` allows, within one deadline. */
export class ClusterCalls {
  readonly clock: Clock;
  readonly random: Random;
  readonly requestTimeoutMs: number;
  /** This process as a caller of its own, for what it does on nobody's behalf. */
  readonly self: Caller;
  readonly #options: CallsOptions;
  readonly #directory: NodeDirectory;

  constructor(options: CallsOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.random = options.random;
    this.requestTimeoutMs = options.requestTimeoutMs;
    this.self = { identity: { subject: options.name, scopes: ['cluster:read'] } };
    this.#directory = new NodeDirectory({
      seeds: options.seeds,
      clock: options.clock,
      random: options.random,
      tls: options.tls,
      fetchMembers: async (channel) => {
        const call: Call = { method: 'GET', path: '/v1/members' };
        const answer = await this.#attempt(channel, this.self, call, membersTimeoutMs, reader(membersResponseSchema));
        return answer.body;
      },
    });
  }

  /** Calls one node after another until one answers; the body is checked against `schema`. */
  call<Schema extends z.ZodType>(caller: Caller, schema: Schema, call: Call): Promise<CallAnswer<z.output<Schema>>> {
    return this.#run(caller, call, reader(schema));
  }

  /** Like `call`, with an `undefined` body where the node says that there is no such thing. */
  find<Schema extends z.ZodType>(
    caller: Caller,
    schema: Schema,
    call: Call,
  ): Promise<CallAnswer<z.output<Schema> | undefined>> {
    return this.#run(caller, call, readerOrMissing(schema));
  }

  /**
   * Opens an event stream at a node outside `avoid`, and adds that node to it. Tries no other: whoever reads the stream
   * has to go on to others later as well. Throws `NodeFailure` or the node's refusal.
   */
  async open(caller: Caller, path: string, avoid: Set<string>, signal: AbortSignal): Promise<Readable> {
    await this.#directory.ready();
    const channel = this.#directory.choose(avoid);
    if (channel === undefined) throw new NodeFailure('refused', 'there is no node left to try');
    avoid.add(channel.url);
    return this.#open(channel, caller, path, signal);
  }

  /** Like `open`, at the node called `nodeName` and nowhere else. */
  async openAt(caller: Caller, nodeName: string, path: string, signal: AbortSignal): Promise<Readable> {
    await this.#directory.ready();
    const channel = await this.#choose({ method: 'GET', path, node: nodeName }, new Set());
    if (channel === undefined) throw new NodeFailure('refused', `there is no node called ${nodeName}`);
    return this.#open(channel, caller, path, signal);
  }

  async #open(channel: NodeChannel, caller: Caller, path: string, signal: AbortSignal): Promise<Readable> {
    try {
      const { statusCode, headers, body } = await channel.open(path, this.#headers(caller), signal);
      if (statusCode === 200) return body;
      throw refusalOf({ status: statusCode, headers, body: await body.json().catch(() => undefined) });
    } catch (error) {
      this.#blame(channel, error);
      throw error;
    }
  }

  /** Whether there are nodes whose base URLs are not in `asked`. */
  hasOthers(asked: ReadonlySet<string>): boolean {
    return this.#directory.choose(asked) !== undefined;
  }

  /** Nodes that the membership names, whatever their state. */
  names(): readonly string[] {
    return this.#directory.names();
  }

  /** Whether any node answers right now. */
  reachable(): Promise<boolean> {
    return this.#directory.refresh();
  }

  stop(): Promise<void> {
    return this.#directory.stop();
  }

  async #run<Body>(caller: Caller, call: Call, read: Read<Body>): Promise<CallAnswer<Body>> {
    const repeatable = call.repeatable ?? call.method === 'GET';
    const usual = this.clock.monotonicMs() + this.requestTimeoutMs + (call.waitsMs ?? 0);
    const deadline = Math.min(usual, caller.deadlineMs ?? usual);
    await this.#directory.ready();
    let outcome = await this.#tryNodes(caller, call, read, deadline);
    if (outcome === undefined || (outcome instanceof NodeFailure && outcome.kind === 'refused')) {
      await pause(againAfterMs * (0.5 + this.random.float()), caller.signal);
      outcome = (await this.#tryNodes(caller, call, read, deadline)) ?? outcome;
    }
    if (outcome instanceof GrapevineError) throw outcome;
    if (outcome === undefined || outcome instanceof NodeFailure) {
      throw failureAsError(outcome, repeatable, whomOf(call));
    }
    return outcome;
  }

  /** Calls one node after another; answers why the last one failed when none did what was asked. */
  async #tryNodes<Body>(
    caller: Caller,
    call: Call,
    read: Read<Body>,
    deadline: number,
  ): Promise<CallAnswer<Body> | NodeFailure | GrapevineError | undefined> {
    const repeatable = call.repeatable ?? call.method === 'GET';
    const waitsMs = call.waitsMs ?? 0;
    const avoid = new Set(call.avoid);
    const broken = new Set<string>();
    let last: NodeFailure | GrapevineError | undefined;
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const channel = await this.#choose(call, avoid);
      const leftMs = deadline - this.clock.monotonicMs();
      if (channel === undefined || leftMs <= 0) break;
      avoid.add(channel.url);
      const isLast = attempt === maxAttempts || !repeatable || call.node !== undefined || !this.hasOthers(avoid);
      // Half of what is left: a node that hangs must leave time for another one.
      const timeoutMs = isLast ? leftMs : waitsMs + Math.max(0, leftMs - waitsMs) / 2;
      try {
        return await this.#attempt(channel, caller, call, timeoutMs, read);
      } catch (error) {
        if (!(error instanceof NodeFailure || error instanceof GrapevineError)) throw error;
        // That some node answered, if only "not yet", says more than that another could not be reached.
        if (!(last instanceof GrapevineError && error instanceof NodeFailure)) last = error;
        if (!mayGoOn(error, repeatable)) break;
        // A connection that broke may only have been old. The node gets one more try if nobody better is left.
        if (error instanceof NodeFailure && error.kind === 'broken' && !broken.has(channel.url)) {
          broken.add(channel.url);
          avoid.delete(channel.url);
        }
      }
    }
    return last;
  }

  async #choose(call: Call, avoid: ReadonlySet<string>): Promise<NodeChannel | undefined> {
    if (call.node === undefined) return this.#directory.choose(avoid);
    if (this.#directory.byName(call.node) === undefined) await this.#directory.refresh();
    const channel = this.#directory.byName(call.node);
    if (channel !== undefined) return avoid.has(channel.url) ? undefined : channel;
    const known = this.#directory.names().join(', ') || 'none';
    throw new GrapevineError('NOT_FOUND', `There is no node called ${JSON.stringify(call.node)}; known: ${known}.`);
  }

  async #attempt<Body>(
    channel: NodeChannel,
    caller: Caller,
    call: Call,
    timeoutMs: number,
    read: Read<Body>,
  ): Promise<CallAnswer<Body>> {
    const { method, path, body } = call;
    const startedMs = this.clock.monotonicMs();
    const elapsedMs = (): number => this.clock.monotonicMs() - startedMs;
    // Worth knowing only where something can be done about it.
    using watch = (call.waitsMs ?? 0) > 0 && call.repeatable ? new HungNodeWatch(channel, caller.signal) : undefined;
    channel.health.begin();
    try {
      const headers = this.#headers(caller);
      const signal = watch?.signal ?? caller.signal;
      const ask = (more: Record<string, string> = {}): Promise<ChannelAnswer> =>
        channel.request({ method, path, body, headers: { ...headers, ...more }, timeoutMs, signal });
      // What this process asks for itself outlives the request that it happened to come up in.
      const answer =
        caller === this.self
          ? await ask()
          : await traced('call a node', 'client', { 'server.address': channel.url }, (traceparent) =>
              traceparent === undefined ? ask() : ask({ [traceparentHeader]: traceparent }),
            );
      const decoded = read(answer);
      // How long a publish takes says more of the peers that it waits for than of this node.
      channel.health.succeeded(method === 'GET' ? elapsedMs() : undefined);
      this.#options.onAttempt?.({ node: channel.url, outcome: 'ok', ms: elapsedMs() });
      return { node: channel.url, status: answer.status, body: decoded };
    } catch (error) {
      const outcome = this.#blame(channel, error) ? 'failed' : 'refused';
      this.#options.onAttempt?.({ node: channel.url, outcome, ms: elapsedMs() });
      throw error;
    } finally {
      channel.health.end();
    }
  }

  /** Books `error` on the node if it is its fault, and answers whether it is. A caller who went away says nothing of the node. */
  #blame(channel: NodeChannel, error: unknown): boolean {
    if (isNodesFault(error)) {
      channel.health.failed();
      this.#directory.suspectChange();
      return true;
    }
    if (error instanceof GrapevineError) channel.health.succeeded();
    return false;
  }

  #headers(caller: Caller): Record<string, string> {
    return {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      [identityHeader]: this.#options.signer.sign(caller.identity),
      ...(caller.requestId === undefined ? {} : { [requestIdHeader]: caller.requestId }),
    };
  }
}

function whomOf({ node, avoid }: Call): string {
  if (node !== undefined) return `the node ${node}`;
  return avoid === undefined || avoid.size === 0
    ? 'any node of the cluster'
    : 'the other nodes, and those that answered do not have it';
}

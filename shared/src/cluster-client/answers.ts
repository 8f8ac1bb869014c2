import type { z } from 'zod';
import type { ErrorCode } from '../errors/catalogue.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { errorFromProblem } from '../errors/problem.ts';
import { describeIssues } from '../http/parse.ts';
import type { ChannelAnswer } from './node-channel.ts';
import { NodeFailure } from './node-failure.ts';

/** Turns an answer into what the caller asked for; throws the node's refusal, or `NodeFailure` for what makes no sense. */
export type Read<Body> = (answer: ChannelAnswer) => Body;

/** Refusals by a node that did nothing and may be alone in refusing. All but these and `ownTrouble` are about the request itself. */
const didNothing: ReadonlySet<ErrorCode> = new Set([
  'NOT_YET',
  'OVERLOADED',
  'QUARANTINED',
  'UNAVAILABLE',
  'DISK_FULL',
  'DISK_FAILED',
]);
/** Refusals that speak of the node's own trouble: it may have acted or not. */
const ownTrouble: ReadonlySet<ErrorCode> = new Set([
  'INTERNAL',
  'DATA_DAMAGED',
  'OUTCOME_UNKNOWN',
  'UPSTREAM_FAILED',
  'UPSTREAM_TIMEOUT',
]);
/** What clients are told to wait when nothing can be reached; failed nodes are tried again about as often. */
const retryAfterSeconds = 1;

export function reader<Schema extends z.ZodType>(schema: Schema): Read<z.output<Schema>> {
  return (answer) => {
    if (answer.status >= 400) throw refusalOf(answer);
    return decoded(schema, answer);
  };
}

/** Like `reader`, with `undefined` where the node says that there is no such thing. */
export function readerOrMissing<Schema extends z.ZodType>(schema: Schema): Read<z.output<Schema> | undefined> {
  return (answer) => {
    if (answer.status < 400) return decoded(schema, answer);
    const refusal = refusalOf(answer);
    if (refusal instanceof GrapevineError && refusal.code === 'NOT_FOUND') return undefined;
    throw refusal;
  };
}

/** The error that a node answered with. */
export function refusalOf(answer: ChannelAnswer): GrapevineError | NodeFailure {
  const retryAfter = answer.headers['retry-after'];
  const error = errorFromProblem(answer.body, typeof retryAfter === 'string' ? retryAfter : undefined);
  if (error === undefined) return new NodeFailure('broken', `answered ${answer.status} without a problem document`);
  // Between us and the node: the caller's own credentials were checked above us.
  if (error.code === 'UNAUTHENTICATED') return new NodeFailure('refused', `did not accept us: ${error.message}`);
  return error;
}

/**
 * Whether a call goes on to another node after `error`:
 * 1. the node was never reached, or did nothing and may be alone in that (`didNothing`): yes;
 * 2. what the node did is unknown (connection lost, time out, `ownTrouble`): only when the call may be repeated;
 * 3. the node refused the request itself: no, since every node would.
 */
export function mayGoOn(error: NodeFailure | GrapevineError, repeatable: boolean): boolean {
  if (error instanceof NodeFailure) return error.kind === 'refused' || repeatable;
  return didNothing.has(error.code) || (ownTrouble.has(error.code) && repeatable);
}

/** Whether `error` says that the node should get fewer calls for a while. Being behind or full does not: that passes by itself. */
export function isNodesFault(error: unknown): boolean {
  if (error instanceof GrapevineError) return ownTrouble.has(error.code) || error.code === 'UNAVAILABLE';
  return error instanceof NodeFailure;
}

/**
 * What the client gets to see when the last of `whom` failed: never an internal address; the cause stays for the log.
 * `whom` is as in "could not reach …".
 */
export function failureAsError(failure: NodeFailure | undefined, repeatable: boolean, whom: string): GrapevineError {
  if (failure === undefined || failure.kind === 'refused') {
    return new GrapevineError('UNAVAILABLE', `Could not reach ${whom}.`, { retryAfterSeconds, cause: failure });
  }
  const advice = repeatable
    ? 'Try again.'
    : 'Whether it was carried out is unknown: with an idempotency key, sending it again is safe.';
  const [code, found] =
    failure.kind === 'timeout'
      ? (['UPSTREAM_TIMEOUT', 'no answer in time'] as const)
      : (['UPSTREAM_FAILED', 'no usable answer'] as const);
  return new GrapevineError(code, `Got ${found} from ${whom}. ${advice}`, { cause: failure });
}

function decoded<Schema extends z.ZodType>(schema: Schema, answer: ChannelAnswer): z.output<Schema> {
  const parsed = schema.safeParse(answer.body);
  if (parsed.success) return parsed.data;
  throw new NodeFailure('broken', `answered outside the contract: ${describeIssues(parsed.error.issues)}`);
}

import { limits } from '../contracts/limits.ts';
import type { CatchUp, Comparison, HeadsResponse, Member, MemberState } from '../contracts/node-api.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { compareHeads, type RootAt } from '../log/compare-heads.ts';
import type { Caller } from './caller.ts';
import type { ClusterClient } from './cluster-client.ts';

/** The worst of all: `forked` is damage, `unreachable` hides the truth, `behind` is lag that gossip repairs. */
export type ConsistencyVerdict = 'equal' | 'behind' | 'forked' | 'unreachable';
export type PairState = Comparison['verdict'] | 'unreachable';

export interface NodeReport {
  readonly name: string;
  /** 32 hexadecimal digits. */
  readonly origin: string;
  /** As the cluster's failure detector sees the node. */
  readonly state: MemberState;
  /** When it started, in milliseconds since 1970. */
  readonly bootEpoch: number;
  /** Versions of the protocol between nodes that it speaks. */
  readonly versions: Member['versions'];
  /** Base URL of its HTTP API, and `host:port` of its gossip socket. */
  readonly http: string;
  readonly udp: string;
  /** Whether the node answered just now. */
  readonly reachable: boolean;
  /** The node's root, in hex; `null` when it did not answer. */
  readonly root: string | null;
  /** Messages over all origins; `null` when it did not answer. */
  readonly messages: number | null;
  /** The stream by which it catches up; `null` when there is none, or it did not say. */
  readonly catchUp: CatchUp | null;
  /** Damaged segments that it has taken out of service; `null` when it did not say. */
  readonly quarantined: number | null;
  /** Records of topics and indexes that were wrong and that it has made anew since its start; `null` when it did not say. */
  readonly mendedViews: number | null;
  /** Forks that it has seen between its logs and those of others, and that last; `null` when it did not say. */
  readonly forks: number | null;
}

export interface PairReport {
  readonly a: string;
  readonly b: string;
  /** How `a` stands to `b`. */
  readonly state: PairState;
  /** Entries that one lacks of the other, both ways together; 0 when equal, forked or unreachable. */
  readonly by: number;
}

export interface ConsistencyReport {
  readonly verdict: ConsistencyVerdict;
  readonly nodes: readonly NodeReport[];
  /** Every pair once, in the order of `nodes`, which is by name. */
  readonly pairs: readonly PairReport[];
}

/** What the report asks of the cluster. */
export type ReportSource = Pick<ClusterClient, 'members' | 'member' | 'heads' | 'rootAt'>;

/** Nodes in one report: more replicas than can acknowledge a publish do not exist, and pairs grow with the square. */
const maxNodes = limits.acks;
/** Whole report, in milliseconds: a hung node becomes unreachable instead of holding up the answer about all others. */
const deadlineMs = 3_000;

/**
 * Whether all members tell the same story, right now: asks each for its heads, and compares every pair at the smaller of
 * their two sizes. Members that left are not counted. Throws when no node can name the members.
 */
export async function consistencyReport(cluster: ReportSource, caller: Caller): Promise<ConsistencyReport> {
  const timed = withDeadline(caller);
  const { members } = await cluster.members(caller);
  // Whoever answers puts itself first; by name, the report does not depend on that.
  const counted = members
    .filter(({ state }) => state !== 'left')
    .sort(byName)
    .slice(0, maxNodes);
  const [answers, records] = await Promise.all([
    Promise.all(counted.map(({ name }) => unlessUnreachable(cluster.heads(timed, name)))),
    Promise.all(counted.map(({ name }) => unlessUnreachable(cluster.member(timed, name)))),
  ]);
  const nodes = counted.map((member, i) => nodeReport(member, answers[i], records[i]));
  const rootAt = rememberedRoots(cluster, timed);
  const pairs: PairReport[] = [];
  for (const [i, a] of counted.entries()) {
    for (const [j, b] of counted.entries()) {
      if (j > i) pairs.push(await comparePair(a.name, answers[i], b.name, answers[j], rootAt));
    }
  }
  return { verdict: verdictOf(nodes, pairs), nodes, pairs };
}

/**
 * The verdict over all nodes and pairs: forked before unreachable before behind before equal. A fork that a node has seen
 * counts as long as it lasts, also while the other side is away.
 */
export function verdictOf(nodes: readonly NodeReport[], pairs: readonly PairReport[]): ConsistencyVerdict {
  const hasForks = nodes.some(({ forks }) => forks !== null && forks > 0);
  if (hasForks || pairs.some(({ state }) => state === 'forked')) return 'forked';
  if (nodes.some(({ reachable }) => !reachable) || pairs.some(({ state }) => state === 'unreachable')) {
    return 'unreachable';
  }
  return pairs.every(({ state }) => state === 'equal') ? 'equal' : 'behind';
}

const { compare } = new Intl.Collator('en', { numeric: true });
const byName = (a: Member, b: Member): number => compare(a.name, b.name);

async function unlessUnreachable<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    return asUnreachable(error);
  }
}

function nodeReport(member: Member, answer: HeadsResponse | undefined, own: Member | undefined): NodeReport {
  return {
    name: member.name,
    origin: member.origin,
    state: member.state,
    bootEpoch: member.bootEpoch,
    versions: member.versions,
    http: member.http,
    udp: member.udp,
    reachable: answer !== undefined,
    root: answer?.root ?? null,
    messages: answer === undefined ? null : answer.heads.reduce((sum, head) => sum + head.size, 0),
    catchUp: own?.catchUp ?? null,
    quarantined: own?.quarantined ?? null,
    mendedViews: own?.mendedViews ?? null,
    forks: own?.forks ?? null,
  };
}

/** Each root is asked for once per report, though several pairs need it. */
function rememberedRoots(cluster: ReportSource, caller: Caller) {
  const asked = new Map<string, Promise<string | undefined>>();
  return (node: string, origin: string, size: number): Promise<string | undefined> => {
    const question = `${node} ${origin} ${size}`;
    const answer = asked.get(question) ?? cluster.rootAt(caller, node, origin, size);
    asked.set(question, answer);
    return answer;
  };
}

async function comparePair(
  a: string,
  headsA: HeadsResponse | undefined,
  b: string,
  headsB: HeadsResponse | undefined,
  rootOf: ReturnType<typeof rememberedRoots>,
): Promise<PairReport> {
  if (headsA === undefined || headsB === undefined) return { a, b, state: 'unreachable', by: 0 };
  const rootAt: RootAt = (side, origin, size) => rootOf(side === 'a' ? a : b, origin, size);
  try {
    const { verdict, behindBy, aheadBy } = await compareHeads(headsA, headsB, rootAt);
    return { a, b, state: verdict, by: verdict === 'forked' ? 0 : behindBy + aheadBy };
  } catch (error) {
    return asUnreachable(error) ?? { a, b, state: 'unreachable', by: 0 };
  }
}

/** A node that cannot answer, or not in time, is part of the report. A refusal of the caller, or a bug, is not. */
function asUnreachable(error: unknown): undefined {
  const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
  if (timedOut || (error instanceof GrapevineError && error.code !== 'FORBIDDEN')) return undefined;
  throw error;
}

function withDeadline(caller: Caller): Caller {
  const timeout = AbortSignal.timeout(deadlineMs);
  return { ...caller, signal: caller.signal === undefined ? timeout : AbortSignal.any([caller.signal, timeout]) };
}

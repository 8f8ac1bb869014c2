import { Problems } from '@grapevine/cluster-node/fsck/problems.ts';
import { checkData } from '@grapevine/cluster-node/fsck.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import type { StoredEntry, Views } from '@grapevine/cluster-node/views/views.ts';
import { decodeSegment } from '@grapevine/cluster-node/wire/segment.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { hlcToHex } from '@grapevine/shared/log/hlc.ts';
import { Frontier } from '@grapevine/shared/merkle/frontier.ts';
import type { SimNode } from '../sim-node.ts';
import type { World } from '../world.ts';
import type { SetFullCounts } from './set-full.ts';
import { SafetyViolation } from './violation.ts';

/** More than a simulated cluster has. */
const maxTopics = 1_000;
const pageSize = 9;

/** The last look, once all agree: at every disk, and at what every node shows. */
export function checkEnd(world: World): SetFullCounts {
  checkDisks(world);
  const [first, ...others] = world.nodes.map((node) => ({ node, shown: everythingShownBy(node) }));
  for (const { node, shown } of others) {
    if (shown === first?.shown) continue;
    throw new SafetyViolation('C9', `${node.name} shows other topics or pages than ${first?.node.name}`);
  }
  return world.clients.checkEnd();
}

/** Whether all nodes show the same messages. */
export function showSame(world: World): boolean {
  return new Set(world.nodes.map(everythingShownBy)).size === 1;
}

/** Everything acknowledged is on every disk, and what is there is sound. */
export function checkDisks(world: World): void {
  for (const node of world.nodes) {
    world.checker.requireAcknowledged(node, rebuild(node));
    requireSound(world, node);
  }
}

/** Reads a disk from its raw entries, checks each tree's root against its head, and answers the ids by origin. */
function rebuild(node: SimNode): Map<string, string[]> {
  const ids = new Map<string, string[]>();
  for (const head of node.disk.heads()) {
    const frontier = new Frontier(fastTreeHash);
    const own: string[] = [];
    for (const bytes of node.disk.segments(head.origin)) {
      for (const record of decodeSegment(bytes).records) {
        const leaf = record.kind === 'entry' ? fastTreeHash.leaf(record.bytes) : record.leafHash;
        frontier.append(leaf);
        own.push(toHex(leaf));
      }
    }
    if (own.length !== head.size || toHex(frontier.root()) !== toHex(head.root)) {
      throw new SafetyViolation('C5', `${node.name}: the raw entries of ${head.origin} do not give its root`);
    }
    ids.set(head.origin, own);
  }
  return ids;
}

function requireSound(world: World, node: SimNode): void {
  const problem = problemOn(world, node);
  if (problem !== undefined) throw new SafetyViolation('C5', `${node.name}: ${problem}`);
}

/** Whether `grapevine fsck` would find nothing on the disk. */
export function isSound(world: World, node: SimNode): boolean {
  return problemOn(world, node) === undefined;
}

function problemOn({ signatures }: World, { disk }: SimNode): string | undefined {
  if (disk.data === undefined) return undefined;
  const problems = new Problems();
  checkData(disk.data, { hash: fastTreeHash, verifier: signatures.verifier }, problems);
  return problems.list()[0];
}

/** All topics and pages in words, the same on nodes that show the same. */
function everythingShownBy({ name, disk: { views } }: SimNode): string {
  if (views === undefined) return '';
  const topics = views.topics(maxTopics);
  const pages = topics.map((topic) => {
    const forward = pagesOf(views, topic.name, 'forward');
    const backward = pagesOf(views, topic.name, 'backward').map(({ id }) => id);
    const ids = forward.map(({ id }) => id);
    if (ids.join() !== backward.join() || ids.length !== topic.count) {
      throw new SafetyViolation('C9', `${name} shows ${topic.name} differently from its two ends`);
    }
    requireOrder(name, forward);
    return ids;
  });
  return JSON.stringify([topics, pages]);
}

/** Each origin's messages stand in the order in which it took them. */
function requireOrder(where: string, entries: readonly StoredEntry[]): void {
  const last = new Map<string, number>();
  for (const { origin, seq } of entries.map(({ entry }) => entry)) {
    if (seq < (last.get(origin) ?? 0)) {
      throw new SafetyViolation('C7', `${where} shows ${origin}:${seq} behind ${origin}:${last.get(origin)}`);
    }
    last.set(origin, seq);
  }
}

/** A topic in order. */
function pagesOf(views: Views, topic: string, direction: 'forward' | 'backward'): StoredEntry[] {
  const found: StoredEntry[] = [];
  for (;;) {
    const edge = direction === 'forward' ? found.at(-1) : found[0];
    const { items, hasNext, hasPrevious } = views.page({
      topic,
      direction,
      limit: pageSize,
      ...(edge === undefined ? {} : { [direction === 'forward' ? 'after' : 'before']: positionOf(edge) }),
    });
    if (direction === 'forward') found.push(...items);
    else found.unshift(...items);
    if (!(direction === 'forward' ? hasNext : hasPrevious)) return found;
  }
}

function positionOf({ entry }: StoredEntry): { hlc: string; origin: string; seq: number } {
  return { hlc: hlcToHex(entry.hlc), origin: entry.origin, seq: entry.seq };
}

import { limits } from '@grapevine/shared/contracts/limits.ts';
import type { NodeApi } from '../node-api.ts';

/** Batches on their way to one node: enough that each commit takes several. */
const lanes = 4;

/** Publishes `count` messages of `bodyBytes` at a node, in the largest batches. */
export async function publishHistory(node: NodeApi, count: number, bodyBytes: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const first = next;
      next = Math.min(count, next + limits.publishBatch);
      const numbers = Array.from({ length: next - first }, (_, i) => first + i);
      const messages = numbers.map((number) => ({
        topic: `t${number % 20}`,
        body: `${number} `.padEnd(bodyBytes, '.'),
      }));
      await node.publish({ messages });
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

import { globSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

export interface TestFiles {
  /** Run side by side. */
  readonly unit: readonly string[];
  /** Start whole clusters: one after the other, or they starve each other. */
  readonly endToEnd: readonly string[];
}

/** All `*.test.ts` files whose path contains one of `filters` (any, without filters), relative to the root. */
export function findTestFiles(filters: readonly string[]): TestFiles {
  const files = globSync('**/*.test.ts', { cwd: root, exclude: ['**/node_modules/**', 'test/output/**', 'data/**'] })
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
  const isEndToEnd = (file: string): boolean => file.startsWith(join('test', 'e2e'));
  return { unit: files.filter((file) => !isEndToEnd(file)), endToEnd: files.filter(isEndToEnd) };
}

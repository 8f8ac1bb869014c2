/** `npm test [-- part of a path …]`: types, lint and every test; with parts of paths only the test files that match. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runTestFiles, type Tally } from './runner/run-files.ts';
import { runStaticChecks } from './runner/static-checks.ts';
import { findTestFiles, root } from './runner/test-files.ts';

/** A unit test file takes seconds; on a machine that is busy with others, many times as long. In milliseconds. */
const unitTimeoutMs = 120_000;
/** Whole clusters start and stop in these. In milliseconds. */
const endToEndTimeoutMs = 300_000;

// Hundreds of processes load the same modules: compiled once for all of them.
process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules/.cache/compile');

const filters = process.argv.slice(2);
const { unit, endToEnd } = findTestFiles(filters);
const checks = filters.length === 0 ? runStaticChecks() : [];
const tallies: Tally[] = [
  { passed: checks.filter(({ passed }) => passed).length, failed: checks.filter(({ passed }) => !passed).length },
  // Clusters wait for one another more than they compute, so that other tests find time beside one; two would starve each other.
  ...(await Promise.all([
    runTestFiles(unit, { concurrency: Math.max(1, availableParallelism() - 1), timeoutMs: unitTimeoutMs }),
    runTestFiles(endToEnd, { concurrency: 1, timeoutMs: endToEndTimeoutMs }),
  ])),
];
const sum = (count: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + count(tally), 0);
const passed = sum((tally) => tally.passed);
const failed = sum((tally) => tally.failed);

if (unit.length + endToEnd.length === 0) console.log(`No test file has ${filters.join(' or ')} in its path.`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

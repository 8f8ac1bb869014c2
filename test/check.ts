/** `npm run check`: types, lint, formatting and the project's own rules, in seconds. */
import { runTestFiles } from './runner/run-files.ts';
import { runStaticChecks } from './runner/static-checks.ts';

const checks = runStaticChecks();
const rules = await runTestFiles(['test/tidy.test.ts'], { concurrency: 1, timeoutMs: 60_000 });
process.exitCode = checks.every(({ passed }) => passed) && rules.failed === 0 ? 0 : 1;

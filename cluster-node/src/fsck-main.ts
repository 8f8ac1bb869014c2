/**
 * Checks one data folder and prints the report as JSON; exits 0 when it is sound, 1 when not, 2 when called wrongly. A process
 * of its own because LMDB trusts the structure of its file: where that is damaged, reading may end the process. Whoever
 * starts this takes an end without a report for damage.
 */
import { fsck } from './fsck.ts';

const [dataDir, ...rest] = process.argv.slice(2);
if (dataDir === undefined || rest.length > 0) {
  process.stderr.write('Expected one data folder.\n');
  process.exitCode = 2;
} else {
  const report = await fsck(dataDir);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.problems.length === 0 ? 0 : 1;
}

/**
 * Checks one data folder, with `--rebuild` after rebuilding its database. Prints JSON, one object a line: while rebuilding,
 * `{"rebuilt": …, "entries": …}`; last, the report. Exits 0 when the folder is sound, 1 when not, 2 when called wrongly. A
 * process of its own because LMDB trusts the structure of its file: where that is damaged, reading may end the process.
 * Whoever starts this takes an end without a report for damage.
 */
import { Problems } from './fsck/problems.ts';
import { rebuildFolder } from './fsck/rebuild-folder.ts';
import { fsck } from './fsck.ts';

const [dataDir, flag, ...rest] = process.argv.slice(2);
if (dataDir === undefined || (flag !== undefined && flag !== '--rebuild') || rest.length > 0) {
  process.stderr.write('Expected one data folder, and --rebuild or nothing.\n');
  process.exitCode = 2;
} else {
  const failed = flag === undefined ? [] : await rebuildProblems(dataDir);
  const report = await fsck(dataDir);
  const problems = [...failed, ...report.problems];
  print({ ...report, problems });
  process.exitCode = problems.length === 0 ? 0 : 1;
}

/** Why the database could not be rebuilt, if so. */
async function rebuildProblems(folder: string): Promise<readonly string[]> {
  const problems = new Problems();
  try {
    await rebuildFolder(folder, (rebuilt, entries) => print({ rebuilt, entries }));
  } catch (error) {
    problems.addError('Not rebuilt', error);
  }
  return problems.list();
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

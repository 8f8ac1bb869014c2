#!/usr/bin/env node
/**
 * Makes this folder ready to run: `node bin/setup.js` brings node_modules in line with package-lock.json and builds the
 * console when its sources have changed, `--tests` also finds or installs the programs of the system that tests use,
 * `--bench` those of the benchmarks too. Plain JavaScript without dependencies, because it runs before anything is
 * installed, on whatever Node the machine has.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const runtime = join(root, 'node_modules/.bin/node');
const stampFile = join(root, 'node_modules/.grapevine-setup');

const consoleFolder = join(root, 'bff-web/console');
const consoleStampFile = join(root, 'node_modules/.grapevine-console');
/** What goes into the console: its own files, and the verifier that it has in common with the services. */
const consoleSources = [consoleFolder, join(root, 'shared/src')];

/**
 * What tests and benchmarks need beyond npm packages. `debian` is the package that brings one of the programs. With `file`, only
 * that is taken out of the package: the whole would start a server that nobody asked for.
 */
const systemPrograms = [
  { programs: ['openssl'], debian: 'openssl', use: 'the TLS tests', flags: ['--tests'] },
  { programs: ['unshare'], debian: 'util-linux', use: 'the disk trouble tests', flags: ['--tests'] },
  { programs: ['script'], debian: 'bsdutils', use: 'the completion test', flags: ['--tests'] },
  { programs: ['chromium'], debian: 'chromium', use: 'the console tests', flags: ['--tests'] },
  { programs: ['strace'], debian: 'strace', use: 'the disk trouble tests', flags: ['--tests'] },
  {
    programs: ['redis-server'],
    debian: 'redis-server',
    use: 'the tests of shared rates, and the append benchmark',
    flags: ['--tests', '--bench'],
  },
  {
    programs: ['promtool'],
    debian: 'prometheus',
    file: 'usr/bin/promtool',
    use: 'the alert tests',
    flags: ['--tests'],
  },
  { programs: ['nginx'], debian: 'nginx-light', use: 'the gateway benchmark', flags: ['--bench'] },
  { programs: ['wrk'], debian: 'wrk', use: 'the gateway benchmark', flags: ['--bench'] },
];

/** Output of npm and apt-get kept to show when they fail. */
const maxOutputBytes = 16 * 1024 * 1024;
const shownLines = 25;

installPackages();
buildConsole();
installSystemPrograms();

function installPackages() {
  const stamp = expectedStamp();
  if (existsSync(runtime) && readStamp(stampFile) === stamp) return;
  const started = Date.now();
  process.stderr.write('Setting up (first start only) … ');
  const result = runNpm([
    'ci',
    // Everything that we use comes ready-made; scripts of packages would only be a way in for somebody else's code.
    '--ignore-scripts',
    // The machine's npm configuration may leave these out, but the runtime is an optional package and the checks are development ones.
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    // The machine's Node is older than some packages want; they run on the pinned one.
    '--loglevel=error',
  ]);
  if (result.status !== 0) {
    fail(
      `npm ci failed.\n${lastLines(result)}`,
      'Check the connection to the package registry, then run the same command again.',
    );
  }
  if (!linkRuntime()) {
    fail(
      `there is no pinned Node runtime for ${process.platform}-${process.arch}.`,
      'Use Linux or macOS on x64 or arm64; optionalDependencies in package.json has the list.',
    );
  }
  writeFileSync(stampFile, stamp);
  process.stderr.write(`done in ${Math.round((Date.now() - started) / 1000)} s.\n`);
}

/**
 * Puts the platform's Node where npm scripts find it first. Every platform's package brings a program called `node`, and
 * npm 10, which comes with Node 20, links none of them. Answers false when this platform has no such package.
 */
function linkRuntime() {
  if (existsSync(runtime)) return true;
  const platform = `${process.platform}-${process.arch}`;
  const program = [`node-${platform}`, `node-bin-${platform}`]
    .map((name) => join(root, 'node_modules', name, 'bin/node'))
    .find((path) => existsSync(path));
  if (program === undefined) return false;
  mkdirSync(dirname(runtime), { recursive: true });
  rmSync(runtime, { force: true });
  symlinkSync(relative(dirname(runtime), program), runtime);
  return true;
}

/** Says what node_modules was made from. Optional packages differ between platforms, so a copied folder does not count. */
function expectedStamp() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform} ${process.arch}\n`;
}

/** The console's page, from sources by vite. Compared by content: times of files say nothing after a checkout. */
function buildConsole() {
  if (!existsSync(consoleFolder)) return;
  const stamp = sourcesStamp();
  if (existsSync(join(consoleFolder, 'dist/index.html')) && readStamp(consoleStampFile) === stamp) return;
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  const config = join(root, 'bff-web/console/vite.config.ts');
  const result = spawnSync(runtime, [vite, 'build', '--config', config, '--logLevel', 'warn'], {
    cwd: consoleFolder,
    encoding: 'utf8',
  });
  if (result.status !== 0) fail(`the console cannot be built.\n${lastLines(result)}`, 'Mend bff-web/console.');
  writeFileSync(consoleStampFile, stamp);
}

function sourcesStamp() {
  const hash = createHash('sha256').update(expectedStamp());
  for (const path of consoleSources.flatMap(filesBelow))
    hash.update(`${relative(root, path)}\n`).update(readFileSync(path));
  return hash.digest('hex');
}

/** In one order on every machine. What is built, and tests, go into nothing. */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .filter(({ name }) => name !== 'dist' && !/\.(test|fixture)\.tsx?$/.test(name))
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]));
}

function readStamp(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Runs the npm that runs us, if one does: `npm` from PATH would start with the Node that is about to be replaced. */
function runNpm(args) {
  const script = process.env.npm_execpath;
  const options = { cwd: root, encoding: 'utf8', maxBuffer: maxOutputBytes };
  if (script?.endsWith('npm-cli.js')) return spawnSync(process.execPath, [script, ...args], options);
  return spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
}

function installSystemPrograms() {
  const wanted = systemPrograms.filter(({ flags }) => flags.some((flag) => process.argv.includes(flag)));
  const missing = wanted.filter(({ programs }) => !programs.some(isOnPath));
  if (missing.length === 0) return;
  const names = missing.map((entry) => `${entry.programs[0]} (for ${entry.use})`).join(', ');
  const command = `apt-get update && apt-get install -y ${missing.map((entry) => entry.debian).join(' ')}`;
  if (process.getuid?.() !== 0 || !isOnPath('apt-get')) {
    fail(`this needs ${names}, not found on PATH.`, `On Debian: sudo sh -c '${command}'`);
  }
  process.stderr.write(`Installing ${names} … `);
  const packages = missing.filter((entry) => entry.file === undefined).map((entry) => entry.debian);
  const runOrFail = (program, args, cwd) => {
    const result = spawnSync(program, args, {
      cwd,
      encoding: 'utf8',
      maxBuffer: maxOutputBytes,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (result.status !== 0)
      fail(`${program} ${args.join(' ')} failed.\n${lastLines(result)}`, `Install by hand: ${command}`);
  };
  runOrFail('apt-get', ['update'], root);
  if (packages.length > 0) runOrFail('apt-get', ['install', '-y', ...packages], root);
  for (const { debian, file } of missing) if (file !== undefined) extractProgram(debian, file, runOrFail);
  process.stderr.write('done.\n');
}

/** Puts one program of a Debian package where npm scripts find it. */
function extractProgram(debian, file, runOrFail) {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-setup-'));
  try {
    runOrFail('apt-get', ['download', debian], folder);
    const archive = readdirSync(folder).find((name) => name.endsWith('.deb')) ?? `${debian}.deb`;
    runOrFail('dpkg-deb', ['-x', archive, 'content'], folder);
    const program = join(root, 'node_modules/.bin', basename(file));
    copyFileSync(join(folder, 'content', file), program);
    chmodSync(program, 0o755);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isOnPath(program) {
  const folders = [join(root, 'node_modules/.bin'), ...(process.env.PATH ?? '').split(delimiter)];
  return folders.some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function lastLines({ stdout, stderr, error }) {
  const text = `${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}`;
  return text.trimEnd().split('\n').slice(-shownLines).join('\n');
}

function fail(what, wayOut) {
  process.stderr.write(`\ngrapevine set-up: ${what}\n${wayOut}\n`);
  process.exit(1);
}

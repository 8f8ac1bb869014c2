import { isProduct, type SourceFile, type SourceTree, workspaceOf } from './source-tree.ts';

/** Which workspaces the code of a workspace may import. They meet in `shared/src/contracts` and on the wire. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  shared: ['shared'],
  'cluster-node': ['cluster-node', 'shared'],
  'bff-web': ['bff-web', 'shared'],
  'bff-mobile': ['bff-mobile', 'shared'],
  gateway: ['gateway', 'shared'],
  cli: ['cli', 'shared'],
};

/** No workspace's code imports another's, but for `shared`. */
export function checkLayering(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const file of tree.values()) {
    const workspace = workspaceOf(file.path);
    if (!isProduct(file.path)) continue;
    for (const { specifier, line, target } of file.imports) {
      if (target === undefined) continue;
      const other = workspaceOf(target);
      if (allowed[workspace]?.includes(other) === true) continue;
      problems.push(
        `${file.path}:${line}: ${workspace} must not import ${specifier}; put what both need into shared/src, or talk to ${other} over its API`,
      );
    }
  }
  return problems;
}

interface Core {
  readonly folder: string;
  /** Node's modules that only compute. */
  readonly modules: readonly string[];
}

/** Code that runs the same under a simulator, in a browser and in a node. */
const cores: readonly Core[] = [
  { folder: 'cluster-node/src/core/', modules: [] },
  { folder: 'cluster-node/src/wire/', modules: ['node:crypto'] },
  { folder: 'shared/src/merkle/', modules: [] },
  { folder: 'shared/src/log/', modules: [] },
  { folder: 'shared/src/verifier/', modules: [] },
];

const bannedInCores: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.\w/, instead: 'take the Clock port (shared/src/clock.ts)' },
  {
    pattern: /\bMath\.random\b|\bgetRandomValues\b|\brandom(Bytes|UUID|Int|Fill)\b/,
    instead: 'take the Random port (shared/src/random.ts)',
  },
  {
    pattern: /\bset(Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/,
    instead: 'answer with an effect, and let the driver (cluster-node/src/node.ts) keep time',
  },
  { pattern: /\bfetch\(|\bconsole\.\w/, instead: 'answer with an effect, and let the driver act' },
];

/** Cores read no clock, draw no random number, set no timer; neither they nor what they load import Node's I/O. */
export function checkCores(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const file of tree.values()) {
    const core = cores.find(({ folder }) => file.path.startsWith(folder));
    if (core === undefined || !isProduct(file.path)) continue;
    for (const [index, line] of file.code.entries()) {
      for (const { pattern, instead } of bannedInCores) {
        const found = pattern.exec(line);
        if (found !== null) problems.push(`${file.path}:${index + 1}: ${found[0]} in a core; ${instead}`);
      }
    }
    problems.push(...nodeModulesBehind(file, core, tree));
  }
  return problems;
}

function nodeModulesBehind(file: SourceFile, core: Core, tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const { specifier, line, isType, target } of file.imports) {
    if (isType) continue;
    const behind = specifier.startsWith('node:') ? [specifier] : [...loadedModules(target, tree)];
    for (const module of behind.filter((name) => !core.modules.includes(name))) {
      const how = behind[0] === specifier ? '' : ` (through ${specifier})`;
      problems.push(
        `${file.path}:${line}: ${module}${how} in ${core.folder}; take a port as an argument, and keep Node's modules in the adapter`,
      );
    }
  }
  return problems;
}

/** Node's modules that loading `start` loads. */
function loadedModules(start: string | undefined, tree: SourceTree): ReadonlySet<string> {
  const modules = new Set<string>();
  const seen = new Set<string>();
  const waiting = start === undefined ? [] : [start];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const { specifier, isType, target } of tree.get(path)?.imports ?? []) {
      if (isType) continue;
      if (specifier.startsWith('node:')) modules.add(specifier);
      if (target !== undefined) waiting.push(target);
    }
  }
  return modules;
}

const processUse =
  /\bprocess\.(argv|cwd|env|execPath|exit|exitCode|hrtime|kill|memoryUsage|nextTick|off|on|once|pid|platform|send|stderr|stdin|stdout|uptime|version)\b|'node:process'/;

/** Only `main.ts` files touch `process`: what they hand over is visible, and everything else can be tested. */
export function checkProcessUse(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const file of tree.values()) {
    if (!isProduct(file.path) || /(^|[/-])main\.ts$/.test(file.path)) continue;
    for (const [index, line] of file.code.entries()) {
      const found = processUse.exec(line);
      if (found !== null) {
        problems.push(`${file.path}:${index + 1}: ${found[0]} outside main.ts; pass what is needed from there`);
      }
    }
  }
  return problems;
}

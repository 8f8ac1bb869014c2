import { isProduct, type SourceTree } from './source-tree.ts';

/** Lines of a file beyond which it must say why. */
const maxLines = 400;

/** Names that say nothing of what is in a file. */
const emptyNames =
  /(^|[/._-])(utils?|helpers?|common|misc|stuff)\.(ts|js)$|(^|\/)index\.(ts|js)$|\/(utils?|helpers?|common)\//;

export function checkFileNames(tree: SourceTree): string[] {
  return [...tree.keys()]
    .filter((path) => emptyNames.test(path))
    .map((path) => `${path}: the name says nothing; name the file after the one thing it is for`);
}

export function checkFileSizes(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const { path, text, code } of tree.values()) {
    if (code.length <= maxLines || /Long because: \w/.test(text)) continue;
    problems.push(`${path}: ${code.length} lines; split it, or say why not in a comment "Long because: …"`);
  }
  return problems;
}

/** Files that nothing of ours loads, and why they are here. */
const forOthers: ReadonlyMap<string, string> = new Map([
  ['shared/src/verifier/verify-consistency.ts', 'clients use it to check that a log only grew'],
  ['shared/src/merkle/interchange.ts', 'the format in which trees are exchanged with other programs'],
]);

/** Every file is used by another one. A test beside the source is not a use: it would keep alive what nobody needs. */
export function checkDeadFiles(tree: SourceTree): string[] {
  const used = new Set<string>();
  for (const file of tree.values()) {
    const isTest = /^[\w-]+\/(?:console\/)?src\/.*\.test\.ts$/.test(file.path);
    for (const { target } of file.imports) {
      if (target !== undefined && !(isTest && isProduct(target))) used.add(target);
    }
  }
  return [...tree.keys()]
    .filter((path) => /\.tsx?$/.test(path) && !/\.test\.ts$/.test(path) && !used.has(path) && !forOthers.has(path))
    .filter((path) => !isStarted(path, tree))
    .map((path) => `${path}: nothing uses it; remove it`);
}

/** Programs are not imported but started: by a script of package.json, by a path in a file, by hand as a page tells. */
function isStarted(path: string, tree: SourceTree): boolean {
  const name = path.split('/').at(-1) ?? path;
  if (/^main\.tsx?$/.test(name)) return true;
  return [...tree.values()].some((other) => {
    const imports = other.imports.filter(({ specifier }) => specifier.endsWith(`/${name}`)).length;
    return other.path !== path && other.text.split(`/${name}`).length - 1 > imports;
  });
}

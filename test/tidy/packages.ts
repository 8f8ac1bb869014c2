import { z } from 'zod';
import { type SourceTree, workspaceOf } from './source-tree.ts';

const versions = z.record(z.string(), z.string()).default({});
const manifestSchema = z.object({ dependencies: versions, devDependencies: versions, optionalDependencies: versions });

const exact = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** Exact versions: npm under an old Node would otherwise choose older majors in silence. */
export function checkVersions(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const { path, text } of tree.values()) {
    if (!/(^|\/)package\.json$/.test(path)) continue;
    const { dependencies, devDependencies, optionalDependencies } = manifestSchema.parse(JSON.parse(text));
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
      if (!exact.test(version)) problems.push(`${path}: ${name} is "${version}"; write one exact version`);
    }
  }
  return problems;
}

/** A workspace names in its package.json what its code imports, and nothing else. */
export function checkDependencies(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const { path, text } of tree.values()) {
    const [, workspace] = /^([\w-]+)\/package\.json$/.exec(path) ?? [];
    if (workspace === undefined) continue;
    const declared = new Set(Object.keys(manifestSchema.parse(JSON.parse(text)).dependencies));
    const used = packagesUsedBy(workspace, tree);
    for (const [name, place] of used) {
      if (!declared.has(name))
        problems.push(`${place}: ${name} is not in ${path}; add it there with its exact version`);
    }
    for (const name of declared) {
      if (!used.has(name)) problems.push(`${path}: nothing in ${workspace} imports ${name}; remove it`);
    }
  }
  return problems;
}

/** Package names with the first place that imports them. */
function packagesUsedBy(workspace: string, tree: SourceTree): ReadonlyMap<string, string> {
  const used = new Map<string, string>();
  for (const file of tree.values()) {
    // Tests share the tools of the test workspace, such as fast-check.
    if (
      workspaceOf(file.path) !== workspace ||
      (workspace !== 'test' && /\.(test|fixture)\.ts$|\/testing\//.test(file.path))
    )
      continue;
    for (const { specifier, line } of file.imports) {
      const [, name] = /^((?:@[\w.-]+\/)?[a-z][\w.-]*)(\/|$)/.exec(specifier) ?? [];
      if (name !== undefined && !used.has(name)) used.set(name, `${file.path}:${line}`);
    }
  }
  return used;
}

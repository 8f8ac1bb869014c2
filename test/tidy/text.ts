import type { SourceTree } from './source-tree.ts';

interface Rule {
  readonly pattern: RegExp;
  readonly files: RegExp;
  readonly instead: string;
}

const rules: readonly Rule[] = [
  {
    pattern: /\b(TODO|FIXME|XXX)\b/,
    files: /./,
    instead: 'do it, or open an issue and say in the text what is so today',
  },
  {
    pattern: /\b(test|it|describe|suite|t)\.(only|skip|todo)\b|\{\s*(only|skip|todo):/,
    files: /\.ts$/,
    instead: 'every test runs, every time',
  },
  {
    pattern: /\/(work\/(main|shared)|root|home\/\w+)\//,
    files: /./,
    instead: "use a path relative to the project, or the system's folder for temporary files",
  },
  {
    pattern: /https?:\/\/[\w.-]*(registry|npmjs|artifactory|nexus)[\w.-]*/,
    files: /./,
    instead: 'the project installs from whichever registry the machine is set up for',
  },
];

/** What no file of the project may say. This file has to name it. */
export function checkText(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const { path, text } of tree.values()) {
    if (path.startsWith('test/tidy')) continue;
    for (const [index, line] of text.split('\n').entries()) {
      for (const { pattern, files, instead } of rules) {
        const found = files.test(path) ? pattern.exec(line) : null;
        if (found !== null) problems.push(`${path}:${index + 1}: found "${found[0]}"; ${instead}`);
      }
    }
  }
  return problems;
}

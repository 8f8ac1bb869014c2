import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** From 1. */
  readonly line: number;
  /** `import type`: gone before the program runs. */
  readonly isType: boolean;
  /** The file behind it, relative to the root; undefined for packages and Node's modules. */
  readonly target: string | undefined;
}

export interface SourceFile {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
  /** The text's lines with comments blanked, so that talking about a thing is not doing it. */
  readonly code: readonly string[];
  readonly imports: readonly Import[];
}

/** Every text file of the project by path. */
export type SourceTree = ReadonlyMap<string, SourceFile>;

const program = /\.(tsx?|js)$/;
const text = /\.(tsx?|js|json|md|ya?ml|html|css|graphql|sh)$|^\.ci\/run$|^\.npmrc$|^LICENSE$/;

/** What git tracks, and what it would track if it were added. */
export function readSourceTree(root: string): SourceTree {
  const listing = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root });
  const files: Record<string, string> = {};
  for (const path of listing
    .toString()
    .split('\0')
    .filter((name) => text.test(name))) {
    const content = readIfThere(join(root, path));
    if (content !== undefined) files[path] = content;
  }
  return makeSourceTree(files);
}

export function makeSourceTree(files: Readonly<Record<string, string>>): SourceTree {
  const paths = new Set(Object.keys(files));
  return new Map(Object.entries(files).map(([path, content]) => [path, sourceFile(path, content, paths)]));
}

/** The workspace that a file belongs to, such as `gateway`; `test`, `bin` and others alike. */
export function workspaceOf(path: string): string {
  return path.split('/', 1)[0] ?? path;
}

/** Code that ends up in a running system, as against tests and what only tests use. */
export function isProduct(path: string): boolean {
  return /^[\w-]+\/(console\/)?src\/.*\.tsx?$/.test(path) && !/\.(test|fixture)\.ts$|\/testing\//.test(path);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // Removed from the folder, but not yet from git's list.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function sourceFile(path: string, content: string, paths: ReadonlySet<string>): SourceFile {
  if (!program.test(path)) return { path, text: content, code: [], imports: [] };
  const code = blankComments(content);
  return { path, text: content, code: code.split('\n'), imports: importsOf(path, code, paths) };
}

/**
 * Good for code that the formatter wrote: a line comment stands alone or behind a space, block comments do not stand
 * inside text. Line numbers stay.
 */
function blankComments(content: string): string {
  return content
    .replace(/(^|\s)\/\*.*?\*\//gs, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/.*$/gm, '$1');
}

const importPattern = /^\s*(?:import|export)\s+(type\s)?(?:[\w*{}\s,$]+?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;

function importsOf(path: string, code: string, paths: ReadonlySet<string>): Import[] {
  return [...code.matchAll(importPattern)].map((match) => {
    const specifier = match[2] ?? match[3] ?? '';
    return {
      specifier,
      line: code.slice(0, match.index + match[0].search(/\S/)).split('\n').length,
      isType: match[1] !== undefined,
      target: targetOf(path, specifier, paths),
    };
  });
}

function targetOf(path: string, specifier: string, paths: ReadonlySet<string>): string | undefined {
  const [, workspace, rest] = /^@grapevine\/([\w-]+)\/(.+)$/.exec(specifier) ?? [];
  if (workspace === 'test') return `test/${rest}`;
  if (workspace !== undefined) return `${workspace}/src/${rest}`;
  if (!specifier.startsWith('.')) return undefined;
  const target = normalize(join(dirname(path), specifier));
  return paths.has(target) ? target : undefined;
}

import { readFileSync } from 'node:fs';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { wordsOf } from '../http/issue-words.ts';
import { type Config, configSchema } from './schema.ts';

const environmentPrefix = 'GRAPEVINE_';

export interface ConfigSources {
  /** Path of the YAML file; without it, defaults and the environment alone count. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Problems with places, one a line, as `config check` prints them. */
export interface ConfigProblem {
  /** `file:line:column`, or the environment variable's name. */
  readonly place: string;
  readonly message: string;
}

/**
 * The configuration: defaults, then the file, then the environment (`GRAPEVINE_GATEWAY__RATE_LIMIT__MAX_KEYS=5` sets
 * `gateway.rateLimit.maxKeys`; values are read as YAML). Throws `CONFIG_INVALID` listing every problem with its place.
 */
export function loadConfig(sources: ConfigSources): Config {
  const result = checkConfig(sources);
  if (result.config !== undefined) return result.config;
  const lines = result.problems.map((problem) => `${problem.place}: ${problem.message}`);
  throw new GrapevineError('CONFIG_INVALID', lines.join('\n'), { extensions: { problems: result.problems } });
}

export function checkConfig(sources: ConfigSources): { config?: Config; problems: readonly ConfigProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(readSource(sources.file), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${sources.file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    return { problems: document.errors.map((error) => ({ place: at(error.pos[0]), message: error.message })) };
  }
  const tree: unknown = document.toJS() ?? {};
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
    return { problems: [{ place: at(0), message: 'expected sections such as `gateway:` at the top level' }] };
  }
  const overrides = applyEnvironment(tree as Record<string, unknown>, sources.environment);
  const parsed = configSchema.safeParse(tree, { error: wordsOf });
  if (parsed.success) return { config: parsed.data, problems: [] };
  const placeOf = (path: readonly PropertyKey[]): string => {
    const variable = overrides.get(path.map(String).join('.'));
    if (variable !== undefined) return variable;
    const offset = offsetOf(document.contents, path);
    return sources.file === undefined ? 'configuration' : at(offset ?? 0);
  };
  return { problems: parsed.error.issues.flatMap((issue) => explain(issue, placeOf)) };
}

function readSource(file: string | undefined): string {
  if (file === undefined) return '';
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GrapevineError('CONFIG_INVALID', `Cannot read the configuration file ${file}: ${reason}`, {
      cause: error,
    });
  }
}

function explain(issue: z.core.$ZodIssue, placeOf: (path: readonly PropertyKey[]) => string): ConfigProblem[] {
  const name = (path: readonly PropertyKey[]): string => path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return { place: placeOf(path), message: `${name(path)}: there is no such option` };
    });
  }
  return [{ place: placeOf(issue.path), message: `${name(issue.path)}: ${issue.message}` }];
}

/** Writes environment overrides into `tree`; answers which variable set which path. */
function applyEnvironment(
  tree: Record<string, unknown>,
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, string> {
  const written = new Map<string, string>();
  for (const [variable, text] of Object.entries(environment)) {
    // One underscore more than the CLI's own variables (GRAPEVINE_URL, GRAPEVINE_TOKEN) tells the two kinds apart.
    if (text === undefined || !variable.startsWith(environmentPrefix) || !variable.includes('__')) continue;
    const path = variable.slice(environmentPrefix.length).split('__').map(camelCase);
    setPath(tree, path, parseDocument(text).toJS());
    written.set(path.join('.'), variable);
  }
  return written;
}

function camelCase(words: string): string {
  return words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function setPath(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = tree;
  for (const step of path.slice(0, -1)) {
    const next = Object.hasOwn(at, step) ? at[step] : undefined;
    if (typeof next === 'object' && next !== null) {
      at = next as Record<string, unknown>;
    } else {
      const made: Record<string, unknown> = {};
      at[step] = made;
      at = made;
    }
  }
  const last = path.at(-1);
  if (last !== undefined) at[last] = value;
}

/** Where the deepest part of `path` that exists stands in the file. */
function offsetOf(root: unknown, path: readonly PropertyKey[]): number | undefined {
  let at = root;
  let offset: number | undefined;
  for (const step of path) {
    if (isSeq(at) && typeof step === 'number') {
      at = at.items[step];
      if (!isNode(at)) break;
      offset = at.range?.[0] ?? offset;
      continue;
    }
    if (!isMap(at)) break;
    const pair = at.items.find((item) => isScalar(item.key) && item.key.value === step);
    if (pair === undefined || !isScalar(pair.key)) break;
    offset = pair.key.range?.[0] ?? offset;
    at = pair.value;
  }
  return offset;
}

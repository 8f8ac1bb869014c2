import type { IncomingHttpHeaders } from 'node:http';
import type { RouteConfig } from '@grapevine/shared/config/route-schema.ts';
import type { Scope } from '@grapevine/shared/identity/scopes.ts';
import type { Engine } from '../upstreams/upstream-instance.ts';

const safeMethods = ['GET', 'HEAD', 'OPTIONS'];

/** Headers that are replaced or dropped on their way. */
export interface HeaderRules {
  /** Names and values in turn. */
  readonly set: readonly string[];
  /** Names that do not pass, those of `set` among them. */
  readonly dropped: ReadonlySet<string>;
}

/** A route of the configuration, made ready for matching. */
export class Route {
  readonly config: RouteConfig;
  readonly name: string;
  readonly engine: Engine;
  readonly upstream: string | undefined;
  readonly isPublic: boolean;
  /** What its requests and answers change on their way; undefined when nothing. */
  readonly requestRules: HeaderRules | undefined;
  readonly answerRules: HeaderRules | undefined;
  /** What every answer says about the age of this version, names and values in turn. */
  readonly versionHeaders: readonly string[];
  readonly #segments: readonly string[];
  readonly #methods: ReadonlySet<string>;
  readonly #isPrefix: boolean;
  readonly #conditions: readonly ((headers: IncomingHttpHeaders) => boolean)[];
  readonly #literalSegments: number;

  constructor(config: RouteConfig) {
    this.config = config;
    this.name = config.name;
    this.engine = config.engine;
    this.upstream = config.upstream;
    this.isPublic = config.scopes === 'public';
    this.requestRules = headerRules(config.requestHeaders);
    this.answerRules = headerRules(config.answerHeaders);
    this.versionHeaders = versionHeaders(config);
    this.#methods = new Set(config.methods);
    this.#isPrefix = config.path.endsWith('/**');
    const path = this.#isPrefix ? config.path.slice(0, -'/**'.length) : config.path;
    this.#segments = path.split('/').slice(1);
    const parameter = this.#segments.findIndex(isParameter);
    this.#literalSegments = parameter === -1 ? this.#segments.length : parameter;
    this.#conditions = Object.entries(config.headers).map(([name, condition]) => conditionOn(name, condition));
  }

  allows(method: string): boolean {
    return this.#methods.has(method);
  }

  /** Whether these decoded segments are its path. */
  matchesPath(segments: readonly string[]): boolean {
    const own = this.#segments;
    if (this.#isPrefix ? segments.length < own.length : segments.length !== own.length) return false;
    for (let position = 0; position < own.length; position++) {
      const expected = own[position];
      const found = segments[position];
      if (expected === found) continue;
      // A name stands for something: it is no empty segment behind a slash at the end.
      if (!isParameter(expected) || found === '') return false;
    }
    return true;
  }

  /** Whether it takes requests to this host with these headers. */
  takes(host: string | undefined, headers: IncomingHttpHeaders): boolean {
    return this.#matchesHost(host) && this.#conditions.every((holds) => holds(headers));
  }

  /** Whether every encoded slash stands in a segment that the path leaves open by a name. */
  allowsSlashes(segments: readonly string[]): boolean {
    return segments.every((segment, position) => !segment.includes('/') || isParameter(this.#segments[position]));
  }

  /** The scope that a method needs; undefined when everybody may. */
  scopeFor(method: string): Scope | undefined {
    const { scopes } = this.config;
    if (scopes === 'public') return undefined;
    const own = scopes[method as keyof typeof scopes];
    return own ?? (safeMethods.includes(method) ? scopes.read : scopes.write);
  }

  /** The path and query that the upstream gets for a target of this route: the bytes as they came, or with another beginning. */
  targetFor(target: string): string {
    const { rewrite } = this.config;
    if (rewrite === undefined) return target;
    let at = 0;
    for (let segment = 0; segment < this.#literalSegments && at !== -1; segment++) at = nextSlash(target, at + 1);
    const rest = at === -1 ? queryOf(target) : target.slice(at);
    const path = rewrite + rest;
    return path.startsWith('/') ? path : `/${path}`;
  }

  #matchesHost(host: string | undefined): boolean {
    const { hosts } = this.config;
    if (hosts === undefined) return true;
    const name = host?.replace(/:\d*$/, '').toLowerCase();
    return name !== undefined && hosts.some((pattern) => isSameHost(pattern, name));
  }
}

function isParameter(segment: string | undefined): boolean {
  return segment?.startsWith('{') === true;
}

function isSameHost(pattern: string, name: string): boolean {
  return pattern.startsWith('*.')
    ? name.endsWith(pattern.slice(1)) && name.length > pattern.length - 1
    : pattern === name;
}

function nextSlash(target: string, from: number): number {
  const slash = target.indexOf('/', from);
  const query = target.indexOf('?');
  return query !== -1 && slash > query ? -1 : slash;
}

function queryOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? '' : target.slice(query);
}

type Condition = RouteConfig['headers'][string];

function conditionOn(name: string, condition: Condition): (headers: IncomingHttpHeaders) => boolean {
  if (condition === 'absent') return (headers) => headers[name] === undefined;
  if (condition === 'present') return (headers) => headers[name] !== undefined;
  if ('equals' in condition) return (headers) => String(headers[name]) === condition.equals;
  return (headers) => headers[name]?.includes(condition.contains) === true;
}

function headerRules({ set, remove }: RouteConfig['requestHeaders']): HeaderRules | undefined {
  const dropped = new Set([...remove, ...Object.keys(set)]);
  return dropped.size === 0 ? undefined : { set: Object.entries(set).flat(), dropped };
}

/** What tells a client that it uses an old version: RFC 9745 (a date as seconds), RFC 8594 (a date as HTTP has it). */
function versionHeaders({ deprecation }: RouteConfig): string[] {
  if (deprecation === undefined) return [];
  const { since, sunset, link } = deprecation;
  const headers = ['deprecation', `@${Date.parse(since) / 1_000}`];
  if (sunset !== undefined) headers.push('sunset', new Date(sunset).toUTCString());
  if (link !== undefined) headers.push('link', `<${link}>; rel="deprecation"`);
  return headers;
}

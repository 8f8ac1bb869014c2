/** An option that differs between two configurations. */
export interface ConfigChange {
  /** Such as `gateway.routes.mobile.timeoutMs`: members of a list that have a name go by it. */
  readonly path: string;
  /** Absent when there was none. */
  readonly before?: unknown;
  /** Absent when there is none any more. */
  readonly after?: unknown;
}

const hidden = '[redacted]';
/** Files that hold secrets may be named, secrets may not. */
const secretNames = /(password|passphrase|secret|token|apiKey)s?$/i;
/** Headers that go to upstreams can hold what they check us by. */
const secretPlaces = /\.requestHeaders\.set\./;

/** What differs, option by option, with secrets left out: it goes to logs and to operators. */
export function configChanges(before: unknown, after: unknown, path = ''): readonly ConfigChange[] {
  const [left, right] = [membersOf(before), membersOf(after)];
  if (left === undefined || right === undefined) {
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [change(path, before, after)];
  }
  const changes = [...new Set([...left.keys(), ...right.keys()])].flatMap((name) =>
    configChanges(left.get(name), right.get(name), path === '' ? name : `${path}.${name}`),
  );
  return [...changes, ...changedOrder(path, before, after)];
}

/** The members of an object, or of a list whose members all have names of their own; undefined for anything else. */
function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const names = namesOf(value);
  return names === undefined ? undefined : new Map(value.map((member, index) => [names[index] ?? '', member]));
}

function namesOf(list: readonly unknown[]): readonly string[] | undefined {
  const names = list.map((member) => (member as { readonly name?: unknown } | null)?.name);
  const isNamed = names.length > 0 && names.every((name) => typeof name === 'string');
  return isNamed && new Set(names).size === names.length ? (names as string[]) : undefined;
}

/** Of routes, the order counts. */
function changedOrder(path: string, before: unknown, after: unknown): readonly ConfigChange[] {
  if (!Array.isArray(before) || !Array.isArray(after)) return [];
  const [left = [], right = []] = [namesOf(before), namesOf(after)];
  const [keptBefore, keptAfter] = [
    left.filter((name) => right.includes(name)),
    right.filter((name) => left.includes(name)),
  ];
  return keptBefore.join() === keptAfter.join() ? [] : [{ path: `${path} (order)`, before: left, after: right }];
}

function change(path: string, before: unknown, after: unknown): ConfigChange {
  return {
    path,
    ...(before === undefined ? {} : { before: withoutSecrets(path, before) }),
    ...(after === undefined ? {} : { after: withoutSecrets(path, after) }),
  };
}

function withoutSecrets(path: string, value: unknown): unknown {
  if (secretPlaces.test(`${path}.`) || secretNames.test(path)) return hidden;
  if (typeof value === 'string') return withoutUserInfo(value);
  if (Array.isArray(value)) return value.map((member) => withoutSecrets(path, member));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withoutSecrets(`${path}.${name}`, member)]),
  );
}

/** Addresses may carry a password, and a query a key. */
function withoutUserInfo(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  return text.replace(/\/\/[^/?#]*@/, `//${hidden}@`).replace(/\?.*$/, `?${hidden}`);
}

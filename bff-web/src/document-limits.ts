import type { BffWebConfig } from '@grapevine/shared/config/schema.ts';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type SelectionSetNode,
  type ValidationRule,
  visit,
} from 'graphql';
import { noPrototypeNames } from './prototype-names.ts';

export type DocumentLimits = Pick<BffWebConfig, 'mode' | 'maxDepth' | 'maxAliases'>;

/** Root fields of one document. Each is a call or more to the cluster, and they run at once. */
const maxRootFields = 30;

/** Directives of one document: clients need one for a field here and there, and each is looked up whenever its field is executed. */
const maxDirectives = 50;

/** Validation rules that keep a document small and harmless; what it costs with its variables is checked before execution. */
export function limitRules(limits: DocumentLimits): readonly ValidationRule[] {
  const rules: ValidationRule[] = [
    noPrototypeNames,
    atMost('levels', limits.maxDepth, depthOf),
    atMost('aliases', limits.maxAliases, aliasesOf),
    atMost('directives', maxDirectives, directivesOf),
    atMost('root fields', maxRootFields, rootFieldsOf),
  ];
  if (limits.mode === 'production') rules.push(NoSchemaIntrospectionCustomRule);
  return rules;
}

function atMost(what: string, limit: number, measure: (document: DocumentNode) => number): ValidationRule {
  return (context) => ({
    Document(document) {
      const found = measure(document);
      if (found <= limit) return;
      context.reportError(
        new GraphQLError(`Expected at most ${limit} ${what}, found ${found}.`, {
          extensions: { code: 'QUERY_TOO_COMPLEX' },
        }),
      );
    },
  });
}

/** Fields within fields. Introspection is not counted: it is bounded by the schema, and tools ask for it deeply. */
function depthOf(document: DocumentNode): number {
  const depth = folded(document, (name, depthBelow) => (name.startsWith('__') ? 0 : 1 + depthBelow), Math.max);
  return operationsOf(document).reduce((deepest, set) => Math.max(deepest, depth(set)), 0);
}

/** The largest number of root fields among the operations, fragments spread out. */
function rootFieldsOf(document: DocumentNode): number {
  const count = folded(
    document,
    () => 1,
    (a, b) => a + b,
  );
  return operationsOf(document).reduce((most, set) => Math.max(most, count(set)), 0);
}

function aliasesOf(document: DocumentNode): number {
  let aliases = 0;
  visit(document, {
    Field({ alias }) {
      if (alias !== undefined) aliases++;
    },
  });
  return aliases;
}

export function directivesOf(document: DocumentNode): number {
  let directives = 0;
  visit(document, {
    Directive() {
      directives++;
    },
  });
  return directives;
}

/**
 * Folds selection sets into numbers: `field` from a field's name and what is below it, `join` over siblings. Each
 * fragment is folded once, however often it is spread: fragments that spread each other twice would take for ever.
 * Cycles count as nothing; another rule refuses them.
 */
function folded(
  document: DocumentNode,
  field: (name: string, below: number) => number,
  join: (a: number, b: number) => number,
): (set: SelectionSetNode) => number {
  const fragments = fragmentsOf(document);
  const known = new Map<string, number>();
  const fold = (set: SelectionSetNode): number =>
    set.selections.reduce((sum, selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return join(sum, foldFragment(selection.name.value));
      if (selection.kind === Kind.INLINE_FRAGMENT) return join(sum, fold(selection.selectionSet));
      const below = selection.selectionSet === undefined ? 0 : fold(selection.selectionSet);
      return join(sum, field(selection.name.value, below));
    }, 0);
  const foldFragment = (name: string): number => {
    const before = known.get(name);
    if (before !== undefined) return before;
    known.set(name, 0);
    const fragment = fragments.get(name);
    const value = fragment === undefined ? 0 : fold(fragment.selectionSet);
    known.set(name, value);
    return value;
  };
  return fold;
}

function operationsOf({ definitions }: DocumentNode): readonly SelectionSetNode[] {
  return definitions.flatMap((node) => (node.kind === Kind.OPERATION_DEFINITION ? [node.selectionSet] : []));
}

export function fragmentsOf({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> {
  const fragments = definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
}

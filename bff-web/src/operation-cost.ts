import { limits } from '@grapevine/shared/contracts/limits.ts';
import {
  type DocumentNode,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { fragmentsOf } from './document-limits.ts';
import type { FieldRules } from './schema/builder.ts';

/** One operation of a validated document, as it is about to be executed. */
export interface PlannedOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What an operation was found to cost, and the values of the variables on which that depended. */
interface KnownCost {
  readonly cost: number;
  readonly sizes: ReadonlyMap<string, unknown>;
}

/** The latest of each operation: one that comes again mostly asks for pages of the same size. */
const knownCosts = new WeakMap<OperationDefinitionNode, KnownCost>();
const knownRootFields = new WeakMap<OperationDefinitionNode, readonly GraphQLField<unknown, unknown>[]>();

/**
 * What an operation costs: every field 1, or what its rules say, and what is below a page counts once per item asked for.
 * Bounds the work for one request, whatever its shape.
 */
export function costOf(planned: PlannedOperation): number {
  const { operation, variables } = planned;
  const before = knownCosts.get(operation);
  if (before?.sizes.entries().every(([name, value]) => variables[name] === value)) return before.cost;
  const sizes = new Map<string, unknown>();
  const cost = countCost(planned, (name) => {
    sizes.set(name, variables[name]);
    return variables[name];
  });
  knownCosts.set(operation, { cost, sizes });
  return cost;
}

/** `variable`: reads one; what is not read does not matter. */
function countCost(planned: PlannedOperation, variable: (name: string) => unknown): number {
  const fragments = fragmentsOf(planned.document);
  const known = new Map<string, number>();
  const costOfSet = (set: SelectionSetNode, type: GraphQLCompositeType): number =>
    set.selections.reduce((sum, selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return sum + costOfFragment(selection.name.value);
      if (selection.kind === Kind.FIELD) return sum + costOfField(selection, type);
      const inner = selection.typeCondition && planned.schema.getType(selection.typeCondition.name.value);
      return sum + costOfSet(selection.selectionSet, isCompositeType(inner) ? inner : type);
    }, 0);
  const costOfFragment = (name: string): number => {
    const fragment = fragments.get(name);
    if (fragment === undefined) return 0;
    const type = planned.schema.getType(fragment.typeCondition.name.value);
    const cost = known.get(name) ?? (isCompositeType(type) ? costOfSet(fragment.selectionSet, type) : 0);
    known.set(name, cost);
    return cost;
  };
  const costOfField = (node: FieldNode, type: GraphQLCompositeType): number => {
    const field = planned.schema.getField(type, node.name.value);
    // Introspection: bounded by the schema.
    if (field === undefined || node.name.value.startsWith('__')) return 0;
    const { cost = 1, argumentCosts = {} } = rulesOf(field);
    const given = node.arguments?.map(({ name }) => argumentCosts[name.value] ?? 0) ?? [];
    const own = given.reduce((sum, more) => sum + more, cost);
    const below = getNamedType(field.type);
    if (node.selectionSet === undefined || !isCompositeType(below)) return own;
    return own + itemsOf(node, field, planned.operation, variable) * costOfSet(node.selectionSet, below);
  };
  const root = rootTypeOf(planned);
  return root === undefined ? 0 : costOfSet(planned.operation.selectionSet, root);
}

/** The root fields that an operation selects, fragments spread out. */
export function rootFieldsOf(planned: PlannedOperation): readonly GraphQLField<unknown, unknown>[] {
  const before = knownRootFields.get(planned.operation);
  if (before !== undefined) return before;
  const fields = collectRootFields(planned);
  knownRootFields.set(planned.operation, fields);
  return fields;
}

function collectRootFields(planned: PlannedOperation): readonly GraphQLField<unknown, unknown>[] {
  const type = rootTypeOf(planned);
  const fragments = fragmentsOf(planned.document);
  const names = new Set<string>();
  const seen = new Set<string>();
  const collect = (set: SelectionSetNode): void => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) names.add(selection.name.value);
      if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
      if (selection.kind === Kind.FRAGMENT_SPREAD && !seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment !== undefined) collect(fragment.selectionSet);
      }
    }
  };
  collect(planned.operation.selectionSet);
  return [...names].flatMap((name) => type?.getFields()[name] ?? []);
}

/** Whether every answer to the document's operations stays the same while the topics stand of which pages were read for it. */
export function standsWithTopics(schema: GraphQLSchema, document: DocumentNode): boolean {
  let stands = true;
  const types = new TypeInfo(schema);
  const look = visitWithTypeInfo(types, {
    Field() {
      const field = types.getFieldDef();
      const isRoot = types.getParentType() === schema.getQueryType();
      if (field == null || field.name === '__typename') return;
      if (!(rulesOf(field).standsWithTopics ?? !isRoot)) stands = false;
    },
  });
  visit(document, look);
  return stands;
}

export function rulesOf(field: GraphQLField<unknown, unknown>): FieldRules {
  return field.extensions as FieldRules;
}

function rootTypeOf({ schema, operation }: PlannedOperation): GraphQLObjectType | undefined {
  return schema.getRootType(operation.operation) ?? undefined;
}

/** How often what is below a field counts: the page size asked for, or what the field's rules say. */
function itemsOf(
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  operation: OperationDefinitionNode,
  variable: (name: string) => unknown,
): number {
  if (!field.args.some(({ name }) => name === 'first')) return rulesOf(field).items ?? 1;
  const sizeOf = (argument: string): number | undefined => {
    const value = node.arguments?.find(({ name }) => name.value === argument)?.value;
    if (value?.kind === Kind.INT) return Number(value.value);
    if (value?.kind !== Kind.VARIABLE) return undefined;
    const given = variable(value.name.value);
    return typeof given === 'number' ? given : defaultOf(value.name.value, operation);
  };
  // Sizes out of range are refused by the field itself, with a better message.
  return Math.min(Math.max(sizeOf('first') ?? sizeOf('last') ?? limits.defaultPageSize, 1), limits.pageSize);
}

function defaultOf(variable: string, { variableDefinitions = [] }: OperationDefinitionNode): number | undefined {
  const declared = variableDefinitions.find((definition) => definition.variable.name.value === variable);
  return declared?.defaultValue?.kind === Kind.INT ? Number(declared.defaultValue.value) : undefined;
}

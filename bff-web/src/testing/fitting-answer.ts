import assert from 'node:assert/strict';
import { isErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import {
  type DocumentNode,
  type FieldNode,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isEnumType,
  isListType,
  isNonNullType,
  Kind,
  type SelectionSetNode,
} from 'graphql';

/** What a scalar looks like in JSON. */
const scalars: Readonly<Record<string, (value: unknown) => boolean>> = {
  ID: (value) => typeof value === 'string',
  String: (value) => typeof value === 'string',
  Boolean: (value) => typeof value === 'boolean',
  Int: (value) => Number.isInteger(value),
  BigInt: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  DateTime: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
  JSON: () => true,
};

/** Throws unless `data` is what the schema promises for the document's only operation: its fields, their types, no null where none may be. */
export function checkData(schema: GraphQLSchema, document: DocumentNode, data: unknown): void {
  const operation = document.definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION);
  const root = operation && schema.getRootType(operation.operation);
  assert.ok(operation !== undefined && root != null);
  checkObject(schema, document, operation.selectionSet, root.name, data, 'data');
}

function checkObject(
  schema: GraphQLSchema,
  document: DocumentNode,
  set: SelectionSetNode,
  typeName: string,
  value: unknown,
  path: string,
): void {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), path);
  const members = value as Readonly<Record<string, unknown>>;
  const fields = fieldsOf(document, set, typeName);
  for (const name of Object.keys(members)) assert.ok(fields.has(name), `${path}.${name} was not asked for`);
  for (const [name, nodes] of fields) {
    const [first] = nodes;
    // Names such as `constructor` are on every object.
    if (first === undefined || !Object.hasOwn(members, name)) continue;
    if (first.node.name.value === '__typename') {
      assert.equal(typeof members[name], 'string', path);
      continue;
    }
    const type = schema.getType(first.parent);
    assert.ok(isCompositeType(type));
    const field = schema.getField(type, first.node.name.value);
    assert.ok(field !== undefined);
    const selections = nodes.flatMap(({ node }) => node.selectionSet?.selections ?? []);
    const below: SelectionSetNode = { kind: Kind.SELECTION_SET, selections };
    checkValue(schema, document, below, field.type, members[name], `${path}.${name}`);
  }
}

function checkValue(
  schema: GraphQLSchema,
  document: DocumentNode,
  set: SelectionSetNode,
  type: GraphQLOutputType,
  value: unknown,
  path: string,
): void {
  if (isNonNullType(type)) {
    assert.notEqual(value, null, `${path} is null`);
    checkValue(schema, document, set, type.ofType, value, path);
    return;
  }
  if (value === null) return;
  if (isListType(type)) {
    assert.ok(Array.isArray(value), path);
    for (const [i, item] of value.entries()) checkValue(schema, document, set, type.ofType, item, `${path}.${i}`);
    return;
  }
  const named = getNamedType(type);
  if (isCompositeType(named)) checkObject(schema, document, set, named.name, value, path);
  else if (isEnumType(named)) assert.ok(named.getValue(String(value)) !== undefined, `${path}: ${String(value)}`);
  else assert.ok(scalars[named.name]?.(value), `${path}: no ${named.name}: ${JSON.stringify(value)}`);
}

interface AskedField {
  readonly node: FieldNode;
  readonly parent: string;
}

/** The fields that a selection can bring, by response name, fragments spread out. */
function fieldsOf(document: DocumentNode, set: SelectionSetNode, parent: string): Map<string, AskedField[]> {
  const fields = new Map<string, AskedField[]>();
  const collect = ({ selections }: SelectionSetNode, type: string): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const name = selection.alias?.value ?? selection.name.value;
        fields.set(name, [...(fields.get(name) ?? []), { node: selection, parent: type }]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        collect(selection.selectionSet, selection.typeCondition?.name.value ?? type);
      } else {
        const fragment = document.definitions.find(
          (node) => node.kind === Kind.FRAGMENT_DEFINITION && node.name.value === selection.name.value,
        );
        assert.ok(fragment?.kind === Kind.FRAGMENT_DEFINITION);
        collect(fragment.selectionSet, fragment.typeCondition.name.value);
      }
    }
  };
  collect(set, parent);
  return fields;
}

/** Throws unless `errors` are what clients build on: text, a code of the catalogue, nothing of our insides. */
export function checkErrors(errors: unknown): void {
  assert.ok(Array.isArray(errors) && errors.length > 0);
  for (const { message, extensions } of errors) {
    assert.equal(typeof message, 'string');
    assert.ok(isErrorCode(extensions?.code), `${JSON.stringify(extensions)}: ${message}`);
    assert.notEqual(extensions.code, 'INTERNAL', message);
    assert.doesNotMatch(message, /\bat .*\.(ts|js|mjs):\d+/, 'a stack trace');
  }
}

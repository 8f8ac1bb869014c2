import { type ASTVisitor, GraphQLError, type NameNode, type ValidationContext } from 'graphql';

/**
 * A validation rule: no alias and no variable is called `__proto__`. Results and variables are objects, in which that name is the
 * prototype: executors lose what is put there. GraphQL reserves names with two underscores for itself anyway.
 */
export function noPrototypeNames(context: ValidationContext): ASTVisitor {
  const check = (name: NameNode | undefined): void => {
    if (name?.value !== '__proto__') return;
    context.reportError(new GraphQLError('Expected another name than __proto__.', { nodes: name }));
  };
  return {
    Field: ({ alias }) => check(alias),
    VariableDefinition: ({ variable }) => check(variable.name),
  };
}

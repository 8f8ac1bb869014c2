import { catalogue, type ErrorDefinition } from '@grapevine/shared/errors/catalogue.ts';

const introduction = `# Errors

Every error that leaves a process carries one of these codes: REST answers in the problem document's \`code\` (RFC 9457),
GraphQL answers in \`extensions.code\`, the command line in brackets. Codes are never renamed or reused; messages may change.

This page is printed from \`shared/src/errors/catalogue.ts\` by \`node test/docs/main.ts\`.

| code | status | meaning | what to do | again later? |
| --- | --- | --- | --- | --- |
`;

/** The content of docs/errors.md: the catalogue in its own order, by status. */
export function errorsPage(): string {
  const rows = Object.entries<ErrorDefinition>(catalogue).map(
    ([code, { status, title, remedy, retryable }]) =>
      `| \`${code}\` | ${status} | ${title} | ${remedy} | ${retryable ? 'yes' : 'no'} |`,
  );
  return `${introduction}${rows.join('\n')}\n`;
}

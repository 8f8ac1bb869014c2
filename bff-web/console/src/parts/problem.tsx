import type { ApiError } from '../api/graphql.ts';
import { printable } from '../format.ts';

/** What went wrong, in the server's words. */
export function Problem({ problem }: { readonly problem: ApiError | undefined }) {
  if (problem === undefined) return null;
  return (
    <p class="problem" role="alert">
      {printable(problem.message)} {problem.code !== '' && <code>{problem.code}</code>}
    </p>
  );
}

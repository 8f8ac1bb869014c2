import { createHash } from 'node:crypto';
import { catalogue } from '@grapevine/shared/errors/catalogue.ts';
import { z } from 'zod';
import { commonErrors, type OperationDescription, operations } from './operations.ts';

const style = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0 auto;max-width:60rem;padding:1rem 1.25rem 4rem}
h2{margin-top:3rem;border-top:1px solid #8886;padding-top:1.5rem;overflow-wrap:anywhere}
.method{font-size:.75em;letter-spacing:.05em;border:1px solid;border-radius:.3em;padding:.1em .45em;margin-right:.3em}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{overflow-x:auto;padding:.75rem 1rem;border:1px solid #8886;border-radius:.4em}
div{overflow-x:auto}
table{border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:.3em 1.5em .3em 0;border-bottom:1px solid #8884}
`;

/** The page loads nothing and runs nothing; its one style is named by its hash. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The API for people to read: everything that the document says of each operation, on one page. */
export function openApiPage(): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Grapevine for mobile clients</title>
<style>${style}</style>
</head>
<body>
<h1>Grapevine for mobile clients</h1>
<p>All addresses stand under <code>/mobile/v1</code>. The same as a machine reads it: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<p>A request carries <code>Authorization: Bearer …</code> or <code>X-API-Key</code>. Errors are problem documents (RFC 9457) with a <code>code</code>.</p>
<nav aria-label="Operations"><ul>
${operations.map(({ id, method, path, summary }) => `<li><a href="#${id}">${escapeHtml(summary)}</a> <code>${method.toUpperCase()} ${escapeHtml(path)}</code></li>`).join('\n')}
</ul></nav>
<main>
${operations.map(section).join('\n')}
<h2>Errors of every operation</h2>
${errorTable(commonErrors)}
</main>
</body>
</html>
`;
}

function section(operation: OperationDescription): string {
  const { id, method, path, summary, description, scope, body, answers, errors } = operation;
  return `<section aria-labelledby="${id}">
<h2 id="${id}"><span class="method">${method.toUpperCase()}</span> <code>${escapeHtml(path)}</code></h2>
<p><strong>${escapeHtml(summary)}.</strong> ${withCode(description)} Needs the scope <code>${scope}</code>.</p>
${parameterTable(operation)}
${body === undefined ? '' : `<h3>Body</h3>\n<pre>${escapeHtml(JSON.stringify(body.example, null, 2))}</pre>`}
<h3>Answers</h3>
${table(
  ['status', 'meaning', 'body'],
  answers.map((one) => [`<code>${one.status}</code>`, withCode(one.description), fieldsOf(one.schema?.of)]),
)}
${errors.length === 0 ? '' : errorTable(errors)}
</section>`;
}

function parameterTable({ parameters, query }: OperationDescription): string {
  const rows = [
    ...parameters.map(({ name, in: place, description }) => [name, place, description] as const),
    ...Object.entries(query?.shape ?? {}).map(([name, schema]) => [name, 'query', describe(schema)] as const),
  ];
  if (rows.length === 0) return '';
  const cells = rows.map(([name, place, text]) => [`<code>${escapeHtml(name)}</code>`, place, withCode(text)]);
  return `<h3>Parameters</h3>\n${table(['name', 'in', 'meaning'], cells)}`;
}

function errorTable(codes: OperationDescription['errors']): string {
  return table(
    ['status', 'code', 'what to do'],
    codes.map((code) => [
      `<code>${catalogue[code].status}</code>`,
      `<code>${code}</code>`,
      escapeHtml(`${catalogue[code].title}. ${catalogue[code].remedy}`),
    ]),
  );
}

/** Names of the fields of an answer; the document has the rest. */
function fieldsOf(schema: z.ZodType | undefined): string {
  if (!(schema instanceof z.ZodObject)) return 'none';
  return Object.keys(schema.shape)
    .map((name) => `<code>${escapeHtml(name)}</code>`)
    .join(' ');
}

function describe(schema: unknown): string {
  return (schema instanceof z.ZodType && schema.description) || '';
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const header = head.map((cell) => `<th scope="col">${cell}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<div><table><thead><tr>${header}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

/** Text with `code` in it, as HTML. */
function withCode(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

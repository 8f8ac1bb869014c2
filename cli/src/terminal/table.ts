const gap = '  ';

/**
 * Rows in aligned columns, the first row as the heading. Lines longer than `width` are cut with an ellipsis, so that a
 * narrow terminal shows the columns that stand first; without a width nothing is cut.
 */
export function table(rows: readonly (readonly string[])[], width: number | undefined): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(gap)
      .trimEnd(),
  );
  return lines.map((line) => cut(line, width)).join('\n');
}

function cut(line: string, width: number | undefined): string {
  return width === undefined || line.length <= width ? line : `${line.slice(0, Math.max(width - 1, 0))}…`;
}

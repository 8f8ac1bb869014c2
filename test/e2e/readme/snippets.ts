/** A block of commands in a page, and the output that the page shows for it. */
export interface Snippet {
  readonly commands: string;
  /** Absent when the page shows none. */
  readonly output: string | undefined;
}

const fence = /^```(\w*)\n(.*?)^```$/gms;

/**
 * The `sh` blocks of a page in order. A `json` or `text` block that comes next is what the commands print; blocks without a
 * language are for the reader's hands.
 */
export function snippetsOf(page: string): Snippet[] {
  const snippets: Snippet[] = [];
  const blocks = [...page.matchAll(fence)].map(([, language = '', content = '']) => ({ language, content }));
  for (const [i, { language, content }] of blocks.entries()) {
    if (language !== 'sh') continue;
    const next = blocks[i + 1];
    const isOutput = next?.language === 'json' || next?.language === 'text';
    snippets.push({ commands: content, output: isOutput ? next.content : undefined });
  }
  return snippets;
}

/** What differs from run to run: hashes, times, tokens, and which node took a message, and with it its place there. */
const masks: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>'],
  [/\b[0-9a-f]{16,64}\b/g, '<hash>'],
  [/"(AQA[\w-]+)"/g, '"<token>"'],
  [/"(seq|heldBy)":\d+/g, '"$1":<number>'],
  [/\bentry \d+\b/g, 'entry <number>'],
];

export function masked(output: string): string {
  return masks.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), output).trim();
}

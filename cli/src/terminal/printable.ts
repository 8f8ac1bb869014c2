/**
 * Characters that a terminal obeys instead of showing: C0 and C1 controls but for tab and line feed, and the marks that turn
 * the direction of text around.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose.
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** `text` that somebody else wrote, so that it cannot move the cursor, change colours or pose as something else. */
export function printable(text: string): string {
  return text.replace(obeyed, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

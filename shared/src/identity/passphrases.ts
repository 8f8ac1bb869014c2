import { GrapevineError } from '../errors/grapevine-error.ts';

/** Keys are made from them without adding entropy, so they must be long random texts and not something that people remember. */
const minPassphraseLength = 32;
/** Far above any sensible passphrase; a longer one is a wrong path in the configuration. */
const maxPassphraseLength = 4_096;
/** A rotation needs two, a botched one three. */
export const maxPassphrases = 8;

/**
 * The passphrases of a key file, one a line; blank lines count for nothing. `source` begins the messages of errors. Throws
 * `CONFIG_INVALID` when there are none or too many, or one is too short, too long or there twice.
 */
export function parsePassphrases(text: string, source: string): readonly string[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length < 1 || lines.length > maxPassphrases) {
    throw invalid(`${source} holds ${lines.length} passphrases; expected 1 to ${maxPassphrases}, one per line.`);
  }
  if (new Set(lines).size < lines.length) throw invalid(`${source} holds a passphrase twice; expected each one once.`);
  lines.forEach((line, index) => {
    if (line.length >= minPassphraseLength && line.length <= maxPassphraseLength) return;
    throw invalid(
      `${source}: passphrase ${index + 1} has ${line.length} characters; expected ${minPassphraseLength} to ${maxPassphraseLength} random ones.`,
    );
  });
  return lines;
}

function invalid(message: string): GrapevineError {
  return new GrapevineError('CONFIG_INVALID', message);
}

/**
 * Bytes or text that are not a canonical encoding. Decoders of this project throw nothing else for hostile input, so a
 * caller can tell "this peer sent rubbish" from a defect of its own. The message says what was found and expected.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

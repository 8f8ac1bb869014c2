import { GrapevineError } from '../errors/grapevine-error.ts';

/** The outcome of a publish of one message. A refusal leaves out which message of a batch it is about: there is no batch. */
export async function ofOne<Answer>(publish: Promise<Answer>): Promise<Answer> {
  try {
    return await publish;
  } catch (error) {
    if (!(error instanceof GrapevineError) || !('message' in error.extensions)) throw error;
    const { message: _index, ...extensions } = error.extensions;
    throw new GrapevineError(error.code, error.message, { extensions, cause: error });
  }
}

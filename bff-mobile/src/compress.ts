import { constants } from 'node:zlib';
import compression from 'compression';
import type { RequestHandler } from 'express';

/** Shorter answers fit one packet either way, in bytes. */
const minBytes = 1_024;
/** Brotli's quality: a page of messages in less time than it takes on a mobile line; the highest takes a hundred times as long. */
const brotliQuality = 5;

/**
 * Sends an answer as Brotli, gzip or deflate, whichever the client takes best. Validators have to be weak: one tag names the content in every encoding.
 */
export function compressAnswers(): RequestHandler {
  return compression({
    threshold: minBytes,
    brotli: { params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality } },
  });
}

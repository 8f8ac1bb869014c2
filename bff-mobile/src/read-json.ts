import { parseJson, requireJson } from '@grapevine/shared/http/parse-json.ts';
import express, { type Request, type Response } from 'express';

export type JsonReader = (request: Request, response: Response) => Promise<unknown>;

/**
 * Makes a reader of JSON bodies of at most `maxBytes`. It throws `UNSUPPORTED_MEDIA_TYPE` for anything that is not plain
 * JSON, `PAYLOAD_TOO_LARGE` over the limit, and `INVALID_JSON` for what does not parse or is not UTF-8: malformed bytes
 * would otherwise come back as other characters.
 */
export function jsonReader(maxBytes: number): JsonReader {
  const readBody = express.raw({ type: () => true, limit: maxBytes, inflate: false });
  return async (request, response) => {
    requireJson(request.headers['content-type']);
    await new Promise<void>((resolve, reject) => {
      readBody(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
    });
    return parseJson(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
  };
}

import { z } from 'zod';
import { catalogue, isErrorCode } from './catalogue.ts';
import { GrapevineError } from './grapevine-error.ts';

export const problemContentType = 'application/problem+json';

/** RFC 9457 problem document with our `code` and, where known, the request id. */
export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  requestId: z.string().optional(),
});

export type Problem = z.infer<typeof problemSchema>;

/** The problem document for `error` (RFC 9457 section 3). `type` is a stable URN, so that it never depends on a host name. */
export function problemOf(error: GrapevineError, requestId?: string): Problem {
  return {
    ...error.extensions,
    type: `urn:grapevine:error:${error.code}`,
    title: catalogue[error.code].title,
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(requestId === undefined ? {} : { requestId }),
  };
}

/** Response headers that belong to the problem document. */
export function problemHeaders(error: GrapevineError): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': problemContentType, 'cache-control': 'no-store' };
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = String(error.retryAfterSeconds);
  return headers;
}

/** Reads a problem document that another process sent; anything else gives `undefined`. */
export function errorFromProblem(body: unknown, retryAfter?: string): GrapevineError | undefined {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success || !isErrorCode(parsed.data.code)) return undefined;
  const {
    type: _type,
    title: _title,
    status: _status,
    detail,
    code: _code,
    requestId: _id,
    ...extensions
  } = parsed.data;
  const seconds = Number(retryAfter);
  return new GrapevineError(parsed.data.code as keyof typeof catalogue, detail, {
    extensions,
    ...(Number.isInteger(seconds) && seconds >= 0 && retryAfter !== undefined ? { retryAfterSeconds: seconds } : {}),
  });
}

import type { Request, Response } from 'express';

/** Points to the next page (RFC 8288): this request's address with `parameter` set to the cursor. Nothing when there is no cursor. */
export function linkNext(request: Request, response: Response, parameter: string, cursor: string | null): void {
  if (cursor === null) return;
  const [path = '', search] = request.originalUrl.split('?', 2);
  const query = new URLSearchParams(search);
  query.set(parameter, cursor);
  response.set('Link', `<${path}?${query.toString()}>; rel="next"`);
}

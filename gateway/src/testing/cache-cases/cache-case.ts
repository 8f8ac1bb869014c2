import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { ask } from '../ask.ts';
import type { RunningGateway } from '../running-gateway.ts';

/** What the upstream answers with. A `Date` by the gateway's clock goes along unless the case has its own, or null for none. */
export interface UpstreamAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | null>> | ((now: Date) => Readonly<Record<string, string | null>>);
  readonly body?: string;
  /** Breaks the connection off inside the body. */
  readonly breaksOff?: boolean;
}

/** One request of a case, and what must come of it. */
export interface Turn {
  /** Seconds that pass before it. */
  readonly after?: number;
  readonly method?: string;
  /** Behind the path of the case. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>> | ((now: Date) => Readonly<Record<string, string>>);
  readonly body?: string;
  /** Whoever calls; nobody in particular when absent. */
  readonly as?: string;
  /** How the upstream answers if it is asked; 200 with a body of its own when absent. */
  readonly upstream?: UpstreamAnswer;
  /**
   * `new`: what the upstream answers now. `kept`: what it answered in an earlier turn, without being asked.
   * `validated`: the same, after it was asked under conditions. `stale`: the same, though it was asked and failed.
   */
  readonly expect: 'new' | 'kept' | 'validated' | 'stale';
  /** 200 unless the case says otherwise. */
  readonly status?: number;
  /** Headers of the client's answer; undefined means absent. */
  readonly has?: Readonly<Record<string, string | RegExp | undefined>>;
  /** Headers that the upstream must have seen; undefined means absent. */
  readonly upstreamSees?: Readonly<Record<string, string | undefined>>;
}

/** A rule of HTTP caching. */
export interface CacheCase {
  /** Where it stands: RFC 9111 unless another one is named. */
  readonly section: string;
  readonly rule: string;
  readonly turns: readonly Turn[];
}

/** An answer that is fresh for so many seconds. */
export const freshFor = (seconds: number, headers: Readonly<Record<string, string>> = {}): UpstreamAnswer => ({
  headers: { 'cache-control': `max-age=${seconds}`, ...headers },
});
/** An answer with these headers. */
export const withHeaders = (headers: Readonly<Record<string, string | null>>): UpstreamAnswer => ({ headers });
export const notModified: UpstreamAnswer = { status: 304, body: '' };
export const later = (now: Date, seconds: number): string => new Date(now.getTime() + seconds * 1_000).toUTCString();

/** Plays a case against a gateway whose route under `/open/` is public and under `/closed/` is not; both are kept. */
export async function play(gateway: RunningGateway, name: string, { turns }: CacheCase): Promise<void> {
  let kept = '';
  for (const [index, turn] of turns.entries()) {
    gateway.clock.advance((turn.after ?? 0) * 1_000);
    const now = new Date(gateway.clock.wallMs());
    const body = turn.upstream?.body ?? `${name}, answer ${index}`;
    answerWith(gateway, turn.upstream ?? {}, body, now);
    const before = gateway.web.begun();
    const token = turn.as === undefined ? {} : { authorization: `Bearer ${await gateway.token({ subject: turn.as })}` };
    const headers = typeof turn.headers === 'function' ? turn.headers(now) : turn.headers;
    const address = `${gateway.url}${turn.as === undefined ? '/open/' : '/closed/'}${name}${turn.query ?? ''}`;
    const { method = 'GET' } = turn;
    const question = { method, headers: { ...token, ...headers } };
    const told = await ask(address, turn.body === undefined ? question : { ...question, body: turn.body });
    const asked = gateway.web.begun() - before;
    const place = `turn ${index}: ${told.headers['cache-status']}`;
    assert.equal(asked > 0, turn.expect !== 'kept', `${place}: the upstream was asked ${asked} times`);
    assert.equal(told.status, turn.status ?? 200, `${place}: the status`);
    if (turn.expect === 'validated') {
      const seen = gateway.web.received.at(-1)?.headers ?? {};
      assert.ok(seen['if-none-match'] ?? seen['if-modified-since'], `${place}: asked without conditions`);
    }
    const hasBody = method !== 'HEAD' && told.status !== 304 && told.status !== 504;
    if (hasBody && turn.upstream?.breaksOff !== true)
      assert.equal(told.body, turn.expect === 'new' ? body : kept, `${place}: the body`);
    else if (!hasBody && told.status !== 504) assert.equal(told.body, '', `${place}: a body`);
    if (turn.expect === 'new' && method === 'GET' && told.status < 500 && told.status !== 304) kept = body;
    for (const [header, expected] of Object.entries(turn.has ?? {})) {
      const found = told.headers[header];
      if (expected instanceof RegExp) assert.match(String(found), expected, `${place}: ${header}`);
      else assert.equal(found, expected, `${place}: ${header}`);
    }
    for (const [header, expected] of Object.entries(turn.upstreamSees ?? {})) {
      assert.equal(gateway.web.received.at(-1)?.headers[header], expected, `${place}: the upstream's ${header}`);
    }
  }
}

function answerWith(gateway: RunningGateway, answer: UpstreamAnswer, body: string, now: Date): void {
  const own = typeof answer.headers === 'function' ? answer.headers(now) : (answer.headers ?? {});
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries({ date: now.toUTCString(), ...own })) {
    if (value !== null) headers[name] = value;
  }
  gateway.web.answerWith((request, response) => {
    response.sendDate = false;
    request.resume().once('end', () => {
      if (answer.breaksOff === true) {
        response.writeHead(200, { ...headers, 'content-length': String(body.length + 100) });
        response.write(body, () => response.destroy());
        return;
      }
      const status = answer.status ?? 200;
      const length = status === 304 || status === 204 ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      response.writeHead(status, { ...length, ...headers });
      response.end(request.method === 'HEAD' || status === 304 || status === 204 ? undefined : body);
    });
  });
}

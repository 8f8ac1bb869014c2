import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { ask } from '../ask.ts';
import { type RunningGateway, startRunningGateway } from '../running-gateway.ts';

const rate = { perSecond: 10_000_000, burst: 10_000_000 };
const scopes = { read: 'messages:read', write: 'messages:write' };
/** Small, so that what is remembered is full before memory is looked at. */
const settings = {
  routes: [{ name: 'all', path: '/all/**', upstream: 'web', cache: true, scopes }],
  rateLimit: { principal: rate, address: rate, maxKeys: 200 },
  auth: { cacheEntries: 200 },
  cache: { maxEntries: 200, maxBytes: 1024 * 1024 },
};
/** Requests on their way at once. */
const inFlight = 32;

/** A gateway under requests of every kind from callers who are always new. */
export class MixedTraffic {
  readonly #gateway: RunningGateway;
  #count = 0;

  private constructor(gateway: RunningGateway) {
    this.#gateway = gateway;
  }

  static async start(): Promise<MixedTraffic> {
    const gateway = await startRunningGateway(settings);
    gateway.web.answerWith((request, response) => {
      request.resume().once('end', () => {
        const { url = '' } = request;
        response.writeHead(statusOf(url, request.headers), headersOf(url)).end(`the answer to ${url}`);
      });
    });
    return new MixedTraffic(gateway);
  }

  /** Sends so many requests. Throws when one fares otherwise than it must. */
  async send(requests: number): Promise<void> {
    const end = this.#count + requests;
    const lane = async (): Promise<void> => {
      while (this.#count < end) await this.#one(this.#count++);
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    // What the test's own servers and logs note down is not the gateway's.
    for (const noted of [this.#gateway.logs, this.#gateway.web.received] as unknown[][]) noted.length = 0;
  }

  stop(): Promise<void> {
    return this.#gateway.stop();
  }

  async #one(number: number): Promise<void> {
    const authorization = `Bearer ${await this.#gateway.token({ subject: `caller-${number}` })}`;
    const headers = { authorization };
    const all = `${this.#gateway.url}/all`;
    switch (number % 9) {
      case 0:
        return expectStatus(200, ask(`${all}/kept`, { headers }));
      case 1:
        return expectStatus(200, ask(`${all}/kept/${number}`, { headers }));
      case 2:
        return expectStatus(200, ask(`${all}/checked`, { headers }));
      case 3:
        return expectStatus(200, ask(`${all}/varied`, { headers: { ...headers, 'x-any': String(number) } }));
      case 4:
        return expectStatus(200, ask(`${all}/private`, { headers }));
      case 5:
        return expectStatus(
          200,
          ask(`${all}/kept/${number - 4}`, { method: 'POST', headers, body: 'x'.repeat(1_000) }),
        );
      case 6:
        return expectStatus(404, ask(`${this.#gateway.url}/nowhere/${number}`, { headers }));
      case 7:
        return expectStatus(401, ask(`${all}/kept`, { headers: { authorization: `Bearer forged-${number}` } }));
      default:
        return leave(`${all}/left/${number}`, headers);
    }
  }
}

async function expectStatus(expected: number, asked: ReturnType<typeof ask>): Promise<void> {
  const { status, body } = await asked;
  if (status !== expected) throw new Error(`found ${status}, expected ${expected}: ${body}`);
}

/** A client that goes away without waiting. */
function leave(url: string, headers: Record<string, string>): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = httpRequest(url, { headers });
    outgoing.on('error', () => {}).once('close', () => resolve());
    outgoing.once('finish', () => outgoing.destroy());
    outgoing.end();
  });
}

function headersOf(url: string): Record<string, string> {
  if (url.includes('kept')) return { 'cache-control': 'public, max-age=600' };
  if (url.includes('checked')) return { 'cache-control': 'public, max-age=0', etag: '"1"' };
  if (url.includes('varied')) return { 'cache-control': 'public, max-age=600', vary: 'x-any' };
  return { 'cache-control': 'private, no-cache' };
}

function statusOf(url: string, headers: IncomingHttpHeaders): number {
  return url.includes('checked') && headers['if-none-match'] !== undefined ? 304 : 200;
}

import autocannon from 'autocannon';
import { answerMs, type Exchange, type Generator, judged } from './exchange.ts';

export interface ClosedLoopOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
}

/**
 * As many clients as there are connections, each of whom asks again as soon as it has its answer: what the cluster can do at
 * most. A client that waits asks nothing meanwhile, so these latencies say little about what people at a given rate would see.
 */
export function closedLoop({ url, connections, seconds }: ClosedLoopOptions): Generator {
  return async (next, onOutcome, signal) => {
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
    const options: autocannon.Options = {
      url,
      connections,
      duration: seconds,
      timeout: answerMs / 1_000,
      setupClient: (client) => {
        let pending: { readonly exchange: Exchange; readonly sentMs: number } | undefined;
        const end = (failure: (exchange: Exchange) => string | undefined): void => {
          if (pending === undefined) return;
          const { exchange, sentMs } = pending;
          pending = undefined;
          const endedMs = performance.now();
          onOutcome({ name: exchange.name, latencyMs: endedMs - sentMs, endedMs, failure: failure(exchange) });
        };
        client.setRequests([
          {
            setupRequest: (request) => {
              // It asks anew without an answer when its connection has broken.
              end(() => 'CONNECTION_LOST');
              const exchange = next();
              pending = { exchange, sentMs: performance.now() };
              const { method, path, headers, body } = exchange;
              return { ...request, method, path, headers: { ...headers }, body };
            },
            onResponse: (status, body) => end((exchange) => judged(exchange, status, body)),
          },
        ]);
      },
    };
    const instance = autocannon(options, (error) => (error ? reject(error) : resolve()));
    const stop = (): void => instance.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      await ended;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };
}

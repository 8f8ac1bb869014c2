import { parseArgs } from 'node:util';
import { parseDuration } from '../../cli/src/terminal/duration.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import { type Scenario, scenarios } from './workload.ts';

/** Above these the generator is what is measured: it is one process. */
const maxRate = 20_000;
const maxConnections = 1_000;
const maxSeconds = 24 * 3_600;
const longestLatencyMs = 600_000;

export const help = `Puts load on a cluster and reports what its clients would have seen.

  npm run load -- [--scenario mixed] [--rate 200 | --connections 20] [--duration 30s] [--chaos kill,stop,drop]

  --scenario        ${scenarios.join(', ')}; what clients ask for (default: mixed)
  --rate            requests per second, 1 to ${maxRate}, sent when they are due, however slow the answers are (default: 200; soak: 50)
  --connections     instead: clients, 1 to ${maxConnections}, that ask again as soon as they have an answer; shows the most that is possible
  --duration        how long, such as 90s, 10m or 8h; up to 24h (default: 30s; soak: 10m)
  --chaos           ${faultKinds.join(', ')}, with commas between: kills nodes, stops them for a while, drops datagrams between them

  --target URL      a gateway; without it the cluster that runs from data/, and when there is none, or with --chaos, one of its own
  --token           bearer token for it (default: $GRAPEVINE_TOKEN); messages:read messages:write, and cluster:read to compare roots

  --max-p99         milliseconds that 99 of 100 requests may take at most
  --max-error-rate  share of requests that may fail, 0 to 1 (default: 0.01)
  --out             folder for load-report.html and load-report.json (default: the project's)

Exit code 0 when all is well; 1 when a threshold was missed or a check failed; 2 for a wrong option or a target that does not answer;
130 after Ctrl-C, which reports what was seen until then.
`;

export interface LoadOptions {
  readonly scenario: Scenario;
  readonly loop:
    | { readonly kind: 'open'; readonly rate: number }
    | { readonly kind: 'closed'; readonly connections: number };
  readonly seconds: number;
  readonly chaos: readonly FaultKind[];
  readonly target: { readonly url: string; readonly token: string } | undefined;
  readonly maxP99Ms: number | undefined;
  readonly maxErrorRate: number;
  readonly out: string | undefined;
}

/** Undefined when help was asked for. Throws an error that says which option is wrong. */
export function readOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): LoadOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string', default: 'mixed' },
      rate: { type: 'string' },
      connections: { type: 'string' },
      duration: { type: 'string' },
      chaos: { type: 'string' },
      target: { type: 'string' },
      token: { type: 'string' },
      'max-p99': { type: 'string' },
      'max-error-rate': { type: 'string', default: '0.01' },
      out: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const scenario = oneOf('scenario', values.scenario, scenarios);
  if (values.rate !== undefined && values.connections !== undefined) {
    throw new RangeError('Found --rate and --connections, expected one: at a given rate, or as fast as it goes.');
  }
  const chaos = values.chaos?.split(',').map((kind) => oneOf('chaos', kind, faultKinds)) ?? [];
  if (chaos.length > 0 && values.target !== undefined) {
    throw new RangeError('Found --chaos and --target, expected one: only a cluster of its own is broken.');
  }
  if (values.token !== undefined && values.target === undefined) {
    throw new RangeError('--token needs --target: the tokens of a cluster on this machine are known.');
  }
  const isSoak = scenario === 'soak';
  return {
    scenario,
    loop:
      values.connections === undefined
        ? { kind: 'open', rate: number('rate', values.rate ?? (isSoak ? '50' : '200'), 1, maxRate) }
        : { kind: 'closed', connections: wholeNumber('connections', values.connections, maxConnections) },
    seconds: duration(values.duration ?? (isSoak ? '10m' : '30s')),
    chaos,
    target:
      values.target === undefined ? undefined : target(values.target, values.token ?? environment['GRAPEVINE_TOKEN']),
    maxP99Ms: values['max-p99'] === undefined ? undefined : number('max-p99', values['max-p99'], 0, longestLatencyMs),
    maxErrorRate: number('max-error-rate', values['max-error-rate'], 0, 1),
    out: values.out,
  };
}

function target(text: string, token: string | undefined): { readonly url: string; readonly token: string } {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
    throw new RangeError(`--target: found ${JSON.stringify(text)}, expected a gateway such as http://127.0.0.1:8080.`);
  }
  if (token === undefined) throw new RangeError('--target needs --token, or a token in GRAPEVINE_TOKEN.');
  return { url: url.origin, token };
}

function duration(text: string): number {
  const expected = `--duration: found ${JSON.stringify(text)}, expected a duration such as 90s, 10m or 8h, up to 24h.`;
  try {
    const seconds = parseDuration(text);
    if (seconds <= maxSeconds) return seconds;
  } catch (error) {
    throw new RangeError(expected, { cause: error });
  }
  throw new RangeError(expected);
}

function oneOf<Word extends string>(name: string, text: string, words: readonly Word[]): Word {
  const word = words.find((one) => one === text);
  if (word !== undefined) return word;
  throw new RangeError(`--${name}: found ${JSON.stringify(text)}, expected ${words.join(', ')}.`);
}

function wholeNumber(name: string, text: string, most: number): number {
  const value = number(name, text, 1, most);
  if (Number.isInteger(value)) return value;
  throw new RangeError(`--${name}: found ${JSON.stringify(text)}, expected a whole number from 1 to ${most}.`);
}

function number(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
  throw new RangeError(`--${name}: found ${JSON.stringify(text)}, expected a number from ${least} to ${most}.`);
}

import type { ClusterFile } from '../cluster-file.ts';
import type { Output } from '../context.ts';
import { type Painter, painter } from '../terminal/paint.ts';
import type { ChildEvent } from './child.ts';
import type { ClusterObserver } from './local-cluster.ts';

/** Prints what happens for people. */
export function textConsole(out: Output): ClusterObserver {
  const paint = painter(out);
  const line = (text: string): void => void out.write(`${text}\n`);
  return {
    ready: (cluster) => line(banner(cluster, paint)),
    event: (event) => {
      if (event.type === 'exited') {
        line(
          paint.yellow(
            `${event.name} ${event.how}; restarting in ${event.restartInMs} ms (pid was ${event.pid ?? '-'})`,
          ),
        );
      } else if (event.restarted) {
        line(paint.green(`${event.name} is ready again (pid ${event.pid})`));
      }
    },
    waitingForPredecessor: (pids) => line(`Waiting for processes of the previous run to end: ${pids.join(', ')}`),
    stopping: () => line('\nStopping …'),
    stopped: () => line('Stopped.'),
  };
}

/** Prints one JSON object per line, for programs: `{"event":"ready", …}` holds what is in `cluster.json`. */
export function jsonConsole(out: Output): ClusterObserver {
  const line = (value: object): void => void out.write(`${JSON.stringify(value)}\n`);
  return {
    ready: (cluster) => line({ event: 'ready', ...cluster }),
    event: ({ type, ...rest }: ChildEvent) => line({ event: `process-${type}`, ...rest }),
    waitingForPredecessor: (pids) => line({ event: 'waiting', pids }),
    stopping: () => line({ event: 'stopping' }),
    stopped: () => line({ event: 'stopped' }),
  };
}

function banner({ gateway, admin, console, tokens, processes }: ClusterFile, { bold }: Painter): string {
  const nodes = processes.filter(({ udp }) => udp !== undefined);
  const publish = JSON.stringify({
    query: 'mutation { publish(input: {topic: "hello", body: "Hello, vine!"}) { message { id } consistencyToken } }',
  });
  return `
${bold('Grapevine is running.')}

  gateway   ${gateway}
  admin     ${admin}
  web API   ${gateway}/web/graphql
  mobile    ${gateway}/mobile/v1 (described at ${gateway}/mobile/v1/docs)
  nodes     ${nodes.map(({ name, http }) => `${name} ${http}`).join('\n            ')}
  console   ${console}

${bold('Tokens')} (30 days; for others see: bin/grapevine.js token --help)
  web       ${tokens.web}
  mobile    ${tokens.mobile}
  operator  ${tokens.operator}

${bold('Publish through the web API')}
  curl -s ${gateway}/web/graphql -H 'authorization: Bearer ${tokens.web}' -H 'content-type: application/json' -d '${publish}'

${bold('Read through the mobile API')}
  curl -s ${gateway}/mobile/v1/topics/hello/messages -H 'authorization: Bearer ${tokens.mobile}'

Ctrl-C stops everything.
`;
}

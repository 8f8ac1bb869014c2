import { bodyBytes, type Convergence, type Spread } from './convergence.ts';
import { plot, type Series } from './plot.ts';

const colours = ['#2a78c2', '#c2542a', '#4a9a3a'] as const;

/** `docs/convergence.md`. */
export function reportPage(measured: readonly Convergence[]): string {
  return `# How a cluster comes to agree

Printed by \`npm run sim -- --nodes ${measured.at(-1)?.nodes ?? 0} --report\`: whole clusters in one process, with the nodes' own gossip, on a simulated
network that loses nothing and takes 0.2 to 1 ms. A round is one interval of gossip (200 ms). Bytes are those of all datagrams
that a node sent meanwhile, whatever for. The numbers are the same on every machine.

![Rounds and bytes against the number of nodes](convergence.svg)

| nodes | log2 | one message: rounds | bytes/node | one from each: rounds | bytes/node/message | all know all: rounds | bytes/node |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${measured.map(row).join('\n')}

- **One message**: from a publish of ${bodyBytes} bytes at one node until all nodes have it on disk, which takes 0.3 to 3.3 ms a write. Up
  to 16 nodes the origin nudges everybody. In larger clusters the news has to be passed on: each node nudges ln(n) + 2 others, and whoever
  hears of it pulls. The number of such steps grows with the logarithm. What all nudges miss is found by the next rounds.
- **One from each**: from a publish at every node at once until all nodes hold all. What a message costs hardly changes, but there are
  as many as nodes, and each node pulls them from one peer at a time: so the time grows faster than the logarithm. Beyond about forty
  origins a vector does not fit one datagram: requests take turns with its slices, and nudges alone tell of the rest at once.
- **All know all**: from the start of all nodes at once, each with three seeds. A node that starts asks everybody of whom it hears, because
  it must know that its own log is complete before it writes. It asks 16 at a time: both the time and
  what a node sends grow with the number of nodes, by about 1 KB each. Who has not met everybody by then learns of the rest from the
  next round on, when members compare their lists.
`;
}

/** `docs/convergence.svg`. */
export function reportPlot(measured: readonly Convergence[]): string {
  const sizes = measured.map(({ nodes }) => nodes);
  const messages = { name: 'one message', colour: colours[0], of: (row: Convergence) => row.oneMessage };
  const each = { name: 'one from each', colour: colours[1], of: (row: Convergence) => row.oneFromEach };
  const members = { name: 'all know all', colour: colours[2], of: (row: Convergence) => row.members };
  const seriesOf = (
    { name, colour, of }: { name: string; colour: string; of: (row: Convergence) => Spread },
    y: (spread: Spread) => number,
  ): Series => ({
    name,
    colour,
    points: measured.map((row) => ({ x: row.nodes, y: y(of(row)) })),
  });
  const all = [messages, each, members];
  return plot(
    [
      {
        title: 'rounds until all agree',
        series: all.map((one) => seriesOf(one, ({ rounds }) => Math.max(0.01, rounds))),
        ticks: [0.01, 0.1, 1, 10, 100, 1_000],
        isLogarithmic: true,
      },
      {
        title: 'bytes per node until then',
        series: all.map((one) => seriesOf(one, ({ bytesPerNode }) => bytesPerNode)),
        ticks: [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000],
        isLogarithmic: true,
      },
    ],
    sizes,
  );
}

function row({ nodes, members, oneMessage, oneFromEach }: Convergence): string {
  const cells = [
    nodes.toLocaleString('en-US'),
    Math.log2(nodes).toFixed(1),
    oneMessage.rounds.toFixed(2),
    oneMessage.bytesPerNode.toLocaleString('en-US'),
    oneFromEach.rounds.toFixed(2),
    Math.round(oneFromEach.bytesPerNode / nodes).toLocaleString('en-US'),
    members.rounds.toFixed(2),
    members.bytesPerNode.toLocaleString('en-US'),
  ];
  return `| ${cells.join(' | ')} |`;
}

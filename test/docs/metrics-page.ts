import { describedMetrics, type MetricDescription } from '../deploy/exposition.ts';

const introduction = `# Metrics

Every process answers \`GET /metrics\` in the Prometheus text format: nodes and BFFs at their HTTP ports, the gateway at its admin port, for all of
its workers together. Each series carries \`service\` and \`instance\` (scrape with \`honor_labels\`, as [prometheus.yml](../deploy/prometheus.yml) does). Metrics of
the runtime (\`nodejs_…\`, \`process_…\`) are there as well. Labels have few values: routes are patterns, never paths, and no label names a
principal or a topic.

This page is printed from a running cluster by \`node test/docs/main.ts\`, and a test compares it with another one.
`;

/** What the processes of one kind are called, by the name in `cluster.json`. */
const sections = [
  { title: 'Nodes', process: 'node-1' },
  { title: 'Gateway', process: 'gateway' },
  { title: 'Web BFF', process: 'bff-web' },
  { title: 'Mobile BFF', process: 'bff-mobile' },
] as const;

/** The content of docs/metrics.md, from the answers of /metrics by the names of the processes. */
export function metricsPage(texts: ReadonlyMap<string, string>): string {
  const parts = sections.map(({ title, process }) => section(title, describedMetrics(texts.get(process) ?? '')));
  return [introduction, ...parts].join('\n');
}

function section(title: string, metrics: readonly MetricDescription[]): string {
  const rows = metrics
    .filter(({ name }) => name.startsWith('grapevine_'))
    .map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help.replaceAll('|', '\\|')} |`);
  return `## ${title}\n\n| metric | type | meaning |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
}

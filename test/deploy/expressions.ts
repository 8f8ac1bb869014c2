import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { root } from '../runner/test-files.ts';

/** A PromQL expression of deploy/, and the labels that texts beside it name. */
export interface Expression {
  /** The alert or the panel that it stands in. */
  readonly place: string;
  readonly promql: string;
  readonly labelsInTexts: readonly string[];
}

const alertSchema = z.object({ alert: z.string(), expr: z.string(), annotations: z.record(z.string(), z.string()) });
export type Alert = z.infer<typeof alertSchema>;
const rulesSchema = z.object({ groups: z.array(z.object({ rules: z.array(alertSchema) })) });
const dashboardSchema = z.object({
  panels: z.array(
    z.object({
      title: z.string(),
      targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).default([]),
    }),
  ),
});

/** What Prometheus itself knows of whom it scrapes. */
const ownMetrics: Readonly<Record<string, readonly string[]>> = { up: ['job', 'instance'] };

export function readAlerts(): Alert[] {
  const rules = rulesSchema.parse(parse(readFileSync(join(root, 'deploy/alerts.yml'), 'utf8')));
  return rules.groups.flatMap((group) => group.rules);
}

export function alertExpressions(): Expression[] {
  return readAlerts().map(({ alert, expr, annotations }) => ({
    place: alert,
    promql: expr,
    labelsInTexts: Object.values(annotations).flatMap((text) => named(text, /\$labels\.(\w+)/g)),
  }));
}

export function dashboardExpressions(): Expression[] {
  const dashboard = dashboardSchema.parse(
    JSON.parse(readFileSync(join(root, 'deploy/grafana-dashboard.json'), 'utf8')),
  );
  return dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => ({
      place: title,
      promql: expr.replaceAll('$__rate_interval', '1m'),
      labelsInTexts: named(legendFormat, /\{\{(\w+)\}\}/g),
    })),
  );
}

/** Names of an expression that nobody exposes. `exposed` has each metric's labels. */
export function unknownNames(
  { promql, labelsInTexts }: Expression,
  exposed: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  const labelsOf = (metric: string): ReadonlySet<string> | undefined =>
    ownMetrics[metric] === undefined ? exposed.get(metric) : new Set(ownMetrics[metric]);
  const unknown: string[] = [];
  const metrics = [...promql.matchAll(/\b((?:grapevine|nodejs|process)_\w+|up)\b(?:\{([^}]*)\})?/g)];
  for (const [, metric = '', matchers = ''] of metrics) {
    const labels = labelsOf(metric);
    if (labels === undefined) unknown.push(metric);
    const grouping = named(promql, /\b(?:by|on|group_right|group_left)\s*\(([^)]*)\)/g).flatMap((list) =>
      list.split(/,\s*/),
    );
    for (const label of [...named(matchers, /(\w+)\s*[=!]/g), ...grouping, ...labelsInTexts].filter(
      (name) => name !== '',
    )) {
      if (labels?.has(label) === false) unknown.push(`${metric}{${label}}`);
    }
  }
  if (metrics.length === 0) unknown.push(`no metric in ${promql}`);
  return unknown;
}

function named(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name]) => name ?? '');
}

/** A metric as a process describes it. */
export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

/** The metrics that `text`, an answer of /metrics, describes, by name. */
export function describedMetrics(text: string): MetricDescription[] {
  const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]));
  return [...text.matchAll(/^# HELP (\w+) (.*)$/gm)]
    .map(([, name = '', help = '']) => ({ name, help, type: types.get(name) ?? '' }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The names of all series of several answers of /metrics, with the labels that they carry. */
export function exposedLabels(texts: readonly string[]): Map<string, Set<string>> {
  const exposed = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of texts.join('\n').matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = exposed.get(name) ?? new Set();
    exposed.set(name, known);
    for (const [, label = ''] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label);
  }
  return exposed;
}

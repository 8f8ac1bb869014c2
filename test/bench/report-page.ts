import { escapeHtml, htmlPage } from '../report/html-page.ts';
import { describeMachine, type Machine } from '../report/machine.ts';
import { formatted, goalOf, type Measured, type Report, times } from './harness.ts';

const style = `
.bar{width:35%}
.bar div{height:.8em;background:#8888;border-radius:2px}
.ours .bar div{background:#2a78c2}
.ours th{font-weight:bold}
`;

/** All reports on one page that needs nothing else. */
export function reportPage(reports: readonly Report[], machine: Machine, at: string): string {
  const where = `${escapeHtml(describeMachine(machine))}, ${at}`;
  return htmlPage(
    'Grapevine benchmarks',
    style,
    `<h1>Grapevine benchmarks</h1>
<p>${where}. Medians of interleaved rounds; the rivals ran in the same minutes. Only ratios carry over to another machine.</p>
${reports.map(section).join('\n')}`,
  );
}

function section({ name, title, unit, better, rounds, contenders }: Report): string {
  const largest = Math.max(...contenders.map(({ median }) => median));
  const rows = contenders.map((contender, i) => {
    const share = largest === 0 ? 0 : Math.max(0.5, (100 * contender.median) / largest);
    return `<tr${i === 0 ? ' class="ours"' : ''}><th scope="row">${escapeHtml(contender.name)}</th>
<td class="number">${formatted(contender.median)} ${unit}</td><td class="number">${formatted(contender.lowest)}–${formatted(contender.highest)}</td>
<td class="bar"><div style="width:${share.toFixed(1)}%"></div></td>
<td class="number">${i === 0 ? '' : times(contender.ratio)}</td><td class="${contender.met ? 'met' : 'missed'}">${goal(contender, i === 0 ? ` ${unit}` : '×')}</td></tr>`;
  });
  return `<table>
<caption>${escapeHtml(name)}: ${escapeHtml(title)} (median of ${rounds}, ${better} is better)</caption>
<thead><tr><th scope="col">who</th><th scope="col" class="number">median</th><th scope="col" class="number">spread</th><th scope="col"><span hidden>bar</span></th><th scope="col" class="number">ours is better by</th><th scope="col">goal</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`;
}

/** The same for `docs/performance.md`: one row for each comparison. */
export function performanceDocument(reports: readonly Report[], machine: Machine, at: string): string {
  const rows = reports.flatMap(({ name, title, unit, better, contenders }) => {
    const [ours, ...rivals] = contenders;
    if (ours === undefined) return [];
    const own = `${formatted(ours.median)} ${unit} (${formatted(ours.lowest)}–${formatted(ours.highest)})`;
    const what = `${title} (${better} is better)`;
    return (rivals.length === 0 ? [undefined] : rivals).map((rival) =>
      rival === undefined
        ? `| ${what} | ${own} | | | ${goal(ours, ` ${unit}`)} | \`npm run bench -- ${name}\` |`
        : `| ${what} | ${own} | ${rival.name}: ${formatted(rival.median)} ${unit} | ${times(rival.ratio)} | ${goal(rival, '×') || goal(ours, ` ${unit}`)} | \`npm run bench -- ${name}\` |`,
    );
  });
  return `# Performance

Printed by \`npm run bench -- --docs\` on ${at.slice(0, 10)}: ${describeMachine(machine)}. Medians of interleaved rounds, with the lowest and highest in
brackets; the rivals ran in the same minutes. Only the ratios carry over to another machine. A ratio above 1 says how many times better ours is.

| what | Grapevine | rival | ratio | goal | command |
| --- | ---: | ---: | ---: | --- | --- |
${rows.join('\n')}
`;
}

function goal(measured: Measured, unit: string): string {
  const wanted = goalOf(measured, unit);
  return wanted === '' ? '' : `${wanted}: ${measured.met ? 'met' : 'missed'}`;
}

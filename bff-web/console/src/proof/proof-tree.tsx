import type { ProofStep } from './proof-steps.ts';

interface ProofTreeProps {
  /** From the leaf up. */
  readonly steps: readonly ProofStep[];
  readonly leaf: string;
  readonly root: string;
  readonly seq: number;
  readonly size: number;
  readonly valid: boolean;
}

const rowPx = 56;
const widthPx = 340;
const boxPx = { width: 132, height: 28 };
const offsetPx = 82;

/** The path as a tree: what was computed here is filled, what the proof brought is not. */
export function ProofTree({ steps, leaf, root, seq, size, valid }: ProofTreeProps) {
  const height = (steps.length + 1) * rowPx;
  const middle = widthPx / 2;
  // From the root at the top down to the leaf.
  const levels = [...steps].reverse();
  const placeOf = (level: number): { x: number; y: number } => {
    const step = levels[level - 1];
    const x = step === undefined ? middle : middle + (step.side === 'left' ? offsetPx : -offsetPx);
    return { x, y: level * rowPx + rowPx / 2 };
  };
  return (
    <svg
      class="proof"
      data-valid={valid}
      viewBox={`0 0 ${widthPx} ${height}`}
      width={widthPx}
      height={height}
      role="img"
      aria-label={`Entry ${seq} is ${steps.length} levels below the root of ${size} entries.`}
    >
      {levels.map((step, level) => {
        const [parent, own] = [placeOf(level), placeOf(level + 1)];
        const other = { x: widthPx - own.x, y: own.y };
        return (
          <g key={step.sibling}>
            <path class="way" d={`M${parent.x} ${parent.y + 14}L${own.x} ${own.y - 14}`} />
            <path d={`M${parent.x} ${parent.y + 14}L${other.x} ${other.y - 14}`} />
            <Node {...other} hash={step.sibling} kind="given" />
          </g>
        );
      })}
      {levels.map((_step, level) => {
        const hash = level === 0 ? root : (levels[level - 1]?.hash ?? '');
        return (
          <Node key={`${level} ${hash}`} {...placeOf(level)} hash={hash} kind={level === 0 ? 'root' : 'computed'} />
        );
      })}
      <Node {...placeOf(levels.length)} hash={leaf} kind={levels.length === 0 ? 'root' : 'leaf'} />
    </svg>
  );
}

interface NodeProps {
  readonly x: number;
  readonly y: number;
  readonly hash: string;
  readonly kind: 'root' | 'computed' | 'leaf' | 'given';
}

function Node({ x, y, hash, kind }: NodeProps) {
  const { width, height } = boxPx;
  return (
    <g class={kind}>
      <title>{hash}</title>
      <rect x={x - width / 2} y={y - height / 2} width={width} height={height} rx="6" />
      <text x={x} y={y + 4} text-anchor="middle">
        {hash.slice(0, 14)}…
      </text>
    </g>
  );
}

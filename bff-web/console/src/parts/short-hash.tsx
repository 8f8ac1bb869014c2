import { useState } from 'preact/hooks';

interface ShortHashProps {
  readonly hash: string;
  /** What it is, such as `root of node-1`. */
  readonly what: string;
  /** Digits shown. */
  readonly digits?: number;
}

/** The beginning of a hash; a click copies all of it. */
export function ShortHash({ hash, what, digits = 12 }: ShortHashProps) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(hash);
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  const shown = hash.length > digits ? `${hash.slice(0, digits)}…` : hash;
  return (
    <button
      type="button"
      class="hash"
      title={`${hash} (copy)`}
      aria-label={`Copy ${what}, ${shown}`}
      onClick={() => void copy().catch(() => undefined)}
    >
      {copied ? 'copied' : shown}
    </button>
  );
}

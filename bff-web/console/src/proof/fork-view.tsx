import { useState } from 'preact/hooks';
import type { Fork, ForkSide, OriginComparison } from '../api/comparison.ts';
import { messageAnswerSchema, messageQuery } from '../api/messages.ts';
import { useQuery } from '../api/use-query.ts';
import { count, dateAndTime, printable } from '../format.ts';
import { Problem } from '../parts/problem.tsx';
import { RepairDialog } from '../parts/repair-dialog.tsx';
import { ShortHash } from '../parts/short-hash.tsx';
import { links } from '../route.ts';
import { flawOf } from './check-fork.ts';

interface ForkViewProps {
  readonly a: string;
  readonly b: string;
  readonly comparison: OriginComparison;
  /** What `node` keeps as evidence of this fork, if it has met it already. */
  readonly evidence: { readonly node: string; readonly fork: Fork } | undefined;
  readonly onRepaired: () => void;
}

/** Where two histories of one log part: the way down to it, both sides, both signatures, and the way out. */
export function ForkView({ a, b, comparison, evidence, onRepaired }: ForkViewProps) {
  const [keep, setKeep] = useState<string | undefined>();
  const { origin, fork, sizeA, sizeB } = comparison;
  const smaller = Math.min(sizeA, sizeB);
  const isOwnA = evidence?.node === a;
  const sides = {
    a: isOwnA ? evidence?.fork.own : evidence?.fork.other,
    b: isOwnA ? evidence?.fork.other : evidence?.fork.own,
  };
  return (
    <section class="card fork" aria-label={`Fork of origin ${origin.slice(0, 12)}`}>
      <h2>
        Fork of origin <ShortHash hash={origin} what="origin" />
      </h2>
      <ol class="walk">
        <li>
          Compared at <b>{count(smaller)}</b> entries, the smaller of both sizes: the roots differ.
        </li>
        {fork !== null && (
          <>
            <li>
              Walked down the two trees, {Math.ceil(Math.log2(Math.max(2, smaller)))} levels, always into the half that
              differs.
            </li>
            <li>
              Entries before <b>{count(fork.seq)}</b> are the same on both; entry <b>{count(fork.seq)}</b> is the first
              that differs.
            </li>
          </>
        )}
        <Evidence evidence={evidence} />
      </ol>
      <div class="sides">
        <Side node={a} id={fork?.a} size={sizeA} side={sides.a} onKeep={() => setKeep(a)} other={b} />
        <Side node={b} id={fork?.b} size={sizeB} side={sides.b} onKeep={() => setKeep(b)} other={a} />
      </div>
      {keep !== undefined && (
        <RepairDialog
          origin={origin}
          keep={keep}
          node={keep === a ? b : a}
          onClose={(done) => {
            setKeep(undefined);
            if (done) onRepaired();
          }}
        />
      )}
    </section>
  );
}

function Evidence({ evidence }: Pick<ForkViewProps, 'evidence'>) {
  if (evidence === undefined) return <li>Neither node has put the evidence together yet; ask again in a moment.</li>;
  const flaw = flawOf(evidence.fork);
  return (
    <li data-tone={flaw === undefined ? 'forked' : 'behind'}>
      {flaw === undefined
        ? `Checked in this browser: both heads are signed by the origin, and they continue different roots of ${count(evidence.fork.size)} entries. It told two stories.`
        : `The evidence does not prove a fork: ${flaw}`}{' '}
      Found {dateAndTime(evidence.fork.foundAt)} by {evidence.node}.
    </li>
  );
}

interface SideProps {
  readonly node: string;
  readonly other: string;
  readonly id: string | undefined;
  readonly size: number;
  readonly side: ForkSide | undefined;
  readonly onKeep: () => void;
}

function Side({ node, other, id, size, side, onKeep }: SideProps) {
  return (
    <div class="side">
      <h3>{node}</h3>
      {id !== undefined && <Entry id={id} />}
      <dl class="facts">
        <div>
          <dt>Entries</dt>
          <dd>{count(size)}</dd>
        </div>
        {side !== undefined && (
          <>
            <div>
              <dt>Signed head</dt>
              <dd>
                {count(side.head.size)} entries, root <ShortHash hash={side.head.root} what={`root at ${node}`} />
              </dd>
            </div>
            <div>
              <dt>Signature</dt>
              <dd>
                <ShortHash hash={side.head.signature} what={`signature at ${node}`} />
              </dd>
            </div>
          </>
        )}
      </dl>
      <button type="button" onClick={onKeep}>
        Keep this history, set that of {other} aside…
      </button>
    </div>
  );
}

function Entry({ id }: { readonly id: string }) {
  const { data, problem } = useQuery(messageAnswerSchema, messageQuery, { id });
  const message = data?.message;
  return (
    <>
      <p class="about">
        <a href={links.message(id)}>
          <code>{id.slice(0, 12)}…</code>
        </a>
        {message != null && (
          <>
            <time dateTime={message.createdAt}>{dateAndTime(message.createdAt)}</time>
            <span class="stranger">
              {printable(message.author)} in {printable(message.topic)}
            </span>
          </>
        )}
      </p>
      <Problem problem={problem} />
      {message != null && <pre class="stranger">{printable(message.body.slice(0, 400))}</pre>}
      {message === null && <p class="note">Not served while its log is in doubt.</p>}
    </>
  );
}

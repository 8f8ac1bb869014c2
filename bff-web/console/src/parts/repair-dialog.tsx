import { useEffect, useRef, useState } from 'preact/hooks';
import { type RepairReport, repairMutation, repairSchema, type SetAsideReport } from '../api/comparison.ts';
import { ApiError, ask } from '../api/graphql.ts';
import { count, printable } from '../format.ts';
import { Problem } from './problem.tsx';

interface RepairDialogProps {
  readonly origin: string;
  /** The node whose history stays. */
  readonly keep: string;
  /** The node that sets its own aside. */
  readonly node: string;
  /** `done` when something was repaired. */
  readonly onClose: (done: boolean) => void;
}

/** Says what a repair would do, asks, does it, and says what came of it. */
export function RepairDialog({ origin, keep, node, onClose }: RepairDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [plan, setPlan] = useState<RepairReport | undefined>();
  const [report, setReport] = useState<RepairReport | undefined>();
  const [problem, setProblem] = useState<ApiError | undefined>();
  const [busy, setBusy] = useState(false);
  const close = useRef<HTMLButtonElement>(null);
  const repair = async (dryRun: boolean): Promise<RepairReport> => {
    const answer = await ask(repairSchema, repairMutation, { node, adopt: keep, origin, dryRun });
    return answer.repair;
  };
  const fail = (error: unknown): void =>
    setProblem(error instanceof ApiError ? error : new ApiError(String(error), ''));
  useEffect(() => {
    dialog.current?.showModal();
    repair(true).then(setPlan).catch(fail);
  }, []);
  // The button that had the focus is gone, or cannot be pressed, when something has come of it.
  useEffect(() => {
    if (report !== undefined || problem !== undefined) close.current?.focus();
  }, [report, problem]);
  const confirm = (): void => {
    setBusy(true);
    repair(false)
      .then(setReport)
      .catch(fail)
      .finally(() => setBusy(false));
  };
  const adopted = report?.origins.some(({ state }) => state === 'adopted') === true;
  return (
    <dialog ref={dialog} aria-labelledby="repair-title" onClose={() => onClose(report !== undefined)}>
      <h2 id="repair-title">Keep the history of {keep}?</h2>
      <p>
        {node} gives up what it has of this log and takes what {keep} has. What only {node} had goes to the folder{' '}
        <code>set-aside</code> in its data folder; readers will not see it any more.
      </p>
      <Problem problem={problem} />
      {plan === undefined && problem === undefined && <p class="note">Asking {node} what it would do…</p>}
      {plan !== undefined && report === undefined && <Outcome report={plan} />}
      {report !== undefined && (
        <div role="status">
          <p class="outcome" data-tone={adopted ? 'equal' : 'unreachable'}>
            {adopted
              ? `Done: ${node} has the history of ${keep} now.`
              : `${node} has not taken the history of ${keep}.`}
          </p>
          <Outcome report={report} />
        </div>
      )}
      <div class="actions">
        <button ref={close} type="button" onClick={() => dialog.current?.close()}>
          {report === undefined ? 'Cancel' : 'Close'}
        </button>
        {report === undefined && (
          <button type="button" class="danger" disabled={busy || plan === undefined} onClick={confirm}>
            {busy ? 'Repairing…' : `Set the history of ${node} aside`}
          </button>
        )}
      </div>
    </dialog>
  );
}

/** What is, or would be, given up; what is left to do, and why. */
function Outcome({ report }: { readonly report: RepairReport }) {
  return (
    <ul class="set-aside">
      {report.origins.flatMap(({ origin, left }) =>
        left.map(({ firstSeq, endSeq, damage, why }) => (
          <li key={`${origin} ${firstSeq}`}>
            <b>{span(firstSeq, endSeq)}:</b> {printable(damage)} {printable(why)}
          </li>
        )),
      )}
      {report.origins.flatMap(({ origin, setAside }) =>
        setAside === null ? [] : [<SetAside key={origin} {...setAside} />],
      )}
    </ul>
  );
}

function SetAside({ folder, firstSeq, endSeq, messages }: SetAsideReport) {
  return (
    <li>
      <b>{span(firstSeq, endSeq)}</b> had other content here; kept in <code>{printable(folder)}</code>:
      <ul>
        {messages.map(({ seq, id, topic, author }) => (
          <li key={id}>
            entry {count(seq)} <code>{id.slice(0, 12)}…</code>{' '}
            <span class="stranger">
              {printable(author)} in {printable(topic)}
            </span>
          </li>
        ))}
      </ul>
    </li>
  );
}

function span(firstSeq: number, endSeq: number): string {
  return endSeq - firstSeq === 1 ? `Entry ${count(firstSeq)}` : `Entries ${count(firstSeq)} to ${count(endSeq - 1)}`;
}

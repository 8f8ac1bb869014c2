import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type Cluster, clusterChanged, clusterChangedSchema, type Verdict } from './cluster.ts';
import { type Subscribed, useSubscription } from './use-subscription.ts';

export interface ClusterNews extends Subscribed {
  readonly cluster: Cluster | undefined;
  /** When the verdict came to be what it is, in milliseconds since 1970. */
  readonly since: number;
  /** Whether this page saw the verdict change; else `since` is when it began to look. */
  readonly sawChange: boolean;
  /** When the cluster last said something. */
  readonly heardAt: number;
}

interface Heard {
  readonly cluster: Cluster | undefined;
  readonly since: number;
  readonly sawChange: boolean;
  readonly heardAt: number;
}

/**
 * Under load lag comes and goes several times a second. It counts as over when nothing has been behind for so long, in
 * milliseconds, so that the first screen does not flicker; faults show at once.
 */
const calmMs = 1_000;

/** The cluster as it is, and since when; as it last was while the connection is lost. */
export function useCluster(): ClusterNews {
  const [heard, setHeard] = useState<Heard>({ cluster: undefined, since: 0, sawChange: false, heardAt: 0 });
  const last = useRef<Verdict | undefined>(undefined);
  const calm = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const show = useCallback((cluster: Cluster) => {
    const { verdict } = cluster.consistency;
    const [before, now] = [last.current, Date.now()];
    last.current = verdict;
    setHeard((heardBefore) =>
      verdict === before
        ? { ...heardBefore, cluster, heardAt: now }
        : { cluster, heardAt: now, since: now, sawChange: before !== undefined },
    );
  }, []);
  const take = useCallback(({ clusterChanged: cluster }: { readonly clusterChanged: Cluster }) => {
    clearTimeout(calm.current);
    if (last.current !== 'behind' || cluster.consistency.verdict !== 'equal') return show(cluster);
    calm.current = setTimeout(() => show(cluster), calmMs);
  }, []);
  useEffect(() => () => clearTimeout(calm.current), []);
  return { ...heard, ...useSubscription(clusterChangedSchema, clusterChanged, {}, take) };
}

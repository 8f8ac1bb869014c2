import { useCallback, useRef, useState } from 'preact/hooks';
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

/** The cluster as it is, and since when; as it last was while the connection is lost. */
export function useCluster(): ClusterNews {
  const [heard, setHeard] = useState<Heard>({ cluster: undefined, since: 0, sawChange: false, heardAt: 0 });
  const last = useRef<Verdict | undefined>(undefined);
  const take = useCallback(({ clusterChanged: cluster }: { readonly clusterChanged: Cluster }) => {
    const { verdict } = cluster.consistency;
    const [before, now] = [last.current, Date.now()];
    last.current = verdict;
    setHeard((heardBefore) =>
      verdict === before
        ? { ...heardBefore, cluster, heardAt: now }
        : { cluster, heardAt: now, since: now, sawChange: before !== undefined },
    );
  }, []);
  return { ...heard, ...useSubscription(clusterChangedSchema, clusterChanged, {}, take) };
}

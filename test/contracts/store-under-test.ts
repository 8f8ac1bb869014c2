import type { LogStore } from '@grapevine/cluster-node/store/log-store.ts';
import type { Views } from '@grapevine/cluster-node/views/views.ts';

export interface StoreUnderTest {
  readonly log: LogStore;
  readonly views: Views;
  /** Ends the process, as it were, checks what it leaves behind, and starts it again on that. */
  restart(): Promise<StoreUnderTest>;
  close(): Promise<void>;
}

/** `restart` restarts whichever store is current. */
export type StoreTest = (store: StoreUnderTest, restart: () => Promise<StoreUnderTest>) => Promise<void>;

/** Runs a test on a store of its own. */
export async function useStore(open: () => Promise<StoreUnderTest>, run: StoreTest): Promise<void> {
  const store = await open();
  let current = store;
  try {
    await run(store, async () => {
      current = await current.restart();
      return current;
    });
  } finally {
    await current.close();
  }
}

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { PeerRegistry } from '@grapevine/shared/registry/peer-registry.ts';
import { until } from '../e2e/until.ts';

/** A registry and the source that it reads. Peers are `host:port`. */
export interface RegistryFixture {
  readonly registry: PeerRegistry;
  /** Makes the source say something else, as whoever keeps it would. */
  readonly write: (peers: readonly string[]) => Promise<void>;
  /** What the source may say that no peer can be found in, each with a word that the log must give as the reason. */
  readonly damage: readonly { readonly reason: RegExp; readonly make: () => Promise<void> }[];
  /** Lines that were logged. */
  readonly logged: readonly string[];
}

/** Opens a registry whose source names `peers`; what it opened ends with the test. */
export type OpenRegistry = (t: TestContext, peers: readonly string[]) => Promise<PeerRegistry>;
export type OpenChangingRegistry = (t: TestContext, peers: readonly string[]) => Promise<RegistryFixture>;

const deadline = { timeout: 60_000 };

/** What every `PeerRegistry` promises. */
export function registryContract(name: string, open: OpenRegistry): void {
  test(`${name}: names the peers of its source, each once`, deadline, async (t) => {
    const registry = await open(t, ['127.0.0.1:7201', '127.0.0.2:7201', '127.0.0.1:7201']);
    assert.deepEqual(namesOf(registry), ['127.0.0.1:7201', '127.0.0.2:7201']);
    assert.deepEqual(namesOf(registry), namesOf(registry));
  });

  test(`${name}: no address passes unchecked`, deadline, async (t) => {
    for (const wrong of ['0.0.0.0:7201', '224.0.0.1:7201', '255.255.255.255:7201', '127.0.0.1:0']) {
      // Whether a node starts without peers is up to the registry.
      const refused = (error: unknown): undefined => {
        assert.ok(error instanceof GrapevineError && error.code === 'CONFIG_INVALID', wrong);
      };
      assert.deepEqual((await open(t, [wrong]).catch(refused))?.peers() ?? [], [], wrong);
    }
  });

  test(`${name}: can be stopped twice`, deadline, async (t) => {
    const registry = await open(t, ['127.0.0.1:7201']);
    await registry.stop();
    await registry.stop();
  });
}

/** What every `PeerRegistry` promises whose source can change. */
export function changingRegistryContract(name: string, open: OpenChangingRegistry): void {
  test(`${name}: takes changes and tells of each once`, deadline, async (t) => {
    const { registry, write } = await open(t, ['127.0.0.1:7201']);
    const told = listen(registry);
    await write(['127.0.0.1:7201', '127.0.0.2:7201']);
    await until('the second peer', () => namesOf(registry).length === 2, 30_000);
    await write(['127.0.0.2:7201']);
    await until('the second alone', () => namesOf(registry).length === 1, 30_000);
    assert.deepEqual(told, [['127.0.0.1:7201', '127.0.0.2:7201'], ['127.0.0.2:7201']]);
  });

  test(`${name}: keeps what it knows when its source goes wrong, says why, and goes on later`, deadline, async (t) => {
    const { registry, write, damage, logged } = await open(t, ['127.0.0.1:7201']);
    const told = listen(registry);
    for (const { reason, make } of damage) {
      await make();
      await until(`${reason} in the log`, () => logged.some((line) => reason.test(line)), 30_000);
      assert.deepEqual(namesOf(registry), ['127.0.0.1:7201']);
    }
    assert.deepEqual(told, []);
    await write(['127.0.0.3:7201']);
    await until('the new peer', () => namesOf(registry)[0] === '127.0.0.3:7201', 30_000);
    assert.deepEqual(told, [['127.0.0.3:7201']]);
  });

  test(`${name}: tells nobody who does not listen any more`, deadline, async (t) => {
    const { registry, write } = await open(t, ['127.0.0.1:7201']);
    registry.onChange(() => assert.fail('told after the end'))();
    const told = listen(registry);
    await write(['127.0.0.2:7201']);
    await until('the change', () => told.length === 1, 30_000);
  });
}

function listen(registry: PeerRegistry): string[][] {
  const told: string[][] = [];
  registry.onChange((peers) => told.push(peers.map(({ host, port }) => `${host}:${port}`)));
  return told;
}

function namesOf(registry: PeerRegistry): string[] {
  return registry.peers().map(({ host, port }) => `${host}:${port}`);
}

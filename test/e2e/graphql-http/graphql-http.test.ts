import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { serverAudits } from 'graphql-http';
import { type Cluster, startCluster, temporaryFolder } from '../cluster.ts';

/**
 * The audits of the GraphQL over HTTP specification by its reference implementation, against the public address: what a
 * client library expects has to come through the gateway as well.
 */
describe('GraphQL over HTTP through the gateway', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let cluster: Cluster;
  before(async () => {
    folder = await temporaryFolder();
    cluster = await startCluster({ dataDir: folder.path, nodes: 1 });
  });
  after(async () => {
    await cluster.stop();
    await folder[Symbol.asyncDispose]();
  });

  const audits = serverAudits({
    url: () => `${cluster.gateway}/web/graphql`,
    fetchFn: (url: string, init: RequestInit = {}) => {
      const headers = new Headers(init.headers);
      headers.set('authorization', `Bearer ${cluster.tokens.web}`);
      return fetch(url, { ...init, headers });
    },
  });

  test('has as many audits as are known', () => assert.equal(audits.length, 61));
  for (const { id, name, fn } of audits) {
    test(`${id} ${name}`, async () => {
      const result = await fn();
      assert.equal(result.status, 'ok', result.status === 'ok' ? '' : result.reason);
    });
  }
});

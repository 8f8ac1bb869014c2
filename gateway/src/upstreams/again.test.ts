import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { againAfter } from './again.ts';
import type { ExchangeOptions } from './exchange.ts';
import { explainFailure, NeverSent } from './failures.ts';
import { StreamedBody } from './request-body.ts';

function options(settings: Partial<ExchangeOptions> = {}): ExchangeOptions {
  return {
    engine: 'dispatch',
    method: 'GET',
    path: '/',
    headers: [],
    body: undefined,
    upgrade: false,
    silenceMs: 1,
    deadlineMs: 1,
    hedgeAfterMs: undefined,
    onInterim: () => {},
    ...settings,
  };
}

const broke = { error: explainFailure(new Error('socket hang up')) };
const silent = { error: new GrapevineError('UPSTREAM_TIMEOUT', '') };
const refused = { error: explainFailure(Object.assign(new Error(), { code: 'ECONNREFUSED' })) };
const resting = { error: new NeverSent('elsewhere', 'UNAVAILABLE', '', { retryAfterSeconds: 1 }) };
const tooLarge = { error: new GrapevineError('PAYLOAD_TOO_LARGE', '') };

test('what may be done twice is tried again: after a break anywhere, after silence and server errors elsewhere', () => {
  for (const safe of [
    ...['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].map((method) => options({ method })),
    options({ method: 'POST', headers: ['idempotency-key', 'k'], body: Buffer.from('x') }),
  ]) {
    assert.equal(againAfter(broke, safe), 'anywhere');
    assert.equal(againAfter(silent, safe), 'elsewhere');
    for (const status of [502, 503, 504]) assert.equal(againAfter({ status }, safe), 'elsewhere');
    for (const status of [500, 501, 505]) assert.equal(againAfter({ status }, safe), 'no');
    assert.equal(againAfter(tooLarge, safe), 'no');
  }
});

test('what may not is tried again only if it reached nobody', () => {
  for (const method of ['POST', 'PATCH']) {
    for (const outcome of [broke, silent, { status: 503 }])
      assert.equal(againAfter(outcome, options({ method })), 'no');
    assert.equal(againAfter(refused, options({ method })), 'anywhere');
    assert.equal(againAfter(resting, options({ method })), 'elsewhere');
  }
});

test('a body that flowed through is gone', () => {
  const request = Object.assign(new Readable({ read: () => {} }), { complete: true });
  const body = new StreamedBody(request as never, [], 1);
  for (const outcome of [broke, refused, { status: 503 }]) assert.equal(againAfter(outcome, options({ body })), 'no');
});

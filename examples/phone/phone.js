/**
 * What an app on a phone does, as a command: it writes while it is offline, sends what it wrote when it can, fetches what is
 * new, and may be stopped at any moment. Needs nothing but Node 20. All that it knows stands in one file.
 *
 *   export GRAPEVINE_URL=http://127.0.0.1:8080 GRAPEVINE_TOKEN=<token>
 *   node examples/phone/phone.js write orders/eu '4 crates of grapes'    (no connection is needed)
 *   node examples/phone/phone.js sync orders/eu                          (sends and fetches)
 *   node examples/phone/phone.js show
 *
 * PHONE_FILE names the file; phone.json when absent.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import process from 'node:process';

/**
 * @typedef {{ topic: string, body: string, idempotencyKey: string }} Draft
 * @typedef {{ id: string, topic: string, author: string, at: string, body: string, origin: string, seq: number }} Message
 * @typedef {{ idempotencyKey?: string, id?: string, error?: { code: string, detail: string, retryable: boolean } }} Result
 * @typedef {{ outbox: Draft[], refused: { draft: Draft, why: string }[], messages: Message[], token?: string, written?: string }} State
 */

/** Longest text of a message, in bytes. */
const bodyBytes = 256 * 1024;
/** As many messages as one request takes, and half as many bytes. */
const outboxItems = 100;
const outboxBytes = 1024 * 1024;
/** Longer than the gateway takes for anything, in milliseconds: a connection without a network behind it would wait for ever. */
const requestMs = 20_000;

const file = process.env['PHONE_FILE'] ?? 'phone.json';
const url = process.env['GRAPEVINE_URL'] ?? 'http://127.0.0.1:8080';
const bearer = process.env['GRAPEVINE_TOKEN'] ?? '';

const [command, ...args] = process.argv.slice(2);
try {
  if (command === 'write' && args.length === 2) write(args[0] ?? '', args[1] ?? '');
  else if (command === 'sync') await sync(args);
  else if (command === 'show') show();
  else throw new Error('usage: phone.js write TOPIC TEXT | sync [TOPIC…] | show');
} catch (error) {
  console.error(`phone: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

/**
 * The key is made here, once, and kept with the text: however often the two are sent, they are one message.
 *
 * @param {string} topic
 * @param {string} body
 */
function write(topic, body) {
  if (Buffer.byteLength(body) > bodyBytes) throw new Error(`a message has at most ${bodyBytes} bytes`);
  const state = load();
  state.outbox.push({ topic, body, idempotencyKey: randomUUID() });
  save(state);
  console.log(`${state.outbox.length} to send`);
}

/** @param {string[]} topics all when empty */
async function sync(topics) {
  const state = load();
  while (state.outbox.length > 0) await sendSome(state);
  let fetched = 0;
  for (let more = true; more; ) {
    const query = new URLSearchParams({
      limit: '100',
      ...(state.token === undefined ? {} : { since: state.token }),
      ...(topics.length === 0 ? {} : { topics: topics.join(',') }),
    });
    // What this phone has written comes along, whichever node answers.
    const covering = state.written === undefined ? {} : { 'grapevine-consistency': state.written };
    const answer = await call(`/sync?${query}`, { headers: covering });
    const delta = /** @type {{ items: Message[], token: string, more: boolean }} */ (answer);
    // Messages and token in one step: with either alone something would be missing, or come twice.
    state.messages.push(...delta.items);
    state.token = delta.token;
    save(state);
    fetched += delta.items.length;
    more = delta.more;
  }
  console.log(`${fetched} new, ${state.messages.length} in all, ${state.refused.length} refused`);
}

/**
 * Sends the oldest, as many as one request takes. If this ends before the answer is saved, they are sent again, which does no harm.
 *
 * @param {State} state
 */
async function sendSome(state) {
  let bytes = 0;
  const end = state.outbox.findIndex((draft) => {
    bytes += Buffer.byteLength(JSON.stringify(draft));
    return bytes > outboxBytes;
  });
  const items = state.outbox.slice(0, end < 0 ? outboxItems : Math.min(outboxItems, Math.max(1, end)));
  const answer = await call('/outbox', { body: { items } });
  const { results, token } = /** @type {{ results: Result[], token?: string }} */ (answer);
  const later = items.filter((draft, i) => {
    const error = results[i]?.error;
    if (error !== undefined && !error.retryable) state.refused.push({ draft, why: error.detail });
    return error?.retryable === true;
  });
  state.outbox.splice(0, items.length, ...later);
  if (token !== undefined) state.written = token;
  save(state);
  if (later.length > 0) throw new Error(`${later.length} could not be sent yet; try again later`);
}

function show() {
  const { messages, outbox, refused } = load();
  for (const { at, topic, author, body } of messages) console.log(`${at} ${topic} ${author}: ${body}`);
  for (const { topic, body } of outbox) console.log(`(to send) ${topic}: ${body}`);
  for (const { draft, why } of refused) console.log(`(refused: ${why}) ${draft.topic}: ${draft.body}`);
}

/**
 * @param {string} path
 * @param {{ body?: unknown, headers?: Record<string, string> }} options a body is sent with POST
 * @returns {Promise<unknown>}
 */
async function call(path, { body, headers }) {
  const response = await fetch(`${url}/mobile/v1${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', ...headers },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(requestMs),
  }).catch((error) => {
    throw new Error(`no connection to ${url}: nothing is lost, try again later`, { cause: error });
  });
  if (response.ok) return response.json();
  const problem = /** @type {{ code?: string, detail?: string }} */ (await response.json().catch(() => ({})));
  throw new Error(`${response.status} ${problem.code ?? ''}: ${problem.detail ?? 'no explanation'}`);
}

/** @returns {State} */
function load() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
    return { outbox: [], refused: [], messages: [] };
  }
}

/**
 * In one step: whoever is stopped half way has the old file.
 *
 * @param {State} state
 */
function save(state) {
  writeFileSync(`${file}.new`, JSON.stringify(state), { flush: true });
  renameSync(`${file}.new`, file);
}

/**
 * What a web application does: it publishes, follows a topic and goes on after every lost connection from where it was, also when
 * the page is loaded again, and checks by itself that a message is what its origin signed.
 *
 * The address's fragment has the settings: `#gateway=http://127.0.0.1:8080&token=…&topic=hello`. Fragments are not sent to servers.
 */
import { createClient } from 'graphql-sse';
import { verifyMessageProof } from 'verify-message';

/**
 * @typedef {{ id: string, author: string, body: string }} Message
 * @typedef {{ messages: Message[], since?: string }} Shown
 */

const settings = new URLSearchParams(location.hash.slice(1));
const url = `${settings.get('gateway') ?? 'http://127.0.0.1:8080'}/web/graphql`;
const headers = { authorization: `Bearer ${settings.get('token') ?? ''}` };
const topic = settings.get('topic') ?? 'hello';
/** Longest pause between two attempts, in milliseconds: random, so that not all pages come back at once. */
const pauseMs = 1_000;

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const input = /** @type {HTMLInputElement} */ (element('body'));
const proof = /** @type {HTMLTextAreaElement} */ (element('proof'));

element('topic').textContent = topic;
element('publish').addEventListener('submit', (event) => {
  event.preventDefault();
  const body = input.value;
  input.value = '';
  void publish(body);
});
element('check').addEventListener('submit', (event) => {
  event.preventDefault();
  check();
});
void follow();

/**
 * The key is made once: however often the message has to be sent, it is one.
 *
 * @param {string} body
 */
async function publish(body) {
  const document = 'mutation ($input: PublishInput!) { publish(input: $input) { message { id } } }';
  const message = { topic, body, idempotencyKey: crypto.randomUUID() };
  for (;;) {
    try {
      await ask(document, { input: message });
      return;
    } catch (error) {
      tell(`Not published yet: ${error instanceof Error ? error.message : error}`);
      await pause();
    }
  }
}

/** Shows the newest messages and then what comes after them; when the page is loaded again, what was shown and what has come since. */
async function follow() {
  const document = `subscription ($topic: String!, $since: String) {
    messageAdded(topic: $topic, since: $since) { message { id author body } consistencyToken }
  }`;
  const client = createClient({ url, headers, retryAttempts: 0 });
  const shown = load();
  for (const message of shown.messages) show(message);
  for (;;) {
    try {
      if (shown.since === undefined) take(shown, await newest());
      const events = client.iterate({ query: document, variables: { topic, since: shown.since } });
      tell('Following');
      for await (const { data, errors } of events) {
        if (data == null) throw new Error(errors?.[0]?.message);
        const { message, consistencyToken } = data.messageAdded;
        take(shown, { messages: [message], since: consistencyToken });
      }
    } catch (error) {
      tell(`Not connected, trying again: ${error instanceof Error ? error.message : ''}`);
    }
    await pause();
  }
}

/** A page and the place in all logs that it was read at: what comes after that is exactly what is not on the page. */
async function newest() {
  const document = `query ($topic: String!) { messages(topic: $topic, last: 50) {
    edges { node { id author body } } consistencyToken } }`;
  const { messages } = await ask(document, { topic });
  return { messages: messages.edges.map((/** @type {any} */ { node }) => node), since: messages.consistencyToken };
}

/**
 * Message and token in one step: with either alone something would be missing after the page is loaded again, or come twice.
 *
 * @param {Shown} shown
 * @param {Shown} more
 */
function take(shown, { messages, since }) {
  shown.messages.push(...messages);
  shown.since = since;
  sessionStorage.setItem(topic, JSON.stringify(shown));
  for (const message of messages) show(message);
}

/** @returns {Shown} */
function load() {
  return JSON.parse(sessionStorage.getItem(topic) ?? '{"messages": []}');
}

/** @param {Message} message */
function show({ id, author, body }) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.textContent = 'Prove';
  button.addEventListener('click', () => void prove(id));
  item.append(`${author}: ${body} `, button);
  element('messages').append(item);
}

/** @param {string} id */
async function prove(id) {
  const document = `query ($id: ID!) { inclusionProof(id: $id) {
    id origin seq treeSize path entry head { origin size root hlc publicKey signature } } }`;
  const { inclusionProof } = await ask(document, { id });
  proof.value = JSON.stringify(inclusionProof, null, 2);
  check();
}

/** Without asking anybody: whatever served the message and its proof, the origin's signature decides. */
function check() {
  const verdict = verifyMessageProof(parsed(proof.value));
  element('verdict').textContent = verdict.valid
    ? `Proven: entry ${verdict.seq} of ${verdict.origin} says “${bodyOf(verdict)}”.`
    : `Refused at the step ${verdict.step}: ${verdict.reason}`;
}

/** What the origin signed for, not what stood beside the proof. */
function bodyOf(/** @type {{ entry?: { body: Uint8Array } }} */ { entry }) {
  return entry === undefined ? '(erased)' : new TextDecoder().decode(entry.body);
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param {string} query
 * @param {object} variables
 * @returns {Promise<any>}
 */
async function ask(query, variables) {
  const body = JSON.stringify({ query, variables });
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
  });
  const { data, errors, detail } = await response.json();
  if (errors !== undefined || data == null) throw new Error(errors?.[0]?.message ?? detail);
  return data;
}

/** @param {string} state */
function tell(state) {
  element('state').textContent = state;
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, pauseMs * Math.random()));
}

// One screen that answers "do the replicas agree?". What comes from the cluster is put in as text, never as markup.

const pollMs = 1_500;
const query = `{ cluster {
  consistency { verdict pairs { a b state by } }
  nodes { name state reachable root messages }
} }`;
const verdicts = {
  equal: ['All replicas agree', 'Every node holds the same messages, byte for byte.'],
  behind: ['Replicas are catching up', 'Some lack messages that others have. Gossip brings them by itself.'],
  forked: ['Replicas contradict each other', 'This is damage, not lag, and does not heal by itself.'],
  unreachable: ['Some nodes do not answer', 'Those that answer do not contradict each other.'],
};
/** How `b` stands to `a` when `a` stands to `b` like this; the other states look the same from both sides. */
const opposite = { behind: 'ahead', ahead: 'behind' };
const byId = (id) => document.getElementById(id);
let timer;

function takeTokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  sessionStorage.setItem('token', token);
  // The token must not stay in the address bar, nor in the history.
  history.replaceState(null, '', location.pathname);
}

async function fetchCluster() {
  const response = await fetch('/web/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${sessionStorage.getItem('token')}` },
    body: JSON.stringify({ query }),
    signal: AbortSignal.timeout(10_000),
  });
  const { data, errors, detail } = await response.json();
  if (data) return data.cluster;
  const message = errors?.[0]?.message ?? detail ?? 'The answer makes no sense.';
  throw Object.assign(new Error(message), { refused: response.status === 401 || response.status === 403 });
}

async function refresh() {
  clearTimeout(timer);
  if (sessionStorage.getItem('token') === null) return askForToken('Sign in to see the cluster', '');
  try {
    showCluster(await fetchCluster());
  } catch (error) {
    if (error.refused) return askForToken('This token does not open the cluster', error.message);
    showVerdict('', 'The cluster cannot be asked', error.message);
    byId('report').hidden = true;
  }
  byId('checked').textContent = `Asked at ${new Date().toLocaleTimeString()}`;
  timer = setTimeout(refresh, pollMs);
}

function askForToken(headline, detail) {
  sessionStorage.removeItem('token');
  showVerdict('', headline, detail);
  byId('report').hidden = true;
  byId('sign-in').hidden = false;
}

function showVerdict(tone, headline, detail) {
  byId('verdict').dataset.tone = tone;
  // Unchanged text is left alone: screen readers would read it out again.
  if (byId('headline').textContent !== headline) byId('headline').textContent = headline;
  if (byId('detail').textContent !== detail) byId('detail').textContent = detail;
}

function showCluster({ consistency: { verdict, pairs }, nodes }) {
  const silent = nodes.filter(({ reachable }) => !reachable).map(({ name }) => name);
  const [headline, detail] = verdicts[verdict];
  showVerdict(verdict, headline, silent.length === 0 ? detail : `${detail} No answer from ${silent.join(', ')}.`);
  byId('sign-in').hidden = true;
  byId('report').hidden = false;
  const names = nodes.map(({ name }) => name);
  byId('pairs').replaceChildren(
    row(['', ...names].map(columnHead)),
    ...names.map((a) => row([rowHead(a), ...names.map((b) => pairCell(pairs, a, b))])),
  );
  byId('nodes').replaceChildren(row(['Node', 'State', 'Messages', 'Root'].map(columnHead)), ...nodes.map(nodeRow));
}

function pairCell(pairs, a, b) {
  const pair = pairs.find((one) => (one.a === a && one.b === b) || (one.a === b && one.b === a));
  if (pair === undefined) return cell('td', '·');
  const state = pair.a === a ? pair.state : (opposite[pair.state] ?? pair.state);
  return cell('td', pair.by > 0 ? `${state} by ${pair.by.toLocaleString()}` : state, state);
}

function nodeRow({ name, state, reachable, root, messages }) {
  const shown = reachable ? state : 'unreachable';
  const rootCell = cell('td', root === null ? '–' : `${root.slice(0, 16)}…`);
  rootCell.title = root ?? '';
  return row([rowHead(name), cell('td', shown, shown), cell('td', messages?.toLocaleString() ?? '–'), rootCell]);
}

function row(cells) {
  const line = document.createElement('tr');
  line.append(...cells);
  return line;
}

function cell(tag, text, tone = '') {
  const element = document.createElement(tag);
  element.textContent = text;
  element.dataset.tone = tone;
  return element;
}

const columnHead = (text) => Object.assign(cell('th', text), { scope: 'col' });
const rowHead = (text) => Object.assign(cell('th', text), { scope: 'row' });

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('token', byId('token').value.trim());
  byId('token').value = '';
  void refresh();
});
takeTokenFromAddress();
void refresh();

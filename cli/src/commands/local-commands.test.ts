import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { apiKeyFileSchema, apiKeyHash, apiKeyIdOf } from '@grapevine/shared/identity/api-key.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import { spawnGrapevine } from '@grapevine/test/e2e/command.ts';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { makeMissingSecrets } from '../supervisor/secrets.ts';
import { runCommand } from './command.fixture.ts';

test('token prints one token with the claims that were asked for, and nothing else', async () => {
  await using folder = await temporaryFolder();
  await makeMissingSecrets(`${folder.path}/secrets`, systemRandom);
  const options = ['--scope', 'messages:read,cluster:read', '--subject', 'ada', '--ttl', '2h', '--alg', 'HS256'];
  const { code, stdout, stderr } = await runCommand(['token', '--data-dir', folder.path, ...options]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const token = stdout.trimEnd();
  assert.equal(decodeProtectedHeader(token).alg, 'HS256');
  const { sub, scope, iat = 0, exp, iss, aud } = decodeJwt(token);
  assert.deepEqual(
    { sub, scope, iss, aud, ttl: (exp ?? 0) - iat },
    { sub: 'ada', scope: 'messages:read cluster:read', iss: 'grapevine', aud: 'grapevine', ttl: 7_200 },
  );
});

test('--json gives tokens and keys with what a script needs to know of them', async () => {
  await using folder = await temporaryFolder();
  await makeMissingSecrets(`${folder.path}/secrets`, systemRandom);
  const signed = JSON.parse((await runCommand(['token', '--data-dir', folder.path, '--ttl', '2h', '--json'])).stdout);
  assert.equal(decodeJwt(signed.token).sub, 'cli');
  assert.equal(signed.expiresInSeconds, 7_200);
  const made = JSON.parse((await runCommand(['api-key', '--data-dir', folder.path, '--json'])).stdout);
  assert.deepEqual([made.id, made.expires], [apiKeyIdOf(made.key), null]);
});

test('token refuses what it cannot sign for', async () => {
  const cases = [
    ['--scope', 'everything', /There is no scope everything; expected some of messages:read/],
    ['--ttl', '5', /Expected a duration such as 90s/],
    ['--alg', 'none', /Allowed choices are EdDSA, HS256/],
    ['--subject', '', /Expected 1 to 256 characters/],
  ] as const;
  for (const [flag, value, message] of cases) {
    const { code, stderr } = await runCommand(['token', flag, value]);
    assert.equal(code, 64);
    assert.match(stderr, message);
  }
});

test('api-key prints one key and keeps its hash; several add up', async () => {
  await using folder = await temporaryFolder();
  await makeMissingSecrets(`${folder.path}/secrets`, systemRandom);
  const options = ['--subject', 'ada', '--scope', 'cluster:read', '--rate', '50/200', '--ttl', '2h'];
  const first = await runCommand(['api-key', '--data-dir', folder.path, ...options]);
  const second = await runCommand(['api-key', '--data-dir', folder.path]);
  assert.deepEqual([first.code, first.stderr, second.code], [0, '', 0]);
  const text = await readFile(`${folder.path}/secrets/api-keys.json`, 'utf8');
  const { keys } = apiKeyFileSchema.parse(JSON.parse(text));
  for (const [index, key] of [first.stdout.trimEnd(), second.stdout.trimEnd()].entries()) {
    assert.equal(keys[index]?.id, apiKeyIdOf(key));
    assert.equal(keys[index]?.sha256, apiKeyHash(key).toString('hex'));
    assert.ok(!text.includes(key.slice(-43)), 'the secret is not kept');
  }
  const { subject, scopes, rate } = keys[0] ?? {};
  assert.deepEqual(
    { subject, scopes, rate },
    { subject: 'ada', scopes: ['cluster:read'], rate: { perSecond: 50, burst: 200 } },
  );
  const refused = await runCommand(['api-key', '--data-dir', folder.path, '--rate', '5/4']);
  assert.deepEqual([refused.code, /at least as many/.test(refused.stderr)], [64, true]);
  const elsewhere = await runCommand(['api-key', '--data-dir', `${folder.path}/none`]);
  assert.deepEqual([elsewhere.code, /grapevine up/.test(elsewhere.stderr)], [1, true]);
});

test('config check lists every problem with its place', async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/grapevine.yaml`;
  await writeFile(file, 'gateway:\n  port: 99999\nnode:\n  nam: x\n');
  const bad = await runCommand(['config', 'check', file], { env: { GRAPEVINE_LOG__LEVEL: 'loud' } });
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, new RegExp(`^${file}:2:3: gateway\\.port: expected at most 65535, found 99999$`, 'm'));
  assert.match(bad.stderr, new RegExp(`^${file}:4:3: node\\.nam: there is no such option`, 'm'));
  assert.match(bad.stderr, /^GRAPEVINE_LOG__LEVEL: log\.level: /m);
  const forPrograms = await runCommand(['config', 'check', file, '--json']);
  const { problems } = JSON.parse(forPrograms.stdout) as { problems: { place: string; message: string }[] };
  assert.deepEqual([forPrograms.code, forPrograms.stderr, problems.length], [1, '', 2]);
  assert.equal(problems[0]?.place, `${file}:4:3`);
  await writeFile(file, 'gateway:\n  port: 8443\n');
  assert.deepEqual(await runCommand(['config', 'check', file]), { code: 0, stdout: `${file} is good.\n`, stderr: '' });
  const missing = await runCommand(['config', 'check', `${file}.old`]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /Cannot read the configuration file .*\[CONFIG_INVALID\]/);
});

test('config schema describes every option for an editor', async () => {
  const schema = JSON.parse((await runCommand(['config', 'schema'])).stdout);
  assert.deepEqual(Object.keys(schema.properties), [
    'log',
    'tracing',
    'secrets',
    'node',
    'bffWeb',
    'bffMobile',
    'gateway',
  ]);
  assert.match(schema.properties.node.properties.gossip.properties.fanout.description, /Peers asked/);
});

test('a reader that has had enough, such as head, is no failure', async () => {
  const { child, ended } = spawnGrapevine(['config', 'schema']);
  child.stderr.resume();
  child.stdout.destroy();
  assert.equal(await ended, 0);
});

test('a service in the foreground ends as its process ends', async () => {
  const { code } = await runCommand(['bff-web', '--config', '/nowhere/grapevine.yaml']);
  assert.equal(code, 1);
});

test('without a local cluster, commands say how to get one', async () => {
  await using folder = await temporaryFolder();
  const { code, stderr } = await runCommand(['status', '--data-dir', folder.path]);
  assert.equal(code, 2);
  assert.match(stderr, /^grapevine: no cluster runs from .*; start one with `npm start`, or name a gateway with --url/);
});

test('the local cluster is found by its file, and its tokens go nowhere else', async () => {
  await using folder = await temporaryFolder();
  await mkdir(folder.path, { recursive: true });
  const gateway = 'http://127.0.0.1:9';
  const tokens = { web: 'w', mobile: 'm', operator: 'o' };
  const content = { gateway, admin: gateway, console: gateway, tokens, processes: [] };
  await writeFile(`${folder.path}/cluster.json`, JSON.stringify(content));
  const local = await runCommand(['status', '--data-dir', folder.path]);
  assert.match(local.stderr, /cannot reach the gateway at http:\/\/127\.0\.0\.1:9 /);
  const elsewhere = await runCommand(['status', '--data-dir', folder.path, '--url', 'http://127.0.0.1:10']);
  assert.match(elsewhere.stderr, /there is no token for http:\/\/127\.0\.0\.1:10/);
  const options = ['status', '--data-dir', folder.path];
  const wrong = await runCommand([...options, '--url', 'ftp://x']);
  assert.deepEqual([elsewhere.code, wrong.code], [64, 64]);
  assert.match(wrong.stderr, /--url is ftp:\/\/x; expected http/);
  const wrongPort = await runCommand(options, { env: { GRAPEVINE_URL: 'http://x:99999' } });
  assert.equal(wrongPort.code, 64);
  assert.match(wrongPort.stderr, /GRAPEVINE_URL is http:\/\/x:99999; expected http/);
});

test('a data folder that is none, or holds a broken file, is named in one line', async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/file`;
  await writeFile(file, '');
  const up = await runCommand(['up', '--data-dir', file]);
  assert.equal(up.code, 1);
  assert.match(
    up.stderr,
    /^grapevine: cannot make the data folder .*\/file \(EEXIST\); name another .*--data-dir\.\n$/,
  );
  const fsck = await runCommand(['fsck', file]);
  assert.equal(fsck.code, 1);
  assert.match(fsck.stderr, /^grapevine: cannot read .*\/file \(ENOTDIR\); name the data folder .*\n$/);
  await writeFile(`${folder.path}/cluster.json`, '{');
  const status = await runCommand(['status', '--data-dir', folder.path]);
  assert.equal(status.code, 1);
  assert.match(status.stderr, /^grapevine: .*\/cluster\.json is not valid JSON.*\[DATA_DIR_UNUSABLE\]\n$/);
});

test('help shows defaults as they are typed, and a token without scopes is not made', async () => {
  const help = (await runCommand(['token', '--help'])).stdout.replace(/\s+/g, ' ');
  assert.match(help, /\(default: messages:read messages:write\)/);
  assert.match(help, /\(default: 1h\)/);
  assert.doesNotMatch((await runCommand(['publish', '--help'])).stdout, /default: \{\}/);
  const none = await runCommand(['token', '--scope', ' ']);
  assert.deepEqual([none.code, /at least one of messages:read/.test(none.stderr)], [64, true]);
});

test('fsck refuses the folder of a cluster that runs', async () => {
  await using folder = await temporaryFolder();
  const gateway = 'http://127.0.0.1:9';
  const tokens = { web: 'w', mobile: 'm', operator: 'o' };
  const processes = [{ name: 'node-1', pid: process.pid, http: gateway }];
  const content = { gateway, admin: gateway, console: gateway, tokens, processes };
  await writeFile(`${folder.path}/cluster.json`, JSON.stringify(content));
  const { code, stderr } = await runCommand(['fsck', folder.path]);
  assert.equal(code, 1);
  assert.match(stderr, /^grapevine: a cluster runs from .*; stop it first/);
});

test('help stands on its own for every command, with examples', async () => {
  const { stdout } = await runCommand(['--help']);
  const commands = [...stdout.matchAll(/^ {2}([a-z-]+) /gm)]
    .map(([, name]) => name ?? '')
    .filter((name) => name !== 'help' && name !== 'grapevine');
  for (const name of [
    'up',
    'node',
    'gateway',
    'bff-web',
    'bff-mobile',
    'token',
    'publish',
    'tail',
    'status',
    'compare',
    'verify',
    'fsck',
    'config',
    'completion',
  ]) {
    assert.ok(commands.includes(name), name);
    const help = await runCommand([name, '--help']);
    assert.equal(help.code, 0, name);
    if (name !== 'config') assert.match(help.stdout, /Examples?:\n {2}grapevine/, name);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from './options.ts';

const read = (...args: readonly string[]) => readOptions(args, {});

test('without options: a mixed load at a rate for half a minute', () => {
  const options = read();
  assert.deepEqual(options?.loop, { kind: 'open', rate: 200 });
  assert.equal(options?.scenario, 'mixed');
  assert.equal(options?.seconds, 30);
  assert.equal(options?.target, undefined);
  assert.deepEqual(read('--scenario', 'soak')?.loop, { kind: 'open', rate: 50 });
  assert.equal(read('--scenario', 'soak')?.seconds, 600);
  assert.equal(read('--help'), undefined);
});

test('what is given counts', () => {
  const options = read('--connections', '7', '--duration', '10m', '--chaos', 'kill,drop', '--max-p99', '12.5');
  assert.deepEqual(options?.loop, { kind: 'closed', connections: 7 });
  assert.equal(options?.seconds, 600);
  assert.deepEqual(options?.chaos, ['kill', 'drop']);
  assert.equal(options?.maxP99Ms, 12.5);
  const environment = { GRAPEVINE_TOKEN: 'secret' };
  assert.deepEqual(readOptions(['--target', 'http://127.0.0.1:8080/'], environment)?.target, {
    url: 'http://127.0.0.1:8080',
    token: 'secret',
  });
});

const refused: readonly [readonly string[], RegExp][] = [
  [['--scenario', 'phone'], /--scenario: found "phone", expected web, mobile/],
  [['--rate', '5', '--connections', '5'], /expected one/],
  [['--rate', '0'], /--rate: found "0", expected a number from 1 to 20000/],
  [['--rate', '20001'], /--rate/],
  [['--connections', '1.5'], /expected a whole number/],
  [['--duration', '25h'], /--duration: found "25h"/],
  [['--duration', 'soon'], /--duration: found "soon"/],
  [['--chaos', 'kill,burn'], /--chaos: found "burn", expected kill, stop, drop/],
  [['--chaos', 'kill', '--target', 'http://a', '--token', 't'], /--chaos and --target/],
  [['--target', 'http://a'], /needs --token/],
  [['--token', 't'], /--token needs --target/],
  [['--target', 'http://user:word@a', '--token', 't'], /--target: found/],
  [['--target', 'a:80', '--token', 't'], /--target: found "a:80"/],
  [['--max-error-rate', '2'], /--max-error-rate: found "2"/],
  [['--fast'], /--fast/],
];
for (const [args, message] of refused) {
  test(`${args.join(' ')} is refused`, () => assert.throws(() => read(...args), message));
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaTypeSchema } from './media-type.ts';

const taken = (text: string): boolean => mediaTypeSchema.safeParse(text).success;

test('takes what RFC 9110 calls a media type', () => {
  const types = [
    'text/plain',
    'text/plain; charset=utf-8',
    'TEXT/HTML;Charset="utf-8"',
    'application/vnd.api+json \t; \t a=b;c="d;\\"e\t"',
    'text/plain;',
    'a/b; ;c=d',
    `a/${'b'.repeat(126)}`,
  ];
  for (const type of types) assert.ok(taken(type), type);
});

test('refuses what is none', () => {
  const texts = ['', 'text', 'text/', '/plain', 'text /plain', ' text/plain', 'text/plain ', 'text/plain, text/html'];
  const parameters = [
    'charset',
    'charset=',
    '=utf-8',
    'charset = utf-8',
    'charset="utf-8',
    'a="\u0000"',
    'a=b c',
    'a=ä',
  ];
  const breaks = ['text/plain\n', 'text/plain\r\nx: y', 'text/\u0000plain', 'text/plain;\n charset=utf-8'];
  const long = `a/${'b'.repeat(127)}`;
  for (const text of [...texts, ...parameters.map((parameter) => `text/plain; ${parameter}`), ...breaks, long]) {
    assert.equal(taken(text), false, JSON.stringify(text));
  }
});

test('what almost fits is not tried in exponentially many ways', () => {
  for (const part of ['; ', ' ; ', ';a=b', '; a="\\""']) assert.equal(taken(`a/b${part.repeat(40)}\n`), false);
});

import type { Message } from './node-api.ts';

const hash = /^[0-9a-f]{64}$/;
const origin = /^[0-9a-f]{32}$/;
const hlc = /^[0-9a-f]{16}$/;

/**
 * Whether `value` is a list that `messageSchema` takes item by item. Pages are most of what nodes answer with, and to look at
 * one by the schema costs as much as to parse its JSON. Members that the schema does not know stay where they are.
 */
export function areMessages(value: unknown): value is Message[] {
  return Array.isArray(value) && value.every(isMessage);
}

function isMessage(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const message = value as Readonly<Record<keyof Message, unknown>>;
  return (
    isText(message.id, hash) &&
    isText(message.origin, origin) &&
    Number.isSafeInteger(message.seq) &&
    (message.seq as number) >= 0 &&
    isText(message.hlc, hlc) &&
    typeof message.topic === 'string' &&
    typeof message.author === 'string' &&
    typeof message.contentType === 'string' &&
    isHeaders(message.headers) &&
    (message.key === null || typeof message.key === 'string') &&
    typeof message.body === 'string'
  );
}

function isText(value: unknown, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value);
}

function isHeaders(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const name in value) if (typeof (value as Record<string, unknown>)[name] !== 'string') return false;
  return true;
}

import type { IncomingHttpHeaders } from 'node:http';
import { type Identity, identityHeader } from '@grapevine/shared/identity/identity.ts';
import type { EdgeRequest } from '../request-context.ts';

/** The headers of a request by which its answer was selected (RFC 9111 section 4.1), names and values. */
export type Selection = readonly (readonly [name: string, value: string])[];

/** What the headers say that a request is asked by, as the upstream gets them. */
export type HeaderReader = (name: string) => string;

export function variesByEverything(vary: string | undefined): boolean {
  return vary?.includes('*') === true;
}

/** The names in `Vary`, in lower case, each once. */
export function variedNames({ vary }: IncomingHttpHeaders): readonly string[] {
  if (vary === undefined) return [];
  return [...new Set(vary.split(',').map((name) => name.trim().toLowerCase()))].filter((name) => name !== '').sort();
}

export function selectionOf(names: readonly string[], read: HeaderReader): Selection {
  return names.map((name) => [name, read(name)]);
}

/** Whether another request would have been answered alike. */
export function selects(selection: Selection, read: HeaderReader): boolean {
  return selection.every(([name, value]) => read(name) === value);
}

/**
 * Reads the headers that a request is forwarded with. Those that the gateway makes itself are read as it makes them: what a
 * client writes under their names reaches nobody and selects nothing.
 */
export function forwardedHeaderReader({ headers, context }: EdgeRequest): HeaderReader {
  return (name) => {
    switch (name) {
      case identityHeader:
      case 'authorization':
      case 'x-api-key':
        return principalOf(context.identity) ?? '';
      case 'host':
      case 'x-forwarded-host':
        return headers.host ?? '';
      case 'x-forwarded-for':
        return context.address;
      case 'x-forwarded-proto':
        return context.scheme;
      case 'x-request-id':
        return context.requestId;
      default:
        return normalized(headers[name]);
    }
  };
}

/** A token that is known has the same identity each time. */
const principals = new WeakMap<Identity, string>();

/** What an answer for one caller depends on: who it is, and what it may do. */
export function principalOf(identity: Identity | undefined): string | undefined {
  if (identity === undefined) return undefined;
  let principal = principals.get(identity);
  if (principal === undefined) {
    principal = `${identity.subject} ${identity.scopes.join(' ')}`;
    principals.set(identity, principal);
  }
  return principal;
}

/** White space around members of a list does not count (RFC 9110 section 5.6.1), and everything else does. */
function normalized(value: string | readonly string[] | undefined): string {
  if (value === undefined) return '';
  const text = typeof value === 'string' ? value : value.join(',');
  return text.replace(/\s*,\s*/g, ',').trim();
}

/** What the cache did for a request, for logs and metrics. */
export type CacheVerdict =
  /** Answered from what is kept, which was fresh. */
  | 'hit'
  /** Answered from what is kept, though it was not fresh. */
  | 'stale'
  /** The upstream said that what is kept still holds. */
  | 'revalidated'
  /** Answered with what another request brought at the same time. */
  | 'collapsed'
  /** Fetched. */
  | 'miss'
  /** Nothing that could be kept or used. */
  | 'bypass';

/** Why a request went on to the upstream (RFC 9211 section 2.2). */
export type Forwarded = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'stale' | 'request';

/** How the gateway calls itself among the caches that an answer passed. */
const cacheName = 'grapevine';

/** A member of `Cache-Status` (RFC 9211). */
export function hitStatus(leftSeconds: number): string {
  return `${cacheName}; hit; ttl=${Math.trunc(leftSeconds)}`;
}

export function forwardedStatus(
  why: Forwarded,
  more: {
    readonly status?: number;
    readonly leftSeconds?: number;
    readonly stored?: boolean;
    readonly collapsed?: boolean;
  } = {},
): string {
  const { status, leftSeconds, stored, collapsed } = more;
  return [
    `${cacheName}; fwd=${why}`,
    ...(status === undefined ? [] : [`fwd-status=${status}`]),
    ...(leftSeconds === undefined ? [] : [`ttl=${Math.trunc(leftSeconds)}`]),
    ...(stored === true ? ['stored'] : []),
    ...(collapsed === true ? ['collapsed'] : []),
  ].join('; ');
}

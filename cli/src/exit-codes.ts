/** How commands end. Scripts rely on these numbers. */
export const exitCodes = {
  /** Done; for `status`: replicas agree, or some are only behind. */
  ok: 0,
  /** Failed, refused or found damage; for `status`: forked. */
  failed: 1,
  /** Something could not be reached. */
  unreachable: 2,
  /** The command line is wrong (EX_USAGE of sysexits(3)). */
  usage: 64,
} as const;

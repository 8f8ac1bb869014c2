/** Limits that clients can see. They are part of the contract: the gateway, the BFFs and the nodes all apply the same numbers. */
export const limits = {
  /** Default largest message body, in bytes of UTF-8. Entries up to this size share a 64 KiB segment or get one of their own. */
  messageBodyBytes: 256 * 1024,
  /** Messages in one publish request: one group commit's worth, so that a batch is never torn over many segments. */
  publishBatch: 256,
  /** Items in one page; a page of full-size bodies stays below 26 MiB. */
  pageSize: 100,
  defaultPageSize: 20,
  /** Ids in one batch read: the URL stays below half of Node's 16 KiB header limit. */
  idsPerRead: 100,
  /** Nodes that one publish can wait for; more replicas than this do not exist in one cluster. */
  acks: 64,
  /** Longest wait for acks, or for a replica to reach a consistency token, in milliseconds. */
  waitMs: 30_000,
  /** Origins in one consistency token: bounds what a forged token can make a node allocate (22 bytes each). */
  tokenOrigins: 1024,
} as const;

/**
 * The closed list of error codes. Every error that leaves a process carries one of them: REST in the problem document's
 * `code`, GraphQL in `extensions.code`, the CLI in brackets. `docs/errors.md` is printed from this table.
 */
export interface ErrorDefinition {
  /** HTTP status that carries the code. */
  readonly status: number;
  /** One line for the problem document's `title`. */
  readonly title: string;
  /** What the caller can do about it. */
  readonly remedy: string;
  /** Whether sending the same request again later can succeed. */
  readonly retryable: boolean;
}

export const catalogue = {
  BAD_REQUEST: {
    status: 400,
    title: 'The request is malformed',
    remedy: 'Correct the request as the detail says.',
    retryable: false,
  },
  INVALID_JSON: {
    status: 400,
    title: 'The body is not valid JSON',
    remedy: 'Send well-formed JSON with content type application/json.',
    retryable: false,
  },
  INVALID_ARGUMENT: {
    status: 400,
    title: 'An argument has a value that is not allowed',
    remedy: 'The detail names the argument, what was found and what is allowed.',
    retryable: false,
  },
  INVALID_TOPIC: {
    status: 400,
    title: 'The topic name is not allowed',
    remedy: 'Use 1 to 200 characters of A-Z a-z 0-9 . _ : / -',
    retryable: false,
  },
  INVALID_CURSOR: {
    status: 400,
    title: 'The cursor or token was not made by this API',
    remedy: 'Send back a cursor or token exactly as it was received, or start from the beginning.',
    retryable: false,
  },
  GRAPHQL_PARSE_FAILED: {
    status: 400,
    title: 'The GraphQL document does not parse',
    remedy: 'Correct the document at the location given.',
    retryable: false,
  },
  GRAPHQL_VALIDATION_FAILED: {
    status: 400,
    title: 'The GraphQL document does not fit the schema',
    remedy: 'Correct the document as the message says.',
    retryable: false,
  },
  QUERY_TOO_COMPLEX: {
    status: 400,
    title: 'The GraphQL document asks for too much at once',
    remedy: 'Ask for fewer fields, levels, aliases or items.',
    retryable: false,
  },
  UNAUTHENTICATED: {
    status: 401,
    title: 'No valid credentials',
    remedy: 'Send a valid, unexpired token as Authorization: Bearer <token>, or an API key as X-API-Key.',
    retryable: false,
  },
  REVOKED: {
    status: 401,
    title: 'The credentials were revoked',
    remedy: 'Get new ones from whoever runs this cluster.',
    retryable: false,
  },
  FORBIDDEN: {
    status: 403,
    title: 'The credentials do not allow this',
    remedy: 'Use a token with the scope that is missing; `grapevine token --scope` makes one.',
    retryable: false,
  },
  ADDRESS_REFUSED: {
    status: 403,
    title: 'This address may not call',
    remedy: 'Call from an address that the gateway allows.',
    retryable: false,
  },
  OPERATION_NOT_ALLOWED: {
    status: 403,
    title: 'Only listed operations are executed here',
    remedy: 'Name an operation of the list by its hash, or have its operator add this one.',
    retryable: false,
  },
  PERSISTED_QUERY_NOT_FOUND: {
    status: 404,
    title: 'No document is known by this hash',
    remedy: 'Send the document together with its hash; the next time the hash is enough.',
    retryable: false,
  },
  NOT_FOUND: {
    status: 404,
    title: 'There is no such resource',
    remedy: 'Check the path or the identifier.',
    retryable: false,
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'The resource does not support this method',
    remedy: 'Use a method that the Allow header names.',
    retryable: false,
  },
  NOT_ACCEPTABLE: {
    status: 406,
    title: 'The answer has no form that the Accept header allows',
    remedy: 'Allow a media type that the detail names, or send no Accept header.',
    retryable: false,
  },
  REQUEST_TIMEOUT: {
    status: 408,
    title: 'The request did not arrive in time',
    remedy: 'Send the whole request without long pauses.',
    retryable: true,
  },
  SLOW_READER: {
    status: 408,
    title: 'The client did not take what it had subscribed to',
    remedy: 'Subscribe again with the last token as since: nothing is lost.',
    retryable: true,
  },
  NOT_YET: {
    status: 409,
    title: 'This replica does not yet hold what the consistency token covers',
    remedy: 'Try again shortly, or at another node.',
    retryable: true,
  },
  REPAIR_UNDER_WAY: {
    status: 409,
    title: 'The node is busy with a repair',
    remedy: 'Wait until that one is through; grapevine status shows what is in quarantine meanwhile.',
    retryable: true,
  },
  ERASED: {
    status: 410,
    title: 'Retention has erased this message',
    remedy: 'Its place and hash remain: ask for its proof to see that it was there.',
    retryable: false,
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    title: 'The body is too large',
    remedy: 'Stay within the limit that the detail names.',
    retryable: false,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'The content type is not supported',
    remedy: 'Send the content type that the detail names.',
    retryable: false,
  },
  RELOAD_REFUSED: {
    status: 422,
    title: 'The new configuration cannot be put in force',
    remedy: 'Correct the file at the places named and try again; until then the configuration before stays in force.',
    retryable: false,
  },
  UPGRADE_REFUSED: {
    status: 426,
    title: 'This path does not take protocol upgrades',
    remedy: 'Open the WebSocket on a path that supports it.',
    retryable: false,
  },
  RATE_LIMITED: {
    status: 429,
    title: 'Too many requests',
    remedy: 'Wait for as many seconds as Retry-After says.',
    retryable: true,
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: 'The request headers are too large',
    remedy: 'Send fewer or shorter headers.',
    retryable: false,
  },
  INTERNAL: {
    status: 500,
    title: 'Something broke on our side',
    remedy: 'Report the request id; the log has the cause under it.',
    retryable: true,
  },
  UPSTREAM_FAILED: {
    status: 502,
    title: 'The service behind this one gave no usable answer',
    remedy: 'Try again; if it stays, look at the health of that service.',
    retryable: true,
  },
  OVERLOADED: {
    status: 503,
    title: 'Too much work is waiting',
    remedy: 'Wait for as many seconds as Retry-After says.',
    retryable: true,
  },
  UNAVAILABLE: {
    status: 503,
    title: 'The service is not available right now',
    remedy: 'Wait for as many seconds as Retry-After says.',
    retryable: true,
  },
  QUARANTINED: {
    status: 503,
    title: 'This replica is mending its copy of what was asked for',
    remedy: 'Try again at another node, or here in a while; no message is lost while another replica holds it.',
    retryable: true,
  },
  DISK_FULL: {
    status: 503,
    title: 'The disk of this node has no room',
    remedy:
      'Make room where the data folder lies; the node notices and takes writes again. Other nodes take them meanwhile.',
    retryable: true,
  },
  DISK_FAILED: {
    status: 503,
    title: 'This node cannot write to its disk',
    remedy:
      "Look into the system's log for the device; the node tries again every second. Other nodes take writes meanwhile.",
    retryable: true,
  },
  OUTCOME_UNKNOWN: {
    status: 503,
    title: 'The disk of this node failed, or gave no answer, while it was writing',
    remedy: 'Whether the message was stored is unknown: send it again with the same idempotency key.',
    retryable: true,
  },
  UPSTREAM_TIMEOUT: {
    status: 504,
    title: 'The service behind this one did not answer in time',
    remedy: 'Try again; publishes should carry an idempotency key so that trying again is safe.',
    retryable: true,
  },
  NOT_CACHED: {
    status: 504,
    title: 'No answer is kept that could be given',
    remedy: 'Ask without Cache-Control: only-if-cached.',
    retryable: true,
  },
  CONFIG_INVALID: {
    status: 500,
    title: 'The configuration is not valid',
    remedy: 'Correct the file at the places named.',
    retryable: false,
  },
  PORT_TAKEN: {
    status: 500,
    title: 'A port is already in use',
    remedy: 'Stop what uses the port, or move all ports with --base-port.',
    retryable: true,
  },
  DATA_DAMAGED: {
    status: 500,
    title: 'Stored data failed verification',
    remedy: 'Stop the node and run grapevine fsck on its data folder; it names what is damaged.',
    retryable: false,
  },
  DATA_DIR_UNUSABLE: {
    status: 500,
    title: 'The data folder cannot be used',
    remedy: 'Check that it exists and that this process may write to it, as the detail says.',
    retryable: false,
  },
  DATA_DIR_IN_USE: {
    status: 500,
    title: 'Another process uses the data folder',
    remedy: 'Stop the other process, or give this one a folder of its own with --data-dir.',
    retryable: true,
  },
  DATA_DIR_FOREIGN: {
    status: 500,
    title: 'The data folder belongs to another node',
    remedy:
      'Give each node a folder of its own. If the node was renamed, write its new name into the file that the detail names.',
    retryable: false,
  },
  DATA_FORMAT_UNKNOWN: {
    status: 500,
    title: 'The data was written by another version',
    remedy: 'Start the version that wrote it, or give the node an empty folder: it fetches everything from its peers.',
    retryable: false,
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof catalogue;

/** Whether `value` is a code of the catalogue; for codes that arrive over the wire. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(catalogue, value);
}

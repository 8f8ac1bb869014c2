import type { Message } from '../contracts/node-api.ts';

export interface MessageEvent {
  /** Covers this message and everything before it: give it as `since` to go on after it. */
  readonly token: string;
  readonly message: Message;
}

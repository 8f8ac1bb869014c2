import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Answer, AnswerReader, AnswerStream } from './answer.ts';
import { ClientGone, explainFailure, FaultyAnswer } from './failures.ts';
import { type RequestBody, StreamedBody } from './request-body.ts';
import { SilenceWatch, Watched } from './silence-watch.ts';
import type { AnswerSink, Flow, Sending } from './upstream.ts';

/**
 * Longest body that is kept until it is complete and written together with its head. As long as nothing has been written
 * the request can still be sent elsewhere, and one write costs half of two. With 4,096 requests in flight, all of whose
 * answers are incomplete at this very moment, it is 256 MiB.
 */
const wholeAnswerBytes = 64 * 1024;

export interface AttemptOptions {
  readonly watch: SilenceWatch;
  /** Longest time without any sign of life, in milliseconds. */
  readonly silenceMs: number;
  readonly body: RequestBody;
  /** Hears interim answers. */
  readonly onInterim: (status: number, headers: IncomingHttpHeaders) => void;
  /** The connection is free again, or gone. */
  readonly onOver: () => void;
}

const noBytes = Buffer.alloc(0);

/**
 * One try to get an answer from one instance. `answer` settles exactly once: with a short answer when it is complete, with
 * any other when its head is there; with `FaultyAnswer` in the same way when its status is a server error, with
 * `ClientGone`, or with the error that the client is to get if nobody else can help.
 */
export class Attempt extends Watched implements AnswerSink, AnswerStream {
  readonly answer: Promise<Answer>;
  readonly patience: number;
  readonly #options: AttemptOptions;
  #resolve: (answer: Answer) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #sending: Sending | undefined = undefined;
  /** The answer that it brought. */
  brought: Answer | undefined = undefined;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #flow: Flow | undefined = undefined;
  /** Parts of the body that nobody has taken yet. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #handedOver = false;
  #reader: AnswerReader | undefined = undefined;
  #complete = false;
  #over = false;

  constructor(options: AttemptOptions) {
    super();
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#options = options;
    this.patience = SilenceWatch.patience(options.silenceMs);
    options.watch.add(this);
    if (options.body instanceof StreamedBody) options.body.onProgress = () => this.#moved();
  }

  /** What takes the request to the instance; known only once it is under way. */
  set sending(sending: Sending) {
    this.#sending = sending;
    if (this.#over) sending.cancel();
  }

  interim(status: number, headers: IncomingHttpHeaders): void {
    this.#moved();
    // HTTP has no other statuses below 200 (RFC 9110 section 15), and 101 was not asked for.
    if (status >= 102) this.#options.onInterim(status, headers);
    else this.#abort(new GrapevineError('UPSTREAM_FAILED', 'The service behind the gateway does not speak HTTP.'));
  }

  started(status: number, headers: IncomingHttpHeaders, flow: Flow): void {
    this.#moved();
    this.#status = status;
    this.#headers = headers;
    this.#flow = flow;
    const length = headers['content-length'];
    if (length === undefined) {
      // An event stream may be silent for ever, and its head must not wait for the first event.
      if (isEventStream(headers)) this.#options.watch.delete(this);
      queueMicrotask(() => this.#handOver());
    } else if (Number(length) > wholeAnswerBytes) {
      this.#handOver();
    }
  }

  /** The connection is in use until it closes. */
  upgraded(headers: IncomingHttpHeaders, socket: Duplex): void {
    this.#options.watch.delete(this);
    this.#handedOver = true;
    socket.once('close', () => this.#finish());
    this.brought = { status: 101, headers, body: socket };
    this.#resolve(this.brought);
  }

  received(chunk: Buffer): void {
    this.#moved();
    if (this.#reader !== undefined) {
      if (!this.#reader.write(chunk)) this.#flow?.pause();
      return;
    }
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > wholeAnswerBytes) this.#handOver();
  }

  ended(): void {
    this.#complete = true;
    this.#finish();
    if (this.#handedOver) this.#reader?.end();
    else this.#settle(this.#wholeBody());
  }

  failed(error: Error): void {
    this.#finish();
    if (this.#handedOver) this.#reader?.cut();
    else this.#reject(explainFailure(error));
  }

  flowTo(reader: AnswerReader): void {
    this.#reader = reader;
    let wantsMore = true;
    for (const chunk of this.#kept) wantsMore = reader.write(chunk);
    this.#kept = [];
    if (this.#complete) reader.end();
    else if (this.#over) reader.cut();
    else if (wantsMore) this.#flow?.resume();
  }

  resume(): void {
    this.#flow?.resume();
  }

  /** The client is gone, or nobody wants the rest of the answer. */
  cancel(): void {
    if (this.#over) return;
    this.#finish();
    this.#sending?.cancel();
    if (!this.#handedOver) this.#reject(new ClientGone('the client went away'));
  }

  /** Nothing has moved for too long. Whose fault that is decides what the client hears. */
  silent(): void {
    const { body, silenceMs } = this.#options;
    this.#abort(
      body instanceof StreamedBody && body.waitsForClient
        ? new GrapevineError('REQUEST_TIMEOUT', 'The body stopped arriving before it was complete.')
        : new GrapevineError(
            'UPSTREAM_TIMEOUT',
            `The service behind the gateway gave no sign of life for ${silenceMs} ms.`,
          ),
    );
  }

  #moved(): void {
    this.movedAt = this.#options.watch.tick;
  }

  /** From here on the answer is a stream: its head goes on, and its body waits until somebody takes it. */
  #handOver(): void {
    if (this.#handedOver || this.#over) return;
    this.#handedOver = true;
    this.#flow?.pause();
    this.#settle(this);
  }

  #settle(body: Answer['body']): void {
    const answer = { status: this.#status, headers: this.#headers, body };
    this.brought = answer;
    if (answer.status < 500) this.#resolve(answer);
    else this.#reject(new FaultyAnswer(answer));
  }

  #wholeBody(): Buffer {
    const [first = noBytes, ...rest] = this.#kept;
    return rest.length === 0 ? first : Buffer.concat(this.#kept);
  }

  #abort(error: GrapevineError): void {
    if (this.#over) return;
    this.failed(error);
    this.#sending?.cancel();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.watch.delete(this);
    this.#options.onOver();
  }
}

/** Server-sent events: may be silent for ever, and end only when somebody ends them. */
export function isEventStream(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith('text/event-stream') === true;
}

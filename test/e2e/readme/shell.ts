import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** A shell that lives for several blocks, as a reader's terminal does. Any command that fails ends it. */
export class Shell {
  readonly #child;
  readonly #errors: Promise<string>;
  readonly #closed: Promise<unknown>;
  #output = '';
  #isOver = false;
  /** Looks whether what is waited for has come. */
  #look = (): void => {};

  constructor(cwd: string, env: Readonly<Record<string, string | undefined>>) {
    this.#child = spawn('bash', ['-euo', 'pipefail'], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#errors = text(this.#child.stderr);
    this.#closed = once(this.#child, 'close').then(() => {
      this.#isOver = true;
      this.#look();
    });
    this.#child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      this.#output += piece;
      this.#look();
    });
  }

  /** Runs one block and answers what it printed on standard output. */
  async run(commands: string): Promise<string> {
    const mark = `\n${randomUUID()}\n`;
    this.#output = '';
    await new Promise<void>((resolve) => {
      this.#look = () => {
        if (this.#isOver || this.#output.includes(mark)) resolve();
      };
      this.#look();
      if (!this.#isOver) this.#child.stdin.write(`${commands}\nprintf '%s' '${mark}'\n`);
    });
    const end = this.#output.indexOf(mark);
    if (end === -1) throw new Error(`failed:\n${commands}\n${this.#output}\n${await this.#errors}`);
    return this.#output.slice(0, end);
  }

  async end(): Promise<void> {
    if (!this.#isOver) this.#child.stdin.end();
    await this.#closed;
  }
}

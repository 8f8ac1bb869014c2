import { resolve } from 'node:path';
import type { Output } from './context.ts';
import { runProgram } from './program.ts';

function output(stream: NodeJS.WriteStream): Output {
  // A reader that went away, such as `head`, is a wish to stop for what runs until it is told to. All else ends by itself,
  // as it would have: what it found counts, whoever reads of it.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.emit('SIGTERM', 'SIGTERM');
  });
  return {
    write: (text) => stream.write(text),
    colour: stream.isTTY && stream.hasColors(),
    columns: stream.isTTY ? stream.columns : undefined,
  };
}

process.exitCode = await runProgram(process.argv.slice(2), {
  root: resolve(import.meta.dirname, '../..'),
  host: process,
  stdin: process.stdin,
  stdout: output(process.stdout),
  stderr: output(process.stderr),
});

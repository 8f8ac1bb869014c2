/** The system's chromium, as a person at a screen would use it. */

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { type Browser, chromium } from 'playwright-core';

/** For a browser to start on a machine that is busy with other tests; in milliseconds. */
const launchMs = 60_000;

/** Starts a browser without a window. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: programOnPath('chromium'),
    timeout: launchMs,
    // Its sandbox refuses to run as root, as in a container; what it opens is our own page. Shared memory is small there, too.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });
}

function programOnPath(name: string): string {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not on PATH; node bin/setup.js --tests installs it`);
  return found;
}

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { root } from '../../runner/test-files.ts';
import type { Cluster } from '../cluster.ts';

/** Longest wait for anything to show, in milliseconds: the machine may be busy with other tests. */
const showMs = 45_000;
const outputFolder = join(root, 'test/output/console');

export type Tone = 'equal' | 'behind' | 'forked' | 'unreachable';

/** The console in a tab, as an operator uses it. Whatever the page complains of is kept. */
export class ConsolePage {
  readonly page: Page;
  /** Errors that the browser reports, among them those of the page's policy, and requests to anybody but the gateway. */
  readonly complaints: string[] = [];
  readonly #url: string;

  private constructor(page: Page, { gateway }: Cluster) {
    this.page = page;
    this.#url = `${gateway}/console/`;
    page.setDefaultTimeout(showMs);
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(gateway) && !url.startsWith('data:')) this.complaints.push(`asked ${url}`);
    });
    page.on('console', (message) => {
      // That a server is away is what some tests are about.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) {
        this.complaints.push(message.text());
      }
    });
  }

  static async open(browser: Browser, cluster: Cluster, token = cluster.tokens.operator): Promise<ConsolePage> {
    const page = await browser.newPage({ viewport: { width: 1_360, height: 900 } });
    const opened = new ConsolePage(page, cluster);
    await page.goto(`${opened.#url}#token=${token}`);
    return opened;
  }

  async go(hash: string): Promise<void> {
    await this.page.goto(`${this.#url}${hash}`);
  }

  /** Waits until the first screen gives this verdict, in these words. */
  async untilVerdict(tone: Tone, words: string): Promise<void> {
    await this.page.locator(`.verdict[data-tone="${tone}"] h1`, { hasText: words }).waitFor();
  }

  /** What axe-core finds wrong, each with where. */
  async violations(): Promise<string[]> {
    // Evaluated from outside: the page's own policy does not have to let it in.
    await this.page.evaluate(axe.source);
    return this.page.evaluate<string[]>(`axe.run().then(({ violations }) => violations.flatMap(
      ({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))`);
  }

  /** Keeps a picture of the whole page, and checks that nothing sticks out of it sideways and that all can use it. */
  async picture(name: string): Promise<void> {
    await mkdir(outputFolder, { recursive: true });
    await this.page.screenshot({ path: join(outputFolder, `${name}.png`), fullPage: true });
    assert.deepEqual(await this.violations(), [], name);
    const [content, width] = await this.page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, innerWidth]',
    );
    assert.ok(content <= width, `${name}: ${content} px of content in ${width} px`);
  }
}

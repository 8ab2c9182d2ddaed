import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';
import { chromiumPath } from '../rig/chromium.ts';
import { skipLoudly } from '../rig/skip.ts';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser, closed after the test; null where there is none, and then the test says so. */
export async function browserFor(t: Test): Promise<Browser | null> {
  const found = chromiumPath();
  if ('skip' in found) {
    skipLoudly(t, found.skip);
    return null;
  }
  const browser = await chromium.launch({ executablePath: found.path, args: ARGS });
  t.teardown(() => browser.close());
  return browser;
}

/** A fresh page; what the browser complains of is collected in `complaints`. */
export async function freshPage(
  t: Test,
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext(options);
  t.teardown(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  return { page, complaints };
}

import { findOnPath } from './programs.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** A browser for playwright-core's `executablePath`: `FEEDFERRY_TEST_CHROMIUM`, or one on the PATH. */
export function chromiumPath(): { readonly path: string } | { readonly skip: string } {
  const given = process.env.FEEDFERRY_TEST_CHROMIUM;
  if (given) return { path: given };
  for (const name of NAMES) {
    const path = findOnPath(name);
    if (path !== undefined) return { path };
  }
  return { skip: `no browser: none of ${NAMES.join(', ')} is on the PATH` };
}

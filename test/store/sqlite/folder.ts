import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** A folder of this test's own, gone after it. */
export function ownFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'feedferry-sqlite-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

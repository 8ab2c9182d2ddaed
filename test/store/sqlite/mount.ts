import { execFileSync } from 'node:child_process';
import type { Test } from 'tap';
import { ownFolder } from './folder.ts';

/** Mounts something on a folder of this test's own. Returns why that is impossible here, where it is. */
export function mountOn(t: Test, ...args: string[]): { folder: string } | { skip: string } {
  const folder = ownFolder(t);
  try {
    execFileSync('mount', [...args, folder], { stdio: 'pipe' });
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString().trim();
    return { skip: `mount needs root on Linux: ${said || (error as Error).message}` };
  }
  // Runs before the folder is removed: teardowns go from the last to the first.
  t.teardown(() => execFileSync('umount', ['--lazy', folder]));
  return { folder };
}

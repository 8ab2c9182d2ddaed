import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { rigFolder } from '../../test/rig/documentdb.ts';

const MAKE_SCRIPT = join(import.meta.dirname, 'root.sh');
const MAKE_MS_MAX = 900_000;

/** Where the small Debian with Miniflux is, or would be. */
export function minifluxRoot(): string {
  return process.env.FEEDFERRY_BENCH_MINIFLUX_ROOT ?? join(rigFolder(), 'miniflux');
}

export function isThere(root: string): boolean {
  return (
    process.getuid?.() === 0 && existsSync(join(root, 'usr/bin/miniflux')) && existsSync(join(root, 'srv/template'))
  );
}

/** Root on Debian only. Throws where it cannot be made. */
export function makeMinifluxRoot(root: string): void {
  mkdirSync(join(root, '..'), { recursive: true });
  execFileSync('unshare', ['--mount', '--pid', '--fork', 'bash', MAKE_SCRIPT, root], {
    stdio: ['ignore', 2, 2],
    timeout: MAKE_MS_MAX,
  });
}

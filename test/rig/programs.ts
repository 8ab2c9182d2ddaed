import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a program on the PATH is. */
export function findOnPath(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

export function onPath(name: string): boolean {
  return findOnPath(name) !== undefined;
}

/** The same command, ended by the kernel when this process dies, where the system can do that. */
export function dyingWithParent(command: readonly string[]): readonly string[] {
  return process.platform === 'linux' && onPath('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', ...command] : command;
}

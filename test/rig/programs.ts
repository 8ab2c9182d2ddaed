import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian keeps programs for root, also when the PATH of root lacks them, as after `su`. */
const FOR_ROOT = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

const folders = (): string[] => [...(process.env.PATH ?? '').split(delimiter), ...FOR_ROOT];

/** The environment for programs that need root's programs in turn. */
export function rootEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: folders().join(delimiter) };
}

/** Where a program on the PATH is. */
export function findOnPath(name: string): string | undefined {
  for (const folder of folders()) {
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

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { cliError } from './errors.ts';

export interface TargetAccess {
  readonly token?: string;
  readonly ca?: string;
}

/** What opens an `https://` destination, read from its files. Throws FILE_UNREADABLE and the codes of token files. */
export async function targetAccess(
  { tokenFile, caFile }: { readonly tokenFile: string | null; readonly caFile: string | null },
  cwd: string,
): Promise<TargetAccess> {
  const { readTokenFile } = await import('./token-file.ts');
  return {
    ...(tokenFile !== null && { token: await readTokenFile(resolve(cwd, tokenFile)) }),
    ...(caFile !== null && { ca: await readCa(resolve(cwd, caFile)) }),
  };
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw cliError('FILE_UNREADABLE', `Cannot read ${path}: ${(cause as Error).message}`, { input: path, cause });
  }
}

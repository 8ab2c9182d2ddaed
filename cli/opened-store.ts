import type { MigrationEvent, Store } from '../store/contract.ts';
import { openStore } from '../store/open.ts';
import type { Invocation } from './command.ts';
import { write } from './io.ts';

/**
 * The store of a command, with its migrations told on stderr. `mustExist`: for commands that only look or take away, so
 * that a mistyped URL makes no empty store. Throws STORE_* and SETTING_INVALID.
 */
export async function openedStore(
  invocation: Pick<Invocation, 'io' | 'settings'>,
  options: { readonly mustExist: boolean },
): Promise<Store> {
  const { io } = invocation;
  return openStore(invocation.settings().store, {
    clock: io.clock,
    mustExist: options.mustExist,
    onMigration: (event) => void write(io.stderr, `${migrationText(event)}\n`),
  });
}

export function migrationText(event: MigrationEvent): string {
  if (event.step === 'backup') return `store: the upgrade begins with a backup: ${event.to}`;
  if (event.step === 'migrate') return `store: upgrade from version ${event.from} to ${event.to}: ${event.what}`;
  return `store: upgraded to version ${event.version}`;
}

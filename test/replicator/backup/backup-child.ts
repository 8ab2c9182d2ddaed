/**
 * A process that is killed: `backup-child.ts backup|restore|full STORE FILE`. On standard output a dot is a page read or a block
 * restored; at the end stands `done`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { backupToFile } from '../../../replicator/backup/backup.ts';
import { planRestore } from '../../../replicator/backup/planned-restore.ts';
import { restoreBackup } from '../../../replicator/backup/restore.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import { openStore } from '../../../store/open.ts';

const [what = '', url = '', path = ''] = process.argv.slice(2);
const store = await openStore(url);
const onProgress = () => void process.stdout.write('.');
// Time for the parent to kill, also where the whole work takes no longer than the signal.
const runtime = { ...realRuntime, sleep: (ms: number) => delay(ms) };
if (what === 'restore') {
  await using planned = await planRestore(path, null, null);
  await restoreBackup({ planned, store, intoExisting: false, runtime, onProgress });
} else {
  const full = what === 'full';
  await backupToFile({ path, store, databases: null, full, docsPerSecondMax: null, runtime, onProgress });
}
await store.close();
process.stdout.write('done');

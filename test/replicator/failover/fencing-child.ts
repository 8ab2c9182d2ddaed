/**
 * A process that is stopped and wakes up later.
 * `fencing-child.ts write URL`: writes articles, says `stalled` in the middle of one, waits for a line, and says how it ended.
 * `fencing-child.ts replicate URL TO`: keeps a destination supplied, and says each state.
 */
import { once } from 'node:events';
import { openTarget } from '../../../replicator/open-target.ts';
import { DEFAULT_POLICIES } from '../../../replicator/policy.ts';
import { realRuntime as runtime } from '../../../replicator/runtime.ts';
import { startDestination } from '../../../replicator/sending/destination.ts';
import { DEFAULT_LIMITS } from '../../../replicator/sending/limits.ts';
import { DATABASE_NAMES } from '../../../store/documents.ts';
import { codeOf } from '../../../store/errors.ts';
import type { FaultPoint } from '../../../store/faults.ts';
import { openMongodb } from '../../../store/mongodb/store.ts';
import { openStore } from '../../../store/open.ts';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { article } from '../../contract/samples.ts';

/** This write stalls, and some after it. */
const STALL_AT = 20;
const WRITES_MAX = 30;

const [what = '', url = '', to = ''] = process.argv.slice(2);
const say = (line: string) => void process.stdout.write(`${line}\n`);

async function write(): Promise<void> {
  let writes = 0;
  const at = async (point: FaultPoint) => {
    if (writes !== STALL_AT || (point !== 'before-commit' && point !== 'numbered')) return;
    say('stalled');
    await once(process.stdin, 'data');
  };
  const open = url.startsWith('sqlite:') ? openSqlite : openMongodb;
  const store = await open(url, {}, { at });
  const writer = await store.articles.openWriter({ owner: 'crawl', durability: 'lazy' });
  try {
    for (; writes < WRITES_MAX; writes += 1) {
      await writer.edit([{ id: `stalled${writes}`, content: article({ guid: `stalled${writes}` }) }]);
    }
    say('ended well');
  } catch (error) {
    say(`ended ${codeOf(error)}`);
  }
  await store.close().catch(() => {});
  process.exit(0);
}

async function replicate(): Promise<void> {
  const source = await openStore(url);
  let said = '';
  startDestination({
    ...{ name: 'b', source, open: () => openTarget(to, { runtime }), databases: DATABASE_NAMES },
    ...{ direction: 'one-way', policies: DEFAULT_POLICIES, adopt: false, limits: DEFAULT_LIMITS, runtime, once: false },
    onStatus: ({ state, docsToDo }) => {
      const now = `${state} ${docsToDo}`;
      if (now !== said) say(now);
      said = now;
    },
  });
}

await (what === 'write' ? write() : replicate());

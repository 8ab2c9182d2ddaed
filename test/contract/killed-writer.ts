/**
 * A process that writes until it is killed: `killed-writer.ts URL NAME PREFIX SEED`. File descriptor 3 is its log; on
 * standard output a dot is a write acknowledged.
 */
import { writeSync } from 'node:fs';
import { openStore } from '../../store/open.ts';
import type { ChildLine } from './killed-writers.ts';
import type { Issued } from './oracle.ts';
import { seededRandom } from './random.ts';

const IDS = 40;
const LANES = 3;
const LOG = 3;

const [url = '', name = '', prefix = '', seed = '0'] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const store = await openStore(url);
const writer = await store.users.openWriter({ owner: name, durability: 'lazy' });
let writes = 0;

function note(line: ChildLine): void {
  writeSync(LOG, `${JSON.stringify(line)}\n`);
}

async function writeForever(): Promise<never> {
  for (;;) {
    const ids = new Set(Array.from({ length: 1 + random.below(8) }, () => `${prefix}${random.below(IDS)}`));
    const issued = Array.from(ids, (id): Issued => {
      writes += 1;
      return { id, token: random.chance(0.1) ? null : `${name}-${writes}` };
    });
    for (const issue of issued) note({ issue });
    const outcomes = await writer.edit(
      issued.map(({ id, token }) => ({ id, content: token === null ? null : { num: 0, name: token, addedAt: 0 } })),
    );
    for (const [i, ack] of issued.entries()) {
      const outcome = outcomes[i];
      if (outcome?.result === 'written') note({ ack, ver: outcome.ver, n: outcome.n });
    }
    process.stdout.write('.'.repeat(issued.length));
    // SQLite answers at once: give the other lanes a turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

await Promise.all(Array.from({ length: LANES }, writeForever));

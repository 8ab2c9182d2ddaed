/** A process that copies all articles of one store to another and tells what that cost. `copy-process.ts JSON` */

import { openTarget } from '../../replicator/open-target.ts';
import { DEFAULT_POLICIES } from '../../replicator/policy.ts';
import { realRuntime } from '../../replicator/runtime.ts';
import { startDestination } from '../../replicator/sending/destination.ts';
import { DEFAULT_LIMITS } from '../../replicator/sending/limits.ts';
import type { Target } from '../../replicator/target.ts';
import { openStore } from '../../store/open.ts';
import { bareCopy } from './bare-copy.ts';

export interface Copy {
  readonly how: 'replicator' | 'bare';
  readonly from: string;
  readonly to: string;
  /** Whether the destination keeps the indexes that only readers need while it is filled. */
  readonly indexes: 'kept' | 'after';
}

export interface Copied {
  readonly docs: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

// Loading the engines costs as much for one article as for a million, and a bare copy loads one of them only.
await Promise.all([import('../../store/sqlite/store.ts'), import('../../store/mongodb/store.ts')]);

const copy = JSON.parse(process.argv[2] ?? '') as Copy;
const cpu = process.cpuUsage();
const began = performance.now();
const docs = copy.how === 'bare' ? await bareCopy(copy) : await replicate(copy);
const wallSeconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(cpu);
const copied: Copied = { docs, wallSeconds, cpuSeconds: (user + system) / 1e6 };
process.stdout.write(`${JSON.stringify(copied)}\n`);

async function replicate({ from, to, indexes }: Copy): Promise<number> {
  await using source = await openStore(from, { mustExist: true });
  const open = async (): Promise<Target> => {
    const target = await openTarget(to, { runtime: realRuntime });
    // A SQLite store that is told to expect little leaves nothing out; MongoDB stores never do.
    const asItIs = indexes === 'after' || to.startsWith('mongodb:');
    return asItIs ? target : { ...target, connect: (hello) => target.connect({ ...hello, docsToDo: 0 }) };
  };
  const { ended } = startDestination({
    ...{ name: 'bench', source, open, databases: ['articles'], direction: 'one-way', policies: DEFAULT_POLICIES },
    ...{ adopt: false, limits: DEFAULT_LIMITS, runtime: realRuntime, once: true },
  });
  return (await ended).docs;
}

/**
 * Schedules that once failed, as short as they could be made, each with what it was. More of them are in `found.json`: a
 * title, and the plan as a failing run prints it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { inTurn } from './drain.ts';
import type { Plan, Step } from './plan.ts';
import { runPlan } from './run.ts';

const PLAN: Omit<Plan, 'topology' | 'engines' | 'steps'> = {
  ...{ seed: 1, isDirect: false, durability: 'sync', databases: ['subscriptions'], batchDocs: 1, concurrency: 1 },
};

function edit(site: number, id: number, gapMs = 0): Step {
  return { kind: 'write', site, database: 'subscriptions', ids: [id], how: 'blind', gapMs };
}

async function passes(t: Test, plan: Plan): Promise<void> {
  const { violations, trace } = await inTurn(() => runPlan(plan, 'none', true));
  t.strictSame(violations, [], trace.slice(-40).join('\n'));
}

t.test('what a destination loses with power reaches it again, though the source has nothing new', async (t) => {
  const steps: Step[] = [edit(0, 1), { kind: 'power', site: 1, share: 0.99, gapMs: 400 }];
  await passes(t, { ...PLAN, topology: 'copy', engines: ['sqlite', 'sqlite'], steps });
});

t.test('in a ring a restored site gets back what it wrote itself, by way of the others', async (t) => {
  const steps: Step[] = [
    { kind: 'backup', site: 2, gapMs: 0 },
    { kind: 'net', from: 0, to: 1, trouble: 'cut', gapMs: 0 },
    edit(2, 3),
    { kind: 'restore', site: 2, gapMs: 300 },
    { kind: 'start', site: 2, role: 'recv', gapMs: 5 },
    // B notices, and its new session with C begins before it hears of what C wrote.
    edit(1, 2, 5),
    { kind: 'wait', gapMs: 3000 },
  ];
  await passes(t, { ...PLAN, seed: 4, topology: 'ring', engines: ['sqlite', 'mongodb', 'mongodb'], steps });
});

const found = JSON.parse(readFileSync(join(import.meta.dirname, 'found.json'), 'utf8')) as readonly {
  readonly title: string;
  readonly plan: Plan;
}[];

for (const { title, plan } of found) t.test(title, (t) => passes(t, plan));

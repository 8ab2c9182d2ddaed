/** The model stores keep the rules of docs/store.md that the simulator's findings stand on. */
import t from 'tap';
import type { SiteId, Version } from '../../store/contract.ts';
import { codeOf } from '../../store/errors.ts';
import { seededRandom } from '../contract/random.ts';
import { drain, inTurn } from './drain.ts';
import type { Fate } from './model/call.ts';
import { type Ears, type Engine, ModelDisk, RANGE, WINDOW } from './model/disk.ts';
import { ModelStore } from './model/store.ts';
import { MachineClock, Process } from './process.ts';
import { Trace } from './trace.ts';
import { World } from './world.ts';

const ENGINES: readonly Engine[] = ['sqlite', 'mongodb'];
const DEAF: Ears = { edited() {}, applied() {}, noted() {}, modeIs() {} };
const USUAL: Fate = { ms: 1, backMs: 0, lost: 'no' };
const content = { user: 'u', feed: 'f', title: 't' };
const LAZY = { owner: 'test', durability: 'lazy' } as const;

interface Bench {
  readonly world: World;
  readonly disk: ModelDisk;
  open(fate?: () => Fate): { store: ModelStore; proc: Process };
  /** Runs virtual time until the promise has settled. */
  result<T>(promise: Promise<T>): T | string;
}

/** `use` runs in a turn of its own, where time can be driven. */
function atBench(engine: Engine, use: (bench: Bench) => void): Promise<void> {
  const world = new World();
  const clock = new MachineClock(world);
  const disk = new ModelDisk('siteaaaa' as SiteId, engine, 'none', DEAF);
  const trace = new Trace(false, () => world.now);
  const open = (fate: () => Fate = () => USUAL) => {
    const proc = new Process('test', world, clock, seededRandom(1), trace);
    return { store: new ModelStore(disk, proc, fate), proc };
  };
  const result = <T>(promise: Promise<T>): T | string => {
    let settled: { value: T | string } | undefined;
    promise.then(
      (value) => {
        settled = { value };
      },
      (error: unknown) => {
        settled = { value: codeOf(error) };
      },
    );
    for (let i = 0; i < 1000 && !settled; i += 1) {
      drain();
      world.runUntil(world.now + 1);
    }
    return settled ? settled.value : 'no answer';
  };
  return inTurn(() => use({ world, disk, open, result }));
}

for (const engine of ENGINES) {
  t.test(
    `${engine}: whoever is fenced by a change of mode writes no more, and edits are refused in a replica`,
    async (t) => {
      await atBench(engine, ({ open, result }) => {
        const { store } = open();
        const users = store.database('subscriptions');
        const writer = result(users.openWriter(LAZY));
        if (typeof writer === 'string') return t.fail(writer);
        t.match(result(writer.edit([{ id: 'a', content }])), [{ result: 'written' }]);
        t.equal(result(users.setMode('replica')), undefined);
        t.match(result(writer.edit([{ id: 'b', content }])), /DATABASE_READ_ONLY|WRITER_FENCED/);
        const other = result(users.openWriter(LAZY));
        if (typeof other === 'string') return t.fail(other);
        t.equal(result(other.edit([{ id: 'b', content }])), 'DATABASE_READ_ONLY');
        const ver = '019b76daa800-0000-sitebbbb' as Version;
        const replica = { id: 'c', ver, org: 'sitebbbb' as SiteId, vv: null, delAt: null, content };
        t.match(result(other.apply([replica])), [{ result: 'written' }]);
        t.match(result(other.apply([replica])), [{ result: 'stale' }], 'the guard');
        t.match(result(other.apply([{ ...replica, ver: `7${ver.slice(1)}` as Version, ifVer: null }])), [
          { result: 'conflict' },
        ]);
      });
    },
  );
}

t.test('a call that was held up meets the filler that a takeover left, and never lands', async (t) => {
  await atBench('mongodb', ({ world, disk, open, result }) => {
    let fate: Fate = USUAL;
    const { store } = open(() => fate);
    const users = store.database('subscriptions');
    const writer = result(users.openWriter(LAZY));
    if (typeof writer === 'string') return t.fail(writer);
    world.runUntil(10);
    const editing = writer.edit([{ id: 'a', content }]).catch(codeOf);
    // The read is on its way already; whatever is written then is held up for a minute.
    drain();
    fate = { ms: 5, backMs: 0, lost: { late: 60_000 } };
    world.runUntil(world.now + 2);
    const other = open().store.database('subscriptions');
    const slot = result(other.changes.takeOver(1));
    t.match(slot, { stable: WINDOW, owner: '' });
    world.runUntil(world.now + 100_000);
    t.not(result(editing), 'no answer');
    t.equal(disk.database('subscriptions').rows.size, 0);
  });
});

t.test('numbers are not given again after a power cut, and only what was not synced is lost', async (t) => {
  await atBench('sqlite', ({ disk, open, result }) => {
    const first = result(open().store.database('subscriptions').openWriter(LAZY));
    if (typeof first === 'string') return t.fail(first);
    result(first.edit([{ id: 'a', content }]));
    const sync = result(open().store.control.put('note', 1));
    t.type(sync, 'number');
    t.match(result(first.edit([{ id: 'b', content }])), [{ n: 2 }]);
    t.match(disk.cutPower(99), [{ row: { id: 'b' } }]);
    t.same([...disk.database('subscriptions').rows.keys()], ['a']);
    const second = result(open().store.database('subscriptions').openWriter(LAZY));
    if (typeof second === 'string') return t.fail(second);
    t.match(result(second.edit([{ id: 'b', content }])), [{ n: RANGE + 1 }]);
  });
});

/** The real sender over a network that fails in every way: everything arrives, and both stores end equal. */
import t, { type Test } from 'tap';
import { type Checkpoint, checkpointTo } from '../../../replicator/checkpoint.ts';
import { httpsTarget } from '../../../replicator/remote/https-target.ts';
import type { RunningReceiver } from '../../../replicator/remote/receive.ts';
import { type Runtime, realRuntime } from '../../../replicator/runtime.ts';
import type { DestinationOptions, RunningDestination } from '../../../replicator/sending/destination.ts';
import { DEFAULT_LIMITS } from '../../../replicator/sending/limits.ts';
import { positionIn } from '../../../replicator/vector.ts';
import type { Store } from '../../../store/contract.ts';
import { storeError } from '../../../store/errors.ts';
import { seededRandom, testSeed } from '../../contract/random.ts';
import type { TcpProxy } from '../../rig/tcp-proxy.ts';
import { until } from '../../rig/until.ts';
import { differences, fastRuntime, putArticles, sqlitePair, start } from '../sending/pair.ts';
import { proxyBefore, receiverFor, TOKEN } from './receiving.ts';

/** Pauses between attempts pass this much faster. */
const HASTE = 10;

interface Setting {
  readonly a: Store;
  readonly b: Store;
  readonly receiver: RunningReceiver;
  readonly proxy: TcpProxy & { readonly url: string };
  begin(over?: Partial<DestinationOptions>): RunningDestination;
}

async function setting(t: Test): Promise<Setting> {
  const pair = await sqlitePair();
  t.teardown(() => pair[Symbol.asyncDispose]());
  const { a, b } = pair;
  const receiver = await receiverFor(t, b);
  const proxy = await proxyBefore(t, receiver);
  return { a, b, receiver, proxy, begin: (over) => begin(t, a, b, proxy.url, over) };
}

function begin(t: Test, a: Store, b: Store, url: string, over: Partial<DestinationOptions> = {}): RunningDestination {
  const runtime: Runtime = fastRuntime(HASTE);
  const open = async () => httpsTarget(url, { token: TOKEN, runtime });
  const destination = start(a, b, { open, runtime, ...over });
  t.teardown(() => destination.stop());
  return destination;
}

async function arrives({ a, b }: Pick<Setting, 'a' | 'b'>, destination: RunningDestination): Promise<void> {
  await until(async () => (await differences(a, b)).length === 0, 'both stores are equal');
  await until(() => destination.status().state === 'tailing', 'it tails');
  await destination.stop();
}

t.test('over a link of 80 ms and 20 Mbit/s', async (t) => {
  const set = await setting(t);
  await set.proxy.behave({ delayMs: 40, bytesPerSecondMax: 2_500_000 });
  await putArticles(set.a, 'x', 1500);
  const destination = set.begin({ runtime: realRuntime });
  await arrives(set, destination);
  t.match(destination.status(), { docs: 1500, retries: 0 });
});

t.test('a peer that closes or crashes, again and again', async (t) => {
  const set = await setting(t);
  await putArticles(set.a, 'x', 3000);
  const seed = testSeed();
  t.comment(`FEEDFERRY_TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  await set.proxy.behave({ delayMs: 2 });
  const destination = set.begin({ limits: { ...DEFAULT_LIMITS, batchDocs: 50 } });
  for (let drops = 0; drops < 12; drops += 1) {
    const docs = destination.status().docs;
    await until(() => destination.status().docs > docs + random.below(60) || destination.status().docs >= 3000, 'more');
    set.proxy.drop(random.chance(0.5) ? 'cut' : 'reset');
    if (drops % 4 === 0) await putArticles(set.a, `more${drops}-`, 20);
  }
  await arrives(set, destination);
});

t.test('connections that break after so many bytes, of requests or of answers', async (t) => {
  const set = await setting(t);
  const destination = set.begin({ limits: { ...DEFAULT_LIMITS, batchDocs: 20 } });
  for (const [round, limit] of [
    { resetAfterRequestBytes: 1_500 },
    { resetAfterBytes: 1_500 },
    { resetAfterRequestBytes: 700 },
    { resetAfterBytes: 200 },
  ].entries()) {
    const { retries } = destination.status();
    await set.proxy.behave(limit);
    const hasFailed = (): boolean => destination.status().retries > retries;
    for (let part = 0; !hasFailed(); part += 1) {
      await putArticles(set.a, `x${round}-${part}-`, 60);
      await until(async () => hasFailed() || (await differences(set.a, set.b)).length === 0, 'it arrived or failed');
    }
    await set.proxy.behave({ resetAfterRequestBytes: null, resetAfterBytes: null });
    await until(async () => (await differences(set.a, set.b)).length === 0, 'it went on');
  }
  await arrives(set, destination);
});

t.test('a link that goes dead while connections stay open: it is given up, and made anew', async (t) => {
  const set = await setting(t);
  await putArticles(set.a, 'x', 600);
  const destination = set.begin();
  await until(() => destination.status().state === 'tailing' && destination.status().docs === 600, 'it tails');
  await set.proxy.behave({ mute: 'both' });
  await putArticles(set.a, 'y', 600);
  await until(() => destination.status().state === 'waiting', 'the silence was noticed');
  t.match(destination.status().lastError?.code, /REPLICATION_STUCK|RECEIVER_SILENT/);
  await set.proxy.behave({ mute: 'none' });
  await arrives(set, destination);
  t.ok(destination.status().retries > 0);
});

t.test('lost answers: documents that came are stale when they come again', async (t) => {
  const set = await setting(t);
  await putArticles(set.a, 'x', 100);
  const destination = set.begin();
  await until(() => destination.status().docs === 100, 'it tails');
  await until(() => isQuiet(set), 'nothing is under way, no checkpoint either');
  await set.proxy.behave({ mute: 'replies' });
  await putArticles(set.a, 'y', 300);
  await until(async () => (await set.b.articles.count()) === 400, 'they arrived');
  await until(() => destination.status().state === 'waiting', 'nobody said so');
  await set.proxy.behave({ mute: 'none' });
  await arrives(set, destination);
});

/** The source has noted that the destination has all of its articles. */
async function isQuiet({ a, b }: Setting): Promise<boolean> {
  const [slot] = await a.articles.changes.slots();
  const note = (await a.control.get(checkpointTo(b.site, 'articles')))?.value as Checkpoint | undefined;
  return slot !== undefined && positionIn(note?.vector ?? {}, slot.slot) === slot.stable;
}

t.test('requests that arrive twice do no harm', async (t) => {
  const set = await setting(t);
  await set.proxy.behave({ double: true });
  await putArticles(set.a, 'x', 1000);
  const destination = set.begin();
  await until(() => destination.status().docs > 0, 'some came');
  await putArticles(set.a, 'y', 200);
  await set.a.articles.openWriter({ owner: 'test', durability: 'lazy' }).then(async (writer) => {
    await writer.edit([{ id: 'x5', content: null }]);
    await writer.close();
  });
  await until(async () => (await differences(set.a, set.b)).length === 0, 'both stores are equal');
  await set.proxy.behave({ double: false });
  await arrives(set, destination);
});

t.test('a receiver that is stopped and started again on its port', async (t) => {
  const set = await setting(t);
  await putArticles(set.a, 'x', 1200);
  const destination = set.begin();
  await until(() => destination.status().docs > 0, 'some came');
  await set.receiver.close();
  await putArticles(set.a, 'y', 100);
  await until(() => destination.status().state === 'waiting', 'it is gone');
  t.match(destination.status().lastError?.code, /^RECEIVER_(UNREACHABLE|CLOSING)$/);
  const { hostname: host, port } = new URL(set.receiver.url);
  await receiverFor(t, set.b, { listen: { host, port: Number(port) } });
  await arrives(set, destination);
});

t.test('a full disk at the receiver is told by its code, and it goes on when there is room', async (t) => {
  const pair = await sqlitePair();
  t.teardown(() => pair[Symbol.asyncDispose]());
  const { a, b } = pair;
  let isFull = true;
  const receiver = await receiverFor(t, b, { store: withoutRoom(b, () => isFull) });
  await putArticles(a, 'x', 400);
  const destination = begin(t, a, b, receiver.url);
  await until(() => destination.status().lastError?.code === 'STORE_FULL', 'it was told');
  t.match(destination.status(), { state: 'waiting' });
  t.equal(await b.articles.count(), 0);
  isFull = false;
  await arrives({ a, b }, destination);
});

/** A store whose writers find no room while `isFull`. */
function withoutRoom(store: Store, isFull: () => boolean): Store {
  const database = (name: 'articles') => {
    const found = store.database(name);
    return new Proxy(found, {
      get(_, key) {
        if (key !== 'openWriter') {
          const value = Reflect.get(found, key) as unknown;
          return typeof value === 'function' ? value.bind(found) : value;
        }
        return async (options: Parameters<typeof found.openWriter>[0]) => {
          const writer = await found.openWriter(options);
          return {
            ...{ slot: writer.slot, epoch: writer.epoch, close: () => writer.close() },
            apply: async (...args: Parameters<typeof writer.apply>) => {
              if (isFull()) throw storeError('STORE_FULL', 'No room.', { retryable: true });
              return await writer.apply(...args);
            },
          };
        };
      },
    });
  };
  return {
    url: store.url,
    site: store.site,
    control: store.control,
    engine: store.engine,
    database,
  } as unknown as Store;
}

t.test('a wrong token is shown, and mended without a restart of the sender', async (t) => {
  const pair = await sqlitePair();
  t.teardown(() => pair[Symbol.asyncDispose]());
  const { a, b } = pair;
  const receiver = await receiverFor(t, b);
  await putArticles(a, 'x', 50);
  let token = 'not-the-one-they-agreed-on';
  const runtime = fastRuntime(HASTE);
  const open = async () => httpsTarget(receiver.url, { token, runtime });
  await t.rejects(start(a, b, { open, runtime, once: true }).ended, { code: 'RECEIVER_UNAUTHORIZED' }, 'once: at once');
  const destination = start(a, b, { open, runtime });
  t.teardown(() => destination.stop());
  await until(() => destination.status().lastError?.code === 'RECEIVER_UNAUTHORIZED', 'it was refused');
  token = TOKEN;
  await arrives({ a, b }, destination);
});

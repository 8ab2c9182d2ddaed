import t from 'tap';
import type { Store } from '../../store/contract.ts';
import { until } from '../rig/until.ts';
import { addArticles, addFeeds, emptyStore } from './made-up.ts';
import { follow, get, siteOver } from './running.ts';

const CASES: readonly [set: (store: Store) => Promise<void>, says: RegExp | null][] = [
  [(store) => store.feeds.setMode('read-only'), /Read, mark and star as always; feeds cannot be added/],
  [(store) => store.subscriptions.setMode('read-only'), /Read, mark and star as always; feeds cannot be added/],
  [(store) => store.states.setMode('read-only'), /nothing can be marked, starred or added just now/],
  [(store) => store.states.setMode('replica'), /This is a copy of another site/],
  [
    async (store) => {
      for (const name of ['states', 'subscriptions', 'feeds'] as const)
        await store.database(name).setMode('read-write');
    },
    null,
  ],
];

t.test('every page says what cannot be kept, before anything is pressed in vain', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one']]);
  await addArticles(store, 'one', [['a']]);
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  const notice = async () =>
    /class="notice notice-warning"[\s\S]*?<span>([^<]*)/.exec((await get(site, '/')).text)?.[1];
  t.equal(await notice(), undefined, 'all can be kept');
  for (const [set, says] of CASES) {
    await set(store);
    await until(
      async () => (says === null ? (await notice()) === undefined : says.test((await notice()) ?? '')),
      String(says),
    );
  }
});

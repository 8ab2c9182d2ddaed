import { join } from 'node:path';
import t from 'tap';
import { openStore } from '../../store/open.ts';
import { addArticles, addFeeds } from '../site/made-up.ts';
import { follow, titlesIn } from '../site/running.ts';
import { cliFor } from './cli-process.ts';

t.test('serve reads articles from a replica that is kept beside it, and ends in order', async (t) => {
  const cli = await cliFor(t);
  const url = `sqlite:${join(cli.folder, 'primary.db')}`;
  const store = await openStore(url);
  t.teardown(() => store.close());
  await addFeeds(store, [['alpha']]);
  await addArticles(store, 'alpha', [['one'], ['two']]);
  await follow(store, ['alpha']);
  const replicate = cli.start(['replicate', '--from', url, '--to', 'sqlite:replica.db', '--json']);
  await replicate.until(/"state":"tailing"/);
  const flags = ['--read-from', 'sqlite:replica.db', '--read-staleness', '10s', '--no-crawler', '--listen', '0'];
  const serve = cli.start(['serve', '--store', url, ...flags]);
  const [, site = ''] = await serve.until(/ready at (http:\/\/localhost:\d+)/);
  const page = async (path: string) => (await fetch(site + path)).text();
  const reads = async () => Number(/reads_total\{from="replica"\} (\d+)/.exec(await page('/metrics'))?.[1]);
  for (const end = performance.now() + 15_000; !((await reads()) > 0) && performance.now() < end; ) {
    t.strictSame(titlesIn(await page('/')), ['two of alpha', 'one of alpha']);
  }
  t.ok((await reads()) > 0, 'a replica was read');
  t.match(await page('/status'), /Where articles are read[\s\S]*articles are read from the replicas in turn/);
  serve.child.kill('SIGTERM');
  t.equal((await serve.ended).code, 0);
  replicate.child.kill('SIGTERM');
  t.equal((await replicate.ended).code, 0);
});

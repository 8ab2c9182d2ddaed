import { openSqlite } from '../../../store/sqlite/store.ts';
import { article } from '../../contract/samples.ts';
import { put } from '../../contract/with-store.ts';

/** A process that loads articles with deferred indexes, tells its parent how far it is, and waits to be killed. */
const store = await openSqlite(`sqlite:${process.argv[2]}`);
if (!(await store.articles.setIndexes('deferred'))) throw new Error('the indexes were not deferred');
await put(store.articles, ...Array.from({ length: 300 }, (_, i) => ({ id: `f.${i}`, content: article({ at: i }) })));
process.stdout.write('loaded\n');
process.stdin.resume();

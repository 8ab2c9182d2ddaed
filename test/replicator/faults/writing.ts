/** A process that writes until its standard input ends: `writing.ts URL SEED`. Then it says how much was acknowledged. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Edit } from '../../../store/contract.ts';
import type { Article, User } from '../../../store/documents.ts';
import { openStore } from '../../../store/open.ts';
import { seededRandom } from '../../contract/random.ts';
import { article, user } from '../../contract/samples.ts';

const BATCH_MAX = 20;
const PAUSE_MS = 15;

/** Half of what is written is new, and half changes or deletes what is there. */
const OLD_IDS = 300;

const [url = '', seed = '0'] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const store = await openStore(url);
const articles = await store.articles.openWriter({ owner: 'crawl', durability: 'lazy' });
const users = await store.users.openWriter({ owner: 'site', durability: 'lazy' });
let isEnding = false;
let acknowledged = 0;
process.stdin.once('end', () => {
  isEnding = true;
});
process.stdin.resume();

function edits(): Edit<Article>[] {
  const made = Array.from({ length: 1 + random.below(BATCH_MAX) }, (_, i): Edit<Article> => {
    const isOld = random.chance(0.5);
    const id = isOld ? `x${random.below(OLD_IDS)}` : `new${seed}.${acknowledged}.${i}`;
    const content = article({ guid: id, title: `${random.below(2 ** 31)}`, html: 'x'.repeat(random.below(4000)) });
    return { id, content: isOld && random.chance(0.2) ? null : content };
  });
  return [...new Map(made.map((edit) => [edit.id, edit])).values()];
}

while (!isEnding) {
  acknowledged += (await articles.edit(edits())).length;
  if (random.chance(0.1)) {
    const some: Edit<User>[] = [{ id: `u${random.below(50)}`, content: user({ name: `${random.below(2 ** 31)}` }) }];
    acknowledged += (await users.edit(some)).length;
  }
  await delay(PAUSE_MS);
}
await articles.close();
await users.close();
await store.close();
process.stdout.write(`acknowledged ${acknowledged}\n`);

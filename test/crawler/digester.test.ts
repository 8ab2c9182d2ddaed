import t from 'tap';
import { BODIES_MAX } from '../../crawler/bodies-in-flight.ts';
import { type DigestInput, digestFeed } from '../../crawler/digest.ts';
import { type ArticleContent, openDigester } from '../../crawler/digester.ts';
import type { Article } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import { Serialized } from '../../store/serialized.ts';
import { entries, rss } from './feed-site.ts';

const input = (body: string, feed = 'feed'): DigestInput => ({
  feed,
  body: Buffer.from(body),
  url: 'http://site.example/feed',
  contentType: 'application/rss+xml',
});
const SMALL = rss({ title: 'Small', entries: entries(3) });
const contentOf = (article: ArticleContent): Article => (article instanceof Serialized ? article.content : article);
const WANTED = [
  { index: 2, num: 0, arrived: 5 },
  { index: 0, num: 7, arrived: 9 },
];

t.test('a thread makes of a body what this one would', async (t) => {
  const here = digestFeed(input(SMALL));
  for (const threads of [true, false]) {
    await using digester = openDigester({ threads });
    const digest = await digester.digest(input(SMALL));
    t.same(digest.digested, here.digested);
    const articles = await digest.articles(WANTED);
    t.equal(articles[0] instanceof Serialized, threads, 'serialized where that spares this thread the work');
    t.same(articles.map(contentOf), here.articles(WANTED));
    t.same(await digest.articles([]), []);
    digest.release();
  }
});

t.test('a body in a buffer that others share is read, and stays', async (t) => {
  await using digester = openDigester({ threads: true });
  const shared = Buffer.from(`xxxx${SMALL}xxxx`);
  const body = shared.subarray(4, -4);
  const digest = await digester.digest({ ...input(''), body });
  t.equal(digest.digested.facts.title, 'Small');
  t.equal(body.toString(), SMALL);
});

t.test('what can not be parsed comes back as the error it is', async (t) => {
  for (const threads of [true, false]) {
    await using digester = openDigester({ threads });
    const error = await digester.digest(input('<html><body>Hello')).catch((error) => error);
    t.match(error, { code: 'PARSE_HTML', advice: /\w/ });
    const { digested } = await digester.digest(input(SMALL));
    t.equal(digested.items.length, 3, 'and the next body is read');
  }
});

t.test('many bodies at once come out each with its own', async (t) => {
  await using digester = openDigester({ threads: true });
  const numbers = Array.from({ length: 60 }, (_, i) => i);
  const found = await Promise.all(
    numbers.map(async (i) => {
      const digest = await digester.digest(input(rss({ title: `Feed ${i}`, entries: entries(2, i) }), `feed-${i}`));
      const [article] = (await digest.articles([{ index: 0, num: i, arrived: i }])).map(contentOf);
      digest.release();
      return [digest.digested.facts.title, article?.feed, article?.title, article?.num];
    }),
  );
  t.same(
    found,
    numbers.map((i) => [`Feed ${i}`, `feed-${i}`, `entry-${i + 1}`, i]),
  );
});

t.test('a body that the thread hangs or breaks on fails alone; those behind it are read', async (t) => {
  const cases = { hang: 'CRAWL_BODY_SLOW', die: 'CRAWL_INTERNAL' };
  for (const [mood, code] of Object.entries(cases)) {
    const thread = new URL('moody-thread.ts', import.meta.url);
    await using digester = openDigester({ threads: true, thread, msMax: 3_000 });
    const early = await digester.digest(input(SMALL));
    const broken = digester.digest(input(mood)).catch((error) => error);
    const behind = [1, 2, 3].map(() => digester.digest(input(SMALL)));
    const late = early.articles(WANTED);
    t.equal(codeOf(await broken), code, mood);
    for (const one of behind) t.equal((await one).digested.items.length, 3);
    t.same(
      (await late).map(contentOf),
      digestFeed(input(SMALL)).articles(WANTED),
      'what the thread held is read again',
    );
    t.same((await early.articles(WANTED)).map(contentOf), digestFeed(input(SMALL)).articles(WANTED));
  }
});

t.test(
  'a body whose articles were all asked for makes room, and is read again where they are wanted once more',
  async (t) => {
    await using digester = openDigester({ threads: true });
    const digests = [];
    for (let i = 0; i <= BODIES_MAX; i += 1) {
      const digest = await digester.digest(input(SMALL, `feed-${i}`));
      digests.push(digest);
      t.equal((await digest.articles(WANTED, true)).length, 2);
    }
    const again = await digests[0]?.articles(WANTED);
    t.same(again?.map(contentOf), digestFeed(input(SMALL, 'feed-0')).articles(WANTED));
    for (const digest of digests) digest.release();
  },
);

t.test('closing ends what is under way', async (t) => {
  const digester = openDigester({ threads: true });
  const running = digester.digest(input(SMALL)).catch((error) => error);
  await digester[Symbol.asyncDispose]();
  t.equal(codeOf(await running), 'CRAWL_STOPPED');
});

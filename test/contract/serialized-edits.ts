import type { Test } from 'tap';
import type { Article } from '../../store/documents.ts';
import { canonicalJson, fingerprints } from '../../store/envelope.ts';
import { Serialized } from '../../store/serialized.ts';
import { serializeContent } from '../../store/stamp.ts';
import type { Engine } from './engine.ts';
import { article, NOON } from './samples.ts';
import { openWriter, rejectsWith, withStore } from './with-store.ts';

/** As another thread would. `memory`: what has to stay until it is written. */
function serialized(content: Article): { content: Serialized<Article>; memory: ArrayBuffer } {
  const { head, tail } = serializeContent('articles', 'x', content);
  const bytes = new TextEncoder().encode(head + (tail ?? ''));
  const memory = bytes.buffer.slice(0, bytes.byteLength);
  const at = Buffer.byteLength(head);
  const parts = {
    head: new Uint8Array(memory, 0, at),
    tail: tail === null ? null : new Uint8Array(memory, at),
    indexed: content,
  };
  return { content: Serialized.of<'articles'>(parts), memory };
}

const CASES: Readonly<Record<string, Partial<Article>>> = {
  plain: {},
  'not ASCII': { title: 'Zoë and ñandú', html: '<p>日本語 \u2028 &amp; 🙂</p>', authors: ['Łukasz', '☃'] },
  'half a character': { title: 'a\ud83d', html: 'b\udc00c' },
  'quotes and controls': { html: '"\\\u0001\u001f\n\t\u007f', summary: '{"num":0}' },
  'a number of its own': { num: 4711 },
  'nothing in it': { guid: null, url: null, title: '', html: '', summary: '', authors: [], published: null },
  enclosures: { enclosures: [{ url: 'https://x.org/a.mp3', type: null, length: 7 }], categories: ['a', 'b'] },
  large: { html: 'ä'.repeat(400_000) },
};

export async function serializedEdits(t: Test, engine: Engine): Promise<void> {
  await t.test('content that came serialized is stored as the very same content is', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.articles);
      for (const [name, over] of Object.entries(CASES)) {
        const content = article({ feed: 'f', at: NOON + name.length, fingerprint: name, ...over });
        const outcomes = await writer.edit([
          { id: `${name}.plain`, content, ifVer: null },
          { id: `${name}.serialized`, content: serialized(content).content, ifVer: null },
        ]);
        t.match(outcomes, [{ result: 'written' }, { result: 'written' }], name);
        const plain = (await store.articles.get(`${name}.plain`))?.content;
        const other = (await store.articles.get(`${name}.serialized`))?.content;
        t.same({ ...other, num: 0 }, { ...plain, num: 0 }, name);
        t.ok(content.num === 0 ? (other?.num ?? 0) > (plain?.num ?? 0) : other?.num === content.num, name);
      }
      await writer.close();
      const digests = (await store.articles.digests({ limit: 100, deep: true })).digests;
      for (const { id, ver, content } of await store.articles.scan({ limit: 100 })) {
        const { h1, h2, h3 } = fingerprints(id, canonicalJson(content), ver, false);
        t.match(
          digests.find((digest) => digest.id === id),
          { h1, h2, h3, sound: true },
          id,
        );
      }
    });
  });

  await t.test('it can be looked up, and be changed by more of it', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.articles);
      const first = article({ feed: 'f', at: 5, fingerprint: 'one' });
      await writer.edit([{ id: 'a', content: serialized(first).content, ifVer: null }]);
      const there = (await store.articles.known(['a'])).get('a');
      t.match(there, { at: 5, fingerprint: 'one' });
      t.equal((await store.articles.byNum([there?.num ?? 0])).get(there?.num ?? 0)?.id, 'a');
      const second = article({ feed: 'f', at: 6, fingerprint: 'two', html: 'new' });
      const edit = { id: 'a', content: serialized(second).content };
      t.match(await writer.edit([{ ...edit, ifVer: null }]), [{ result: 'conflict' }]);
      t.match(await writer.edit([{ ...edit, ifVer: there?.ver ?? null }]), [{ result: 'written' }]);
      t.match((await store.articles.get('a'))?.content, { html: 'new', num: there?.num }, 'its number stays');
      t.match(await store.articles.timeline({ feed: 'f', limit: 9 }), [{ id: 'a', at: 6, num: there?.num }]);
      await writer.close();
    });
  });

  await t.test('where its memory was given back before, nothing is written', async (t) => {
    await withStore(engine, async (store) => {
      const writer = await openWriter(store.articles);
      const { content, memory } = serialized(article());
      memory.transfer(0);
      await rejectsWith(t, writer.edit([{ id: 'a', content, ifVer: null }]), 'BATCH_INVALID', 'given back');
      t.equal(await store.articles.count(), 0);
      await writer.close();
    });
  });
}

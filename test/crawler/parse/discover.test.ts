import t from 'tap';
import { discoverFeeds } from '../../../crawler/parse/discover.ts';
import { DISCOVERED_MAX } from '../../../crawler/parse/limits.ts';
import { cpuMs } from './cpu-time.ts';

const PAGE = 'https://site.example/blog/post';

t.test('declared feeds come in the order of the page, those of comments last', async (t) => {
  const html = `<html><head>
    <link rel="stylesheet" href="/style.css">
    <link rel="alternate" type="application/rss+xml" title="Comments" href="/comments/feed/">
    <LINK REL="Alternate Home" TYPE="application/atom+xml; charset=utf-8" TITLE="Posts &amp; news" HREF="atom.xml">
    <link rel=alternate type=application/feed+json href="//cdn.example/feed.json">
    <link rel="alternate" type="text/html" hreflang="de" href="/de">
    <link rel="alternate" type="application/json+oembed" href="/oembed">
    <link rel="alternate" type="application/json" href="/wp-json/wp/v2/posts/1">
  </head><body><a href="/other.rss">RSS</a></body></html>`;
  t.strictSame(discoverFeeds(html, PAGE), [
    { url: 'https://site.example/blog/atom.xml', title: 'Posts & news', type: 'application/atom+xml' },
    { url: 'https://cdn.example/feed.json', title: '', type: 'application/feed+json' },
    { url: 'https://site.example/comments/feed/', title: 'Comments', type: 'application/rss+xml' },
  ]);
});

t.test('relative addresses follow the base of the page', async (t) => {
  const html =
    '<base href="https://www.site.example/root/"><link rel="alternate" type="application/rss+xml" href="feed">';
  t.match(discoverFeeds(html, PAGE), [{ url: 'https://www.site.example/root/feed' }]);
});

t.test('where none is declared, links that look like feeds are offered', async (t) => {
  const html = `<p><a href="/about">About</a> <a href="/blog/feed/">Subscribe <b>here</b></a> <a href="/x.atom">Atom</a>
    <a href="feed:https://f.example/rss">f</a> <a href="/sitemap.xml">Sitemap</a> <a href="/news.xml"><i>RSS</i></a>
    <a href="/comments/feed">RSS of comments</a> <a href="javascript:feed.rss">x</a></p>`;
  t.strictSame(discoverFeeds(html, 'https://site.example/'), [
    { url: 'https://site.example/blog/feed/', title: 'Subscribe here', type: '' },
    { url: 'https://site.example/x.atom', title: 'Atom', type: '' },
    { url: 'https://f.example/rss', title: 'f', type: '' },
    { url: 'https://site.example/news.xml', title: 'RSS', type: '' },
    { url: 'https://site.example/comments/feed', title: 'RSS of comments', type: '' },
  ]);
});

t.test('a feed that is named twice is offered once', async (t) => {
  const link = '<link rel="alternate" type="application/rss+xml" href="/feed">';
  t.equal(discoverFeeds(link + link, PAGE).length, 1);
});

t.test('pages without feeds and what is no page at all offer none', async (t) => {
  for (const html of [
    '',
    'plain text',
    '<html></html>',
    '<link rel="alternate" type="application/rss+xml">',
    '<<<<>>>>',
  ]) {
    t.strictSame(discoverFeeds(html, PAGE), []);
  }
});

t.test('huge pages cost bounded time and offer a bounded number', async (t) => {
  const link = (i: number): string => `<link rel="alternate" type="application/rss+xml" href="/feed${i}">`;
  const many = Array.from({ length: 50_000 }, (_, i) => link(i)).join('');
  const ms = cpuMs(() => {
    t.equal(discoverFeeds(many, PAGE).length, DISCOVERED_MAX);
    discoverFeeds('<div>'.repeat(400_000), PAGE);
    discoverFeeds('<a href="/feed'.repeat(100_000), PAGE);
  });
  t.ok(ms < 15_000, `${Math.round(ms)} ms`);
});

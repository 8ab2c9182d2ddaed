import { drawing } from './drawing.ts';
import type { WorldFeed } from './feed.ts';
import { escapeMarkup } from './markup.ts';
import { between, chance, pick, type Random } from './random.ts';

/** What one article's body is made with. */
export interface Desk {
  readonly feed: WorldFeed;
  readonly random: Random;
  /** `http://HOST:PORT` of the feed. */
  readonly origin: string;
  readonly entry: number;
  /** Next sentence, as text. */
  readonly sentence: () => string;
}

export function openDesk(feed: WorldFeed, entry: number, origin: string, random: Random): Desk {
  return { feed, random, origin, entry, sentence: feed.prose.sentences(random) };
}

/**
 * A body of about so many characters: well-formed XHTML, so that it can stand in Atom's `xhtml` content; a messy feed
 * gets tag soup instead. Only numeric and XML entities.
 */
export function articleHtml(desk: Desk, charsTarget: number): string {
  const blocks = chance(desk.random, 0.35) ? [figure(desk, 0), paragraph(desk)] : [paragraph(desk)];
  let length = blocks.join('').length;
  while (length < charsTarget) {
    const block = someBlock(desk, blocks.length);
    blocks.push(block);
    length += block.length;
  }
  const soup = desk.feed.messy && desk.feed.style !== 'xhtml';
  return soup ? spill(desk, blocks) : blocks.join('\n');
}

function someBlock(desk: Desk, place: number): string {
  const at = desk.random();
  if (at < 0.7) return paragraph(desk);
  if (at < 0.78) return `<h2>${escapeMarkup(desk.feed.prose.section(desk.random))}</h2>\n${paragraph(desk)}`;
  if (at < 0.86) return `<blockquote><p>${escapeMarkup(desk.sentence())}</p></blockquote>`;
  if (at < 0.93) return list(desk);
  if (at < 0.97 || desk.feed.prose.language === 'en') return figure(desk, place);
  return at < 0.985 ? code(desk) : table(desk);
}

function paragraph(desk: Desk): string {
  const sentences = Array.from({ length: between(desk.random, 2, 5) }, () => adorned(desk));
  return `<p>${sentences.join(' ')}</p>`;
}

/** A sentence, some with a link, emphasis, code or a line break in it. */
function adorned(desk: Desk): string {
  const { random, feed } = desk;
  const text = escapeMarkup(desk.sentence());
  const at = random();
  if (at > 0.25) return text;
  const cut = text.lastIndexOf(' ');
  if (cut < 0 || text.includes('&')) return text;
  const [head, tail] = [text.slice(0, cut), text.slice(cut + 1)];
  if (feed.prose.language === 'en' && at >= 0.1) return at < 0.13 ? `${head} <em>${tail}</em>` : text;
  if (at < 0.1) return `${head} <a href="${linkFrom(desk)}">${tail}</a>`;
  if (at < 0.16) return `${head} <em>${tail}</em>`;
  if (at < 0.21) return `<strong>${head}</strong> ${tail}`;
  return at < 0.23 ? `${text}<br/>` : `${head} <code>${tail}</code>`;
}

/** To another article of the feed: absolute, or relative to the article's page. */
function linkFrom(desk: Desk): string {
  const other = between(desk.random, 0, Math.max(0, desk.entry - 1));
  return chance(desk.random, 0.3) ? `../articles/${other}` : `${desk.origin}/${desk.feed.slug}/articles/${other}`;
}

function figure(desk: Desk, place: number): string {
  const { feed, random } = desk;
  const name = `${desk.entry}-${place}`;
  const alt = escapeMarkup(feed.prose.caption(random));
  const inline = feed.prose.language !== 'en' && chance(random, 0.15);
  const source = inline
    ? `data:image/svg+xml;base64,${Buffer.from(drawing(name, feed.colour, 64, 32)).toString('base64')}`
    : `${desk.origin}/${feed.slug}/images/${name}.svg`;
  return `<figure><img src="${source}" alt="${alt}" width="720" height="360"/><figcaption>${alt}</figcaption></figure>`;
}

function list(desk: Desk): string {
  const tag = pick(desk.random, ['ul', 'ul', 'ol'] as const);
  const items = Array.from({ length: between(desk.random, 2, 5) }, () => `<li>${adorned(desk)}</li>`);
  return `<${tag}>${items.join('')}</${tag}>`;
}

function code(desk: Desk): string {
  const lines = Array.from({ length: between(desk.random, 2, 6) }, () => {
    const name = desk.feed.prose.tag(desk.random);
    return `  if (${name} &lt; ${between(desk.random, 0, 999)} &amp;&amp; !done) return &quot;${name}&quot;;`;
  });
  return `<pre><code>${lines.join('\n')}</code></pre>`;
}

function table(desk: Desk): string {
  const row = (tag: string): string =>
    `<tr>${[0, 1, 2].map(() => `<${tag}>${desk.feed.prose.tag(desk.random)}</${tag}>`).join('')}</tr>`;
  const rows = Array.from({ length: between(desk.random, 2, 4) }, () => row('td'));
  return `<table><thead>${row('th')}</thead><tbody>${rows.join('')}</tbody></table>`;
}

/** What crawlers meet every day: nothing closed, capitals, styles, scripts, pixels, named entities. */
function spill(desk: Desk, blocks: readonly string[]): string {
  const { random, feed, origin } = desk;
  const soup = blocks.map((block) =>
    chance(random, 0.5)
      ? block
          .replace(/^<p>(.*)<\/p>$/s, '<P style="margin:0 0 1em;font-family:Arial" class=MsoNormal>$1&nbsp;')
          .replaceAll('<br/>', '<BR>')
      : `<div onclick="track('${feed.slug}')">${block}</div>`,
  );
  const tail = `<script>var seen=${desk.entry};if(1<2&&seen)document.write("<img>")</script><img src="${origin}/${feed.slug}/pixel.svg?e=${desk.entry}" width=1 height=1>`;
  return `${soup.join('\n')}${tail}`;
}

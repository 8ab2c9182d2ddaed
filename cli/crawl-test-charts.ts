/** Small pictures of a test crawl as inline SVG. What they show is also said in words: `role="img"` with a label. Pure. */
import type { Span } from '../crawler/test-crawl/course.ts';
import { html, type Safe } from '../site/pages/html.ts';
import { bytes, span } from './text.ts';

/** Units of the drawing; it is stretched to the width of the page, so there is no text in it. */
const WIDTH = 600;
const HEIGHT = 120;
const GAP = 0.15;

interface Bar {
  readonly low: number;
  /** On top of the low part. */
  readonly high: number;
}

/** Fetches a second, failures on top. */
export function fetchesChart(course: readonly Span[], spanMs: number): Safe {
  const per = spanMs / 1_000;
  const bars = course.map(({ fetches, failures }) => ({ low: (fetches - failures) / per, high: failures / per }));
  return barChart(bars, spanMs, 'Fetches a second', rate);
}

export function bytesChart(course: readonly Span[], spanMs: number): Safe {
  const bars = course.map((one) => ({ low: one.bytes / (spanMs / 1_000), high: 0 }));
  return barChart(bars, spanMs, 'Bytes a second', (n) => `${bytes(n)}/s`);
}

function barChart(bars: readonly Bar[], spanMs: number, title: string, shown: (n: number) => string): Safe {
  const most = Math.max(...bars.map(({ low, high }) => low + high), Number.MIN_VALUE);
  const step = WIDTH / Math.max(1, bars.length);
  const scale = HEIGHT / most;
  const drawn = bars.map(({ low, high }, i) => {
    const x = fixed(i * step + (step * GAP) / 2);
    const width = fixed(step * (1 - GAP));
    const [lower, upper] = [low * scale, high * scale];
    return html`${rect('ok', x, HEIGHT - lower, width, lower)}${rect('bad', x, HEIGHT - lower - upper, width, upper)}`;
  });
  const total = span(bars.length * spanMs);
  return html`<figure class="chart"><figcaption>${title}<b>up to ${shown(most)}</b></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title} over ${total}: up to ${shown(most)}">${drawn}</svg>
<div class="axis"><span>0</span><span>${total}</span></div></figure>`;
}

function rect(kind: string, x: string, y: number, width: string, height: number): Safe | null {
  if (height <= 0) return null;
  return html`<rect class="${kind}" x="${x}" y="${fixed(y)}" width="${width}" height="${fixed(height)}"/>`;
}

export interface Share {
  readonly name: string;
  readonly count: number;
  /** Of the style sheet: `ok`, `soft-part`, `bad`. */
  readonly kind: 'ok' | 'soft-part' | 'bad';
}

/** One bar, cut into parts, with a legend. */
export function sharesChart(title: string, shares: readonly Share[]): Safe | null {
  const total = shares.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  let x = 0;
  const parts = shares.map(({ count, kind }) => {
    const width = (count / total) * WIDTH;
    const part = rect(kind, fixed(x), 0, fixed(width), 20);
    x += width;
    return part;
  });
  const words = shares.map(({ name, count }) => `${name} ${count.toLocaleString('en')}`).join(', ');
  const legend = shares.map(
    ({ name, count, kind }) =>
      html`<li><i class="${kind}" aria-hidden="true"></i>${name} <b>${count.toLocaleString('en')}</b></li>`,
  );
  return html`<figure class="shares"><svg viewBox="0 0 ${WIDTH} 20" preserveAspectRatio="none" role="img" aria-label="${title}: ${words}">${parts}</svg><ul class="legend">${legend}</ul></figure>`;
}

function rate(n: number): string {
  return `${n < 10 ? n.toFixed(1) : Math.round(n).toLocaleString('en')}/s`;
}

function fixed(n: number): string {
  return n.toFixed(2);
}

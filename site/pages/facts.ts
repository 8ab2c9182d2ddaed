import { html, type Safe } from './html.ts';

export type Fact = readonly [name: string, value: Safe | string | number];

/** Names and what they are, a row each. */
export function facts(pairs: readonly Fact[]): Safe {
  return html`<dl class="facts">${pairs.map(([name, value]) => html`<div><dt>${name}</dt><dd>${typeof value === 'number' ? value.toLocaleString('en-GB') : value}</dd></div>`)}</dl>`;
}

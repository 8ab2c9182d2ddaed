import pino from 'pino';
import type { Test } from 'tap';
import { request } from 'undici';
import { type RunningSite, startSite } from '../../site/server.ts';
import type { SiteOptions } from '../../site/site.ts';
import { DEFAULT_USER, subscribeAll } from '../../site/subscriptions.ts';
import type { Store } from '../../store/contract.ts';
import { feedOf, NOON } from './made-up.ts';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly code?: string;
}

/** A site over this store, with nothing behind its buttons but what the test gives. Closed after the test. */
export async function siteOver(
  t: Test,
  store: Store,
  over: Partial<SiteOptions> = {},
): Promise<RunningSite & { readonly lines: LogLine[] }> {
  const lines: LogLine[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line) as LogLine) });
  const nothing = () => {
    throw new Error('the test gave no such function');
  };
  const site = await startSite({
    ...{ store, log, hosts: [], listen: { host: '127.0.0.1', port: 0 }, clock: () => NOON },
    ...{ addFeed: nothing, importOpml: nothing, exportOpml: nothing, refresh: nothing },
    crawlerStatus: () => ({ running: true }),
    metricsText: async () => 'feedferry_up 1\n',
    ...over,
  });
  t.teardown(() => site.close());
  return Object.assign(site, { lines });
}

export async function follow(store: Store, names: readonly string[], folder: string | null = null): Promise<void> {
  await using writer = await store.subscriptions.openWriter({ owner: 'test', durability: 'lazy' });
  const feeds = names.map((name) => ({ feed: feedOf(name), title: null, folder }));
  await subscribeAll(store, writer, DEFAULT_USER, feeds, NOON);
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** Where a redirect leads. */
  readonly to: string;
}

/** What a browser sends when somebody clicks on a page of the site. */
export const CLICK = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

export async function get(site: RunningSite, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return ask(site, 'GET', path, headers);
}

/** Presses a button. */
export async function post(
  site: RunningSite,
  path: string,
  fields: Record<string, string> = {},
  headers: Record<string, string> = CLICK,
): Promise<Answer> {
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return ask(site, 'POST', path, { ...type, ...headers }, new URLSearchParams(fields).toString());
}

/** One request just as it is told: `fetch` would set headers of its own. */
export async function ask(
  site: RunningSite,
  method: 'GET' | 'HEAD' | 'POST',
  path: string,
  headers: Record<string, string>,
  body: string | null = null,
): Promise<Answer> {
  const answer = await request(site.url + path, { method, headers, body });
  const entries = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
  const all = new Headers(entries);
  return { status: answer.statusCode, text: await answer.body.text(), headers: all, to: all.get('location') ?? '' };
}

/** Titles of the articles in a list, in its order. */
export function titlesIn(page: string): string[] {
  return [...page.matchAll(/data-open>([^<]*)<\/a>/g)].map((match) => match[1] ?? '');
}

/** The number of unread articles that a page shows for a key: `all`, `feed:ID`, `folder:NAME`. */
export function countIn(page: string, key: string): number {
  const match = new RegExp(`data-count="${key}"[^>]*>(\\d+)<`).exec(page);
  return Number(match?.[1] ?? Number.NaN);
}

/** The value of a hidden field. */
export function fieldIn(page: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? '';
}

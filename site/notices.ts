/** Short messages that an action leaves for the page after it, by code, so that no address can put words on a page. */
const NOTICES = {
  added: (n: number) =>
    n === 0 ? 'Feed added.' : n === 1 ? 'Feed added, with one article.' : `Feed added, with ${n} articles.`,
  'added-paused': () => 'Feed added. Fetching is paused here for the moment; its articles come when it goes on.',
  known: () => 'You follow this feed already.',
  followed: () => 'You follow this feed now.',
  unfollowed: () => 'You no longer follow the feed. Its starred articles stay in your list.',
  arranged: () => 'Saved.',
  marked: () => 'Marked as read.',
  unread: () => 'Marked as unread.',
  refreshed: (n: number) =>
    n === 1 ? 'Fetched: one new article.' : n === 0 ? 'Fetched: nothing new.' : `Fetched: ${n} new articles.`,
  early: () =>
    'It was fetched not long ago, and its publisher is not asked again so soon. The next fetch stands below.',
  refreshing: () => 'The feed is slow to answer. It is still being fetched; look again in a minute.',
  paused: () => 'Fetching is paused here for the moment. The feed is fetched when it goes on.',
  failing: () => 'The feed could not be fetched; the reason stands below.',
} as const;

export type NoticeCode = keyof typeof NOTICES;

/** The words for a code and its number; null for what is no code. */
export function noticeText(code: string, n: number): string | null {
  return Object.hasOwn(NOTICES, code) ? NOTICES[code as NoticeCode](n) : null;
}

/** The same address, with a notice to show there. */
export function withNotice(path: string, code: NoticeCode, n = 0): string {
  const url = new URL(path, 'http://site.invalid');
  url.searchParams.set('notice', code);
  if (n > 0) url.searchParams.set('n', String(n));
  return url.pathname + url.search + url.hash;
}

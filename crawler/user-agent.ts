/**
 * What the crawler calls itself: a text with placeholders, filled in for each feed. Many publishers read their number of
 * readers from it, as Feedly, NewsBlur and others send it: `Name/1.0 (+https://site; 12 subscribers; feed-id=...)`. Pure.
 */

/** What may stand in braces. */
export const USER_AGENT_PLACEHOLDERS = ['version', 'site', 'subscribers', 'feed'] as const;

export type UserAgentPlaceholder = (typeof USER_AGENT_PLACEHOLDERS)[number];

/** Of the text, placeholders not filled in. */
export const USER_AGENT_LENGTH_MAX = 256;

/** Of each value that is filled in. */
const VALUE_LENGTH_MAX = 200;

const PLACEHOLDER = /\{([^{}]*)\}/g;

/** Printable ASCII (RFC 9110 section 5.5), and every brace belongs to a placeholder that exists. */
export function isUserAgent(text: string): boolean {
  if (text.length > USER_AGENT_LENGTH_MAX || !/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text)) return false;
  const known: readonly string[] = USER_AGENT_PLACEHOLDERS;
  const rest = text.replace(PLACEHOLDER, (whole, name: string) => (known.includes(name) ? '' : whole));
  return !/[{}]/.test(rest);
}

export function hasPlaceholder(text: string, name: UserAgentPlaceholder): boolean {
  return text.includes(`{${name}}`);
}

/** The header's value. Valid whatever the values are, where `isUserAgent(text)`: what a comment can't hold is left out. */
export function filledUserAgent(text: string, values: Readonly<Record<UserAgentPlaceholder, string | number>>): string {
  const filled = text.replace(PLACEHOLDER, (whole, name: UserAgentPlaceholder) =>
    Object.hasOwn(values, name) ? plain(String(values[name])) : whole,
  );
  return filled.trim() || 'Feedferry';
}

/** RFC 9110 section 5.6.5: parentheses and backslashes have a meaning of their own in a comment. */
function plain(value: string): string {
  return value.replace(/[^\x21-\x7e]|[()\\]/g, '').slice(0, VALUE_LENGTH_MAX);
}

/** Gives the header for a feed; null: a fetch for no feed that is in the store. */
export type UserAgentOf = (feed: string | null) => string | Promise<string>;

export interface UserAgentSource {
  readonly text: string;
  readonly version: string;
  /** Where publishers can read about this site. */
  readonly siteUrl: string;
  /** How many follow a feed. Asked only where the text has the placeholder. */
  readonly subscribers: (feed: string) => Promise<number>;
}

/** The same text for all feeds where nothing in it differs between them. */
export function userAgentOf({ text, version, siteUrl, subscribers }: UserAgentSource): string | UserAgentOf {
  const fill = (feed: string | null, count: number) =>
    filledUserAgent(text, { version, site: siteUrl, subscribers: count, feed: feed ?? 'none' });
  if (!hasPlaceholder(text, 'subscribers'))
    return hasPlaceholder(text, 'feed') ? (feed) => fill(feed, 0) : fill(null, 0);
  return async (feed) => fill(feed, feed === null ? 0 : await subscribers(feed));
}

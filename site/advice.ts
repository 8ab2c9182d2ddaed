/**
 * What a reader is told about the code of an error that a feed met: what it means in plain words and what to do. The
 * error itself carries a message for operators. A code is looked up whole, then by its beginning.
 */
const ADVICE: Readonly<Record<string, string>> = {
  FETCH_DNS: 'The name of the site was not found. Check the spelling; if it was right before, the site may be gone.',
  FETCH_REFUSED: 'The site takes no connections at the moment. It is tried again by itself.',
  FETCH_UNREACHABLE: 'The site cannot be reached at the moment. It is tried again by itself.',
  FETCH_TIMEOUT: 'The site took too long to answer. It is tried again by itself.',
  FETCH_RESET: 'The site broke off in the middle. It is tried again by itself.',
  FETCH_TRUNCATED: 'The site broke off in the middle. It is tried again by itself.',
  FETCH_TLS: "The site's certificate is not valid. Only its owner can mend that.",
  FETCH_ADDRESS_FORBIDDEN: 'The address lies in a private network, which this server was not allowed to visit.',
  FETCH_TOO_LARGE: 'The feed is larger than this server takes.',
  FETCH_BAD_ENCODING: 'The site sends its feed packed in a broken way. Only its owner can mend that.',
  FETCH_REDIRECTS: 'The site sends visitors round in circles. Look for the new address of the feed on the site.',
  FETCH_HTTP_401: 'The feed asks for a password.',
  FETCH_HTTP_403: 'The site turns this server away. Its owner may allow it when asked.',
  FETCH_HTTP_404: 'There is nothing at this address. Look for the new address of the feed on the site.',
  FETCH_HTTP_410: 'The feed was closed for good. You can stop following it.',
  FETCH_HTTP_429: 'The site asks for fewer visits. The next one is later.',
  FETCH_HTTP_5: 'The site has trouble of its own. It is tried again by itself.',
  FETCH_HTTP: 'The site refuses to give the feed. Look at the address in a browser.',
  FETCH_URL: 'This is not the address of a web page. It should start with https://.',
  FETCH: 'The feed could not be fetched. It is tried again by itself.',
  PARSE_HTML: 'There is a web page at this address, not a feed. Look for the address of the feed on the site.',
  PARSE_NOT_A_FEED: 'What is at this address is not a feed. Look for the address of the feed on the site.',
  PARSE_EMPTY: 'The site sent an empty file. It is tried again by itself.',
  PARSE_TRUNCATED: 'The feed stops in the middle. It is tried again by itself.',
  PARSE_TOO: 'The feed is larger or deeper than this server takes.',
  PARSE: 'The feed is broken in a way that cannot be mended here. Its owner should hear of it.',
  DISCOVER_NONE: 'No feed was found on this page. Look on the site for a link named RSS, Atom or feed.',
  DISCOVER_MANY: 'The site has several feeds. Choose one.',
  CRAWL_PAUSED: 'Fetching is paused here for the moment. What is due is fetched when it goes on.',
  OPML: 'The file is not an OPML file that can be read. Export it again from the other reader.',
};

/** Null where the code is unknown. */
export function adviceFor(code: string): string | null {
  const own = ADVICE[code];
  if (own !== undefined) return own;
  let best = '';
  for (const key of Object.keys(ADVICE)) {
    if (code.startsWith(key) && key.length > best.length) best = key;
  }
  return ADVICE[best] ?? null;
}

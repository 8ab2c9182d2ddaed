/** User and password of a URL, as basic authentication (RFC 7617), and whom it is for. */
export function loginOf(url: URL): { origin: string; authorization: string } | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const login = `${percentDecoded(url.username)}:${percentDecoded(url.password)}`;
  return { origin: url.origin, authorization: `Basic ${Buffer.from(login).toString('base64')}` };
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** For messages and histories, which more people see than the feed's settings. */
export function withoutLogin(url: URL): string {
  if (url.username === '' && url.password === '') return url.href;
  const shown = new URL(url.href);
  shown.username = '';
  shown.password = '';
  return shown.href;
}

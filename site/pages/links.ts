/** Addresses and languages as feeds state them, made fit to stand in a page. Pure. */

/** The address itself where it leads to the web; null for `javascript:` and the like. */
export function webUrl(url: string | null): string | null {
  return url !== null && /^https?:\/\//i.test(url) ? url : null;
}

/** An address for people: without scheme, `www.`, password, and a slash at the end. */
export function shortUrl(url: string): string {
  return url.replace(/^https?:\/\/(?:[^/?#]*@)?(?:www\.)?/i, '').replace(/\/$/, '');
}

/** A language tag (BCP 47) that browsers and screen readers know what to do with; null for `English` or `en_`. */
export function languageTag(language: string | null): string | null {
  if (language === null || !/^[a-z]{2,3}(?:[-_]|$)/i.test(language.trim())) return null;
  try {
    return Intl.getCanonicalLocales(language.trim().replaceAll('_', '-'))[0] ?? null;
  } catch {
    return null;
  }
}

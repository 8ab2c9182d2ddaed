import type { IncomingHttpHeaders } from 'node:http';

export interface Validators {
  readonly etag: string | null;
  /** An HTTP date. */
  readonly lastModified: string | null;
}

/**
 * Whether a 304 is due (RFC 9110 section 13.2.2): If-None-Match decides where there is one, compared weakly; else
 * If-Modified-Since, where the server has a date at all.
 */
export function isNotModified(headers: IncomingHttpHeaders, validators: Validators): boolean {
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined) {
    if (validators.etag === null) return false;
    return noneMatch.trim() === '*' || opaqueTags(noneMatch).includes(opaque(validators.etag));
  }
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return validators.lastModified !== null && Number.isFinite(since) && Date.parse(validators.lastModified) <= since;
}

/** Quotes are part of a tag: an unquoted one is none. */
function opaqueTags(header: string): string[] {
  return (header.match(/(?:W\/)?"[^"]*"/g) ?? []).map(opaque);
}

function opaque(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag;
}

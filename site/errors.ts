import { CodedError, type ErrorDetails } from '../store/errors.ts';

/** The codes of `site/`, each with its HTTP status and what a reader or an operator should do about it. */
export const SITE_ERRORS = {
  SITE_HOST_UNKNOWN: {
    status: 421,
    advice: 'Add the name to the allowed hosts of this server (setting `hosts`), or use its IP address or localhost.',
  },
  SITE_CROSS_ORIGIN: {
    status: 403,
    advice: 'Nothing was changed. Open the page on this site and press the button there.',
  },
  SITE_PAGE_UNKNOWN: { status: 404, advice: 'Check the address, or start from the list of articles.' },
  SITE_FEED_UNKNOWN: { status: 404, advice: 'It may have been removed; the list of feeds shows those you follow.' },
  SITE_ARTICLE_UNKNOWN: { status: 404, advice: 'It may have been removed together with its feed.' },
  SITE_METHOD_UNSUPPORTED: { status: 405, advice: 'Open the page with a link and use the buttons on it.' },
  SITE_FORM_INVALID: { status: 400, advice: 'Go back, correct the field, and send the form again.' },
  SITE_CURSOR_INVALID: { status: 400, advice: 'Start again from the newest articles.' },
  SITE_BODY_TOO_LARGE: { status: 413, advice: 'Send less at once; an OPML file may have up to 10 MB.' },
  SITE_BODY_UNSUPPORTED: { status: 415, advice: 'Use the forms of this site.' },
  SITE_UPLOAD_MISSING: { status: 400, advice: 'Choose an OPML file on your device first.' },
  SITE_TIMEOUT: { status: 503, advice: 'The work goes on in the background; look again in a minute.' },
  SITE_REQUEST_INVALID: { status: 400, advice: 'Reload the page and try again.' },
  SITE_INTERNAL: { status: 500, advice: 'Try again; if it stays, tell the operator the time and the code.' },
  SITE_PORT_TAKEN: { status: 500, advice: 'Stop the program that uses the port, or choose another one.' },
  SITE_PORT_FORBIDDEN: { status: 500, advice: 'Choose a port above 1023, or allow this user to use low ports.' },
  SITE_ADDRESS_UNKNOWN: { status: 500, advice: 'Listen on 127.0.0.1, on 0.0.0.0, or on an address of this machine.' },
} as const;

export type SiteErrorCode = keyof typeof SITE_ERRORS;

/** A site error with the advice that its code carries. */
export function siteError(
  code: SiteErrorCode,
  message: string,
  details: Omit<ErrorDetails, 'advice'> = {},
): CodedError<SiteErrorCode> {
  return new CodedError(code, message, { ...details, advice: SITE_ERRORS[code].advice });
}

/** The HTTP status for any coded error: what the store refuses for now is 503, what a feed's server did is 422. */
export function statusOf(code: string): number {
  if (Object.hasOwn(SITE_ERRORS, code)) return SITE_ERRORS[code as SiteErrorCode].status;
  if (/^(STORE|DATABASE|WRITER|WRITE|EDIT)_/.test(code)) return 503;
  if (/^CRAWL_(PAUSED|STOPPED|SLOW|QUEUE_.*)$/.test(code)) return 503;
  if (code === 'USAGE_INVALID') return 400;
  if (code === 'DESTINATION_UNKNOWN') return 404;
  if (/^CRAWLERS_/.test(code)) return 409;
  if (/^(FETCH|PARSE|DISCOVER|OPML)_/.test(code)) return 422;
  return 500;
}

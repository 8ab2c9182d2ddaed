import { CodedError, type ErrorDetails } from '../../store/errors.ts';

/** What `parseFeed` and `parseOpml` throw, each with what a user should do about it. */
export const PARSE_ERRORS = {
  PARSE_EMPTY: 'The server sent nothing; look at the address in a browser, or wait for the publisher to mend it.',
  PARSE_HTML: "This is a web page, not a feed; add the site's address to have its feeds looked for.",
  PARSE_NOT_A_FEED: 'This is neither RSS, Atom nor JSON Feed; check the address.',
  PARSE_TRUNCATED: 'The document ends before its first whole entry; try again, or tell the publisher.',
  PARSE_MALFORMED: 'The document is too broken to be mended; tell the publisher.',
  PARSE_TOO_DEEP: 'The document nests elements deeper than any feed does; tell the publisher.',
  PARSE_TOO_LARGE: 'The document is larger than the limit; ask the publisher for a feed with fewer entries.',
  PARSE_ENCODING: 'The characters of the document could not be read; tell the publisher which encoding it declares.',
  OPML_EMPTY: 'The file is empty; export it again from the other reader.',
  OPML_NOT_OPML: 'This is no OPML file; choose the subscription list that the other reader exported.',
  OPML_MALFORMED: 'The file is too broken to be read; export it again from the other reader.',
  OPML_TOO_LARGE: 'The file is larger than the limit; split it into several files.',
} as const;

export type ParseErrorCode = keyof typeof PARSE_ERRORS;

/** A parse error with the advice that its code carries. */
export function parseError(
  code: ParseErrorCode,
  message: string,
  details: Omit<ErrorDetails, 'advice'> = {},
): CodedError<ParseErrorCode> {
  return new CodedError(code, message, { ...details, advice: PARSE_ERRORS[code] });
}

/** What was mended or left out: the codes of `ParsedFeed.warnings` and of OPML warnings. */
export const PARSE_WARNINGS = {
  PARSE_CHARSET: 'The declared character encoding was wrong or missing; another one fitted.',
  PARSE_CHARACTERS: 'Characters that XML forbids were dropped, or undecodable ones replaced.',
  PARSE_LEADING_JUNK: 'Something stood before the document and was skipped.',
  PARSE_MENDED: 'Markup that is not well-formed XML was mended.',
  PARSE_CUT: 'The document ends early; whole entries were kept.',
  PARSE_ENTRIES_LEFT_OUT: 'There are more entries than the limit; the first ones were kept.',
  PARSE_TEXT_CUT: 'A text was longer than the limit and was cut.',
  PARSE_DATE: 'A date could not be read.',
  PARSE_URL: 'A link is not an http(s) address and was left out.',
  PARSE_ENTITIES: 'Entities of the DOCTYPE were not expanded.',
  PARSE_FIELD: 'A field has the wrong type and was left out.',
  OPML_URL: 'An outline has no usable address and was left out.',
  OPML_DUPLICATE: 'An address was listed more than once; the first one counts.',
  OPML_LIMIT: 'There are more outlines than the limit, or nested deeper; the rest was left out.',
  OPML_MENDED: 'The file is not well-formed and was mended.',
} as const;

export type ParseWarningCode = keyof typeof PARSE_WARNINGS;

import { CodedError, type ErrorDetails } from '../../store/errors.ts';

/** The codes of `crawler/test-crawl/`, each with what to do about it. */
export const TESTCRAWL_ERRORS = {
  TEST_CRAWL_SAME_STORE: 'A test crawl writes into a store of its own: give another one with --store.',
  TEST_CRAWL_STORE_IN_USE:
    'Give a store of its own with --store, such as sqlite:./test-crawl.db; --into-existing takes this one all the same.',
  TEST_CRAWL_NOTHING_DUE:
    'An earlier test crawl has fetched them: wait until they are due again, give a new --store, or add --force.',
  TEST_CRAWL_NO_FEEDS: 'Check what --feeds-from names; feeds that are gone or paused there are not fetched.',
} as const;

export type TestCrawlErrorCode = keyof typeof TESTCRAWL_ERRORS;

/** An error of a test crawl with the advice that its code carries. */
export function testCrawlError(
  code: TestCrawlErrorCode,
  message: string,
  details: Omit<ErrorDetails, 'advice'> = {},
): CodedError<TestCrawlErrorCode> {
  return new CodedError(code, message, { ...details, advice: TESTCRAWL_ERRORS[code] });
}

import { CodedError, type ErrorDetails } from '../../store/errors.ts';

/** Why no hub pushes a feed, each with what to do about it. The feed is polled as ever meanwhile. */
export const WEBSUB_ERRORS = {
  WEBSUB_HUB_REFUSED: 'The hub did not take the subscription; other hubs are tried, then this one again later.',
  WEBSUB_DENIED: 'The hub has ended the subscription, or its publisher has; it is tried again later.',
  WEBSUB_NOT_VERIFIED:
    'The hub never asked back at the callback; check that the public URL reaches this Feedferry from the internet.',
  WEBSUB_LAPSED: 'The hub did not renew the subscription in time; it is subscribed to again.',
  WEBSUB_HUB_SILENT: 'Polls found articles that the hub had not pushed; it is tried again later.',
} as const;

export type WebSubErrorCode = keyof typeof WEBSUB_ERRORS;

/** A WebSub error with the advice that its code carries. */
export function webSubError(
  code: WebSubErrorCode,
  message: string,
  details: Omit<ErrorDetails, 'advice'> = {},
): CodedError<WebSubErrorCode> {
  return new CodedError(code, message, { ...details, advice: WEBSUB_ERRORS[code] });
}

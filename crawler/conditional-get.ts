/**
 * Validators (RFC 9110 section 8.8) are opaque: they are stored as they came and sent back as they are, weak marks,
 * odd quotes and unparseable dates included.
 */
export interface Validators {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

export const NO_VALIDATORS: Validators = { etag: null, lastModified: null };

/** Of something that has validators and more. */
export function validatorsOf({ etag, lastModified }: Validators): Validators {
  return { etag, lastModified };
}

/** Longer ones are not worth their way back. */
const VALIDATOR_LENGTH_MAX = 2_048;

/** Both are sent where both are there, as RFC 9110 section 13.1.3 advises. */
export function conditionalHeaders(validators: Validators): Record<string, string> {
  const headers: Record<string, string> = {};
  if (validators.etag !== null) headers['if-none-match'] = validators.etag;
  if (validators.lastModified !== null) headers['if-modified-since'] = validators.lastModified;
  return headers;
}

export function isConditional(validators: Validators): boolean {
  return validators.etag !== null || validators.lastModified !== null;
}

/** Of a body: what came with it and nothing else; those of an older body say nothing about this one. */
export function validatorsOfBody(etag: string | undefined, lastModified: string | undefined): Validators {
  return { etag: usable(etag), lastModified: usable(lastModified) };
}

/** Of a 304: it freshens what it names (RFC 9111 section 4.3.4); what it does not name stays. */
export function validatorsAfter304(sent: Validators, etag: string | undefined, lastModified: string | undefined) {
  return { etag: usable(etag) ?? sent.etag, lastModified: usable(lastModified) ?? sent.lastModified };
}

/** A header that could not be sent back (RFC 9110 section 5.5) is no validator. */
function usable(value: string | undefined): string | null {
  if (value === undefined || value === '' || value.length > VALIDATOR_LENGTH_MAX) return null;
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return null;
  }
  return value;
}

import { replicatorError } from '../../errors.ts';

/** What came is not what was sent. Sending it again is harmless, and usually mends it. */
export function damaged(what: string, cause?: unknown): Error {
  const details = cause === undefined ? { retryable: true } : { retryable: true, cause };
  return replicatorError('WIRE_DAMAGED', `What came over the wire is damaged: ${what}.`, details);
}

export function tooLarge(what: string): Error {
  return replicatorError('WIRE_TOO_LARGE', `What came over the wire is larger than agreed: ${what}.`);
}

/** `found`: what the other end speaks, as it wrote it. */
export function otherProtocol(found: string): Error {
  const input = found.slice(0, 100);
  return replicatorError('WIRE_VERSION', `The other end speaks another version of the protocol: "${input}".`, {
    input,
  });
}

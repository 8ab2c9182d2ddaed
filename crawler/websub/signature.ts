/** Whether a push comes from whoever knows the secret (W3C WebSub section 7.1): `X-Hub-Signature: sha256=HEX`. */
import { createHmac, timingSafeEqual } from 'node:crypto';

const HASHES: ReadonlySet<string> = new Set(['sha1', 'sha256', 'sha384', 'sha512']);

export type Signature = 'valid' | 'missing' | 'wrong';

export function checkSignature(header: string | undefined, secret: string, body: Uint8Array): Signature {
  if (header === undefined || header.trim() === '') return 'missing';
  const [, name = '', hex = ''] = /^\s*([a-z0-9]+)=([0-9a-f]{40,128})\s*$/i.exec(header) ?? [];
  const hash = name.toLowerCase();
  if (!HASHES.has(hash)) return 'wrong';
  const expected = createHmac(hash, secret).update(body).digest();
  const given = Buffer.from(hex, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected) ? 'valid' : 'wrong';
}

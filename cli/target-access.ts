import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CodedError } from '../store/errors.ts';
import { cliError } from './errors.ts';

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

export interface TargetAccess {
  readonly token?: string;
  readonly ca?: string;
}

/** What opens an `https://` destination, read from its files. Throws FILE_UNREADABLE and the codes of token files. */
export async function targetAccess(
  { tokenFile, caFile }: { readonly tokenFile: string | null; readonly caFile: string | null },
  cwd: string,
): Promise<TargetAccess> {
  const { readTokenFile } = await import('./token-file.ts');
  return {
    ...(tokenFile !== null && { token: await readTokenFile(resolve(cwd, tokenFile)) }),
    ...(caFile !== null && { ca: await readCa(resolve(cwd, caFile)) }),
  };
}

async function readCa(path: string): Promise<string> {
  try {
    const pem = await readFile(path, 'utf8');
    checkCertificates(pem, path);
    return pem;
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    throw cliError('FILE_UNREADABLE', `Cannot read ${path}: ${(cause as Error).message}`, { input: path, cause });
  }
}

/** TLS passes over whatever is no certificate, and would then say that the receiver's is not trusted. */
function checkCertificates(pem: string, path: string): void {
  const about = { input: path, advice: 'Name a file with certificates as PEM: -----BEGIN CERTIFICATE-----' };
  const certificates = pem.match(CERTIFICATES) ?? [];
  if (certificates.length === 0) throw cliError('FILE_UNREADABLE', `There is no certificate in ${path}.`, about);
  for (const [i, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      const message = `Certificate ${i + 1} of ${certificates.length} in ${path} is damaged.`;
      throw cliError('FILE_UNREADABLE', message, { ...about, cause });
    }
  }
}

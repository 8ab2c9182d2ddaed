/** Certificates of a day, made by the `openssl` program. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificates {
  /** Of the authority, PEM. */
  readonly ca: string;
  /** A server's, for the names it was made for. */
  readonly cert: string;
  readonly key: string;
}

/** `names`: as in a certificate, such as `IP:127.0.0.1` and `DNS:localhost`. Undefined: there is no `openssl`. */
export async function makeCertificates(names: readonly string[], days = 1): Promise<Certificates | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-certificates-'));
  const at = (name: string): string => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  try {
    await writeFile(at('names.cnf'), `subjectAltName=${names.join(',')}\n`);
    await run('openssl', [
      ...['req', '-x509', ...key, '-subj', '/CN=test authority', '-days', '1'],
      ...['-keyout', at('ca.key'), '-out', at('ca.pem')],
    ]);
    await run('openssl', ['req', '-new', ...key, '-subj', '/CN=test', '-keyout', at('key.pem'), '-out', at('csr.pem')]);
    await run('openssl', [
      ...['x509', '-req', '-in', at('csr.pem'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'],
      ...['-days', String(days), '-extfile', at('names.cnf'), '-out', at('cert.pem')],
    ]);
    const [ca, cert, made] = await Promise.all(
      ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(at(name), 'utf8')),
    );
    return { ca: ca ?? '', cert: cert ?? '', key: made ?? '' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

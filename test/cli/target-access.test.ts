/** What opens a destination behind `https://`. */
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import t from 'tap';
import { targetAccess } from '../../cli/target-access.ts';

t.test('a file of certificates is taken as it is; one without any is refused before anybody connects', async (t) => {
  const [one = '', two = ''] = rootCertificates;
  const bundle = `The first:\n${one}\nThe second:\n${two}\n`;
  const folder = t.testdir({
    'ca.pem': bundle,
    'empty.pem': '',
    'key.pem': '-----BEGIN PRIVATE KEY-----\nabcd\n-----END PRIVATE KEY-----\n',
    'damaged.pem': `${one}\n${two.replace(/\n[^-\n]{10}/, '\nAAAAAAAAAA')}`,
  });
  const access = (caFile: string) => targetAccess({ tokenFile: null, caFile }, folder);
  t.strictSame(await access('ca.pem'), { ca: bundle });
  const path = (name: string) => join(folder, name);
  for (const name of ['empty.pem', 'key.pem']) {
    const refused = { code: 'FILE_UNREADABLE', input: path(name), message: /no certificate/, advice: /PEM/ };
    await t.rejects(access(name), refused);
  }
  await t.rejects(access('damaged.pem'), { code: 'FILE_UNREADABLE', message: /Certificate 2 of 2/ });
  await t.rejects(access('nowhere.pem'), { code: 'FILE_UNREADABLE', message: /ENOENT/ });
});

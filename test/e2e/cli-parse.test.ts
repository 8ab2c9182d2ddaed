import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { cliFor } from './cli-process.ts';

const RSS = `<rss version="2.0"><channel><title>Bulletin</title><link>https://example.org/</link>
<item><title>One</title><link>/one</link><guid>1</guid><description>Hello</description></item></channel></rss>`;

t.test('parse prints the normalised feed of a file as JSON', async (t) => {
  const cli = await cliFor(t);
  await writeFile(join(cli.folder, 'feed.xml'), RSS);
  const { code, stdout, stderr } = await cli.run(['parse', 'feed.xml', '--base', 'https://example.org/feed.xml']);
  t.equal(code, 0);
  t.equal(stderr, '');
  const feed = JSON.parse(stdout);
  t.match(feed, { format: 'rss', version: '2.0', title: 'Bulletin', entries: [{ guid: '1', title: 'One' }] });
  t.equal(feed.entries[0].url, 'https://example.org/one', 'relative links are resolved against --base');
});

t.test('parse - reads standard input, and --json puts the feed on one line', async (t) => {
  const cli = await cliFor(t);
  const { stdout } = await cli.run(['parse', '-', '--json'], { input: RSS });
  t.equal(stdout.trim().split('\n').length, 1);
  t.equal(JSON.parse(stdout).title, 'Bulletin');
});

t.test('parse takes the charset of --content-type', async (t) => {
  const cli = await cliFor(t);
  const koi8 = Buffer.concat([
    Buffer.from('<rss version="2.0"><channel><title>'),
    Buffer.from([0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4]),
    Buffer.from('</title></channel></rss>'),
  ]);
  const { stdout } = await cli.run(['parse', '-', '--content-type', 'text/xml; charset=koi8-r'], { input: koi8 });
  t.equal(JSON.parse(stdout).title, 'Привет');
});

// Each row: what is not a feed, and its code.
const REFUSED: [string, string, string][] = [
  ['a web page', '<!doctype html><html><body>Hello</body></html>', 'PARSE_HTML'],
  ['nothing', '', 'PARSE_EMPTY'],
  ['prose', 'Dear reader,', 'PARSE_NOT_A_FEED'],
];
for (const [what, input, expected] of REFUSED) {
  t.test(`parse fails on ${what} with ${expected} and exit code 1`, async (t) => {
    const cli = await cliFor(t);
    const { code, stdout, stderr } = await cli.run(['parse', '-'], { input });
    t.equal(code, 1);
    t.equal(stdout, '');
    t.match(stderr, new RegExp(`^error ${expected}: `));
  });
}

t.test('parse says what is wrong with a file that cannot be read', async (t) => {
  const cli = await cliFor(t);
  t.match((await cli.run(['parse', 'nowhere.xml'])).stderr, /FILE_UNREADABLE: .*nowhere\.xml: there is no such file/);
  t.match((await cli.run(['parse', '.'])).stderr, /FILE_UNREADABLE: .*it is a folder/);
});

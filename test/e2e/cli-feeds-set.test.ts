import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { httpServer } from '../crawler/servers.ts';
import { cliFor } from './cli-process.ts';

t.test('what is set for a feed is sent to its publisher, and no command shows the secrets', async (t) => {
  await using web = await httpServer((request, response) => {
    const isKnown = request.headers.authorization === `Basic ${Buffer.from('me:t0ps3cret').toString('base64')}`;
    if (!isKnown) response.writeHead(401).end();
    else response.end('<rss version="2.0"><channel><title>Mine</title></channel></rss>');
  });
  const cli = await cliFor(t);
  const run = (...args: string[]) => cli.run([...args, '--store', 'sqlite:./a.db']);
  const url = `${web.url.replace('//', '//old:urls3cret@')}/feed`;
  await writeFile(join(cli.folder, 'a.opml'), `<opml><body><outline xmlUrl="${url}" text="A"/></body></opml>`);
  await writeFile(join(cli.folder, 'login'), 'me:t0ps3cret\n');
  await run('feeds', 'import', 'a.opml');
  const [{ id }] = JSON.parse((await run('feeds', 'list', '--json')).stdout);
  const set = await run(
    'feeds',
    'set',
    id,
    '--login',
    '@login',
    '--header',
    'X-Key: k3ys3cret',
    '--user-agent',
    'Mine/1',
  );
  t.equal(set.code, 0, set.stderr);
  const crawled = await run('crawl', '--once', '--json', '--allow-private-networks', '127.0.0.0/8');
  t.match(JSON.parse(crawled.stdout), { fetched: 1 });
  t.match(web.requests[0]?.headers, { 'user-agent': 'Mine/1', 'x-key': 'k3ys3cret' });
  const shown = [set, crawled, await run('feeds', 'show', id), await run('feeds', 'show', id, '--json')];
  t.notMatch(shown.map(({ stdout, stderr }) => stdout + stderr).join(), /s3cret/);
  t.match(shown[2]?.stdout, /User-Agent "Mine\/1"; a login and headers x-key for\s+http:\/\/127/);
  t.match(JSON.parse((await run('feeds', 'set', id, '--login', 'none', '--header', 'X-Key:', '--json')).stdout), {
    overrides: { userAgent: 'Mine/1', login: false, headers: [], origin: null },
  });
  t.same(JSON.parse((await run('feeds', 'set', id, '--clear', '--json')).stdout).overrides, null);
});

t.test('what can not be sent is refused, and nothing is set', async (t) => {
  const cli = await cliFor(t);
  const wrong = [
    [],
    ['--header', 'Host: x'],
    ['--login', 'nobodys3cret'],
    ['--proxy', 'socks5://x'],
    ['--timeout', '1ms'],
  ];
  for (const flags of [...wrong, ['--user-agent', 'A {feed}']]) {
    const ended = await cli.run(['feeds', 'set', 'abcdefgh', ...flags, '--store', 'sqlite:./a.db']);
    t.equal(ended.code, 2, flags.join(' '));
    t.notMatch(ended.stderr, /s3cret/);
  }
});

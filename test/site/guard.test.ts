import t from 'tap';
import { isOwnHost, isOwnNavigation, isSameOrigin, SECURITY_HEADERS } from '../../site/guard.ts';

t.test('a host is ours when it cannot be made to point elsewhere, or is named in the settings', async (t) => {
  const hosts = ['reader.example.org', 'Feeds.Home:8080'];
  const cases: [string | undefined, boolean][] = [
    ['localhost', true],
    ['localhost:8080', true],
    ['LOCALHOST:8080', true],
    ['app.localhost', true],
    ['127.0.0.1:8080', true],
    ['192.168.1.20', true],
    ['[::1]:8080', true],
    ['reader.example.org', true],
    ['reader.example.org.:443', true],
    ['feeds.home', true],
    ['evil.example.org', false],
    ['reader.example.org.evil.com', false],
    ['localhost.evil.com', false],
    ['127.0.0.1.evil.com', false],
    ['notlocalhost', false],
    ['user@localhost', false],
    ['localhost/x', false],
    ['', false],
    [undefined, false],
  ];
  for (const [host, expected] of cases) t.equal(isOwnHost(host, hosts), expected, String(host));
});

t.test('a change is taken from a page of this site, or from a program', async (t) => {
  const host = 'reader.example.org';
  t.ok(isSameOrigin({ host, 'sec-fetch-site': 'same-origin' }));
  t.ok(isSameOrigin({ host, 'sec-fetch-site': 'none' }), 'the person typed it or reloads');
  t.ok(isSameOrigin({ host: 'reader.example.org:8080', origin: 'http://reader.example.org:8080' }));
  t.ok(isSameOrigin({ host }), 'no browser sends a form without either');
});

t.test('a change is not taken from a page of another site', async (t) => {
  const host = 'reader.example.org';
  t.notOk(isSameOrigin({ host, 'sec-fetch-site': 'cross-site', origin: 'https://evil.com' }));
  t.notOk(isSameOrigin({ host, 'sec-fetch-site': 'same-site', origin: 'https://other.example.org' }));
  t.notOk(isSameOrigin({ host, origin: 'https://evil.com' }));
  t.notOk(isSameOrigin({ host, origin: 'null' }), 'a sandboxed frame');
  t.notOk(isSameOrigin({ host, origin: 'http://reader.example.org:81' }), 'another port is another site');
});

t.test('a person opens an article by a click on this site', async (t) => {
  const host = 'localhost:8080';
  const click = { host, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' };
  t.ok(isOwnNavigation(click));
  t.ok(isOwnNavigation({ host, referer: 'http://localhost:8080/' }), 'plain http in a home network');
  t.notOk(isOwnNavigation({ ...click, 'sec-purpose': 'prefetch;prerender' }));
  t.notOk(isOwnNavigation({ ...click, 'x-moz': 'prefetch' }));
  t.notOk(isOwnNavigation({ ...click, 'sec-fetch-mode': 'no-cors' }), 'an image that names the article');
  t.notOk(isOwnNavigation({ ...click, 'sec-fetch-site': 'cross-site' }));
  t.notOk(isOwnNavigation({ host, referer: 'http://evil.com/' }));
  t.notOk(isOwnNavigation({ host }));
});

t.test('no page may run or frame what is not ours', async (t) => {
  const policy = SECURITY_HEADERS['content-security-policy'] ?? '';
  t.match(policy, /default-src 'none'/);
  t.match(policy, /frame-ancestors 'none'/);
  t.notMatch(policy, /unsafe/);
});

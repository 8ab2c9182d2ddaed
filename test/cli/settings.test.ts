import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { flagOf, SETTING_NAMES, SETTINGS, variableOf } from '../../cli/setting-table.ts';
import { CONFIG_FILE, requireSettings, resolveSettings, type SettingSources } from '../../cli/settings.ts';

const cwd = mkdtempSync(join(tmpdir(), 'feedferry-settings-'));
t.teardown(() => rmSync(cwd, { recursive: true, force: true }));

const NOTHING: SettingSources = { flags: {}, env: {}, cwd };

function withConfig(text: string, more: Partial<SettingSources> = {}): ReturnType<typeof resolveSettings> {
  const path = join(cwd, 'some.json');
  writeFileSync(path, text);
  return resolveSettings({ ...NOTHING, configPath: path, ...more });
}

t.test('without anything given, every setting has its default and says so', async (t) => {
  const { settings, sources, problems, warnings, configPath } = resolveSettings(NOTHING);
  for (const name of SETTING_NAMES) {
    t.strictSame(settings[name], SETTINGS[name].default, name);
    t.equal(sources[name], 'default');
  }
  t.strictSame([problems, warnings, configPath], [[], [], null]);
});

t.test('a flag wins over a variable, a variable over the config file, the file over the default', async (t) => {
  const config = JSON.stringify({ concurrency: 3, hostGap: '2s', timeout: 5000 });
  const env = { FEEDFERRY_CONCURRENCY: '5', FEEDFERRY_HOST_GAP: '4s' };
  const { settings, sources } = withConfig(config, { flags: { concurrency: '7' }, env });
  t.equal(settings.concurrency, 7);
  t.equal(sources.concurrency, 'flag --concurrency');
  t.equal(settings.hostGap, 4000);
  t.equal(sources.hostGap, 'variable FEEDFERRY_HOST_GAP');
  t.equal(settings.timeout, 5000);
  t.equal(sources.timeout, `config file ${join(cwd, 'some.json')}`);
  t.equal(settings.redirects, SETTINGS.redirects.default);
});

t.test('an empty variable counts as not set', async (t) => {
  const { settings, sources } = resolveSettings({ ...NOTHING, env: { FEEDFERRY_STORE: '', FEEDFERRY_LISTEN: ' ' } });
  t.equal(settings.store, SETTINGS.store.default);
  t.equal(sources.listen, 'default');
});

t.test('feedferry.config.json of the current folder is read without being named', async (t) => {
  writeFileSync(join(cwd, CONFIG_FILE), '{"crawler": false}');
  t.teardown(() => rmSync(join(cwd, CONFIG_FILE)));
  const { settings, configPath } = resolveSettings(NOTHING);
  t.equal(settings.crawler, false);
  t.equal(configPath, join(cwd, CONFIG_FILE));
});

t.test('FEEDFERRY_CONFIG names a config file, --config another one that wins', async (t) => {
  writeFileSync(join(cwd, 'variable.json'), '{"concurrency": 2}');
  const env = { FEEDFERRY_CONFIG: 'variable.json' };
  t.equal(resolveSettings({ ...NOTHING, env }).settings.concurrency, 2);
  t.equal(withConfig('{"concurrency": 4}', { env }).settings.concurrency, 4);
});

for (const name of SETTING_NAMES) {
  t.test(`${name} can come as ${flagOf(name)}, as ${variableOf(name)} and from the config file`, async (t) => {
    const { kind } = SETTINGS[name] as { kind: { show(value: unknown): string } };
    const text = kind.show(SETTINGS[name].default);
    for (const given of [
      resolveSettings({ ...NOTHING, flags: { [name]: text } }),
      resolveSettings({ ...NOTHING, env: { [variableOf(name)]: text || ',' } }),
      withConfig(JSON.stringify({ [name]: text })),
    ]) {
      t.strictSame(given.problems, []);
      t.not(given.sources[name], 'default');
      t.strictSame(given.settings[name], SETTINGS[name].default, 'what is shown can be read back');
    }
  });
}

// Each row: a setting, a value that is refused, and what the message must name.
const REFUSED: [string, unknown, RegExp][] = [
  ['store', 'postgres://somewhere/db', /sqlite:PATH/],
  ['store', 'sqlite:', /sqlite:PATH/],
  ['queue', 'amqp://localhost', /local: .*redis:/],
  ['queue', 'redis://', /redis:/],
  ['queue', 'redis://localhost/0?password=x', /redis:/],
  ['listen', '70000', /HOST:PORT/],
  ['listen', 'local host:80', /HOST:PORT/],
  ['listen', '127.0.0.1:', /HOST:PORT/],
  ['hosts', 'http://reader.example.org', /host names/],
  ['hosts', 'a b', /host names/],
  ['crawler', 'maybe', /on or off/],
  ['userAgent', '', /printable ASCII/],
  ['userAgent', 'Evil\r\nX-Header: 1', /printable ASCII/],
  ['userAgent', `A${'x'.repeat(256)}`, /printable ASCII/],
  ['userAgent', 'A/1.0 ({readers} readers)', /\{version\}, \{site\}, \{subscribers\}, \{feed\}/],
  ['siteUrl', 'example.org', /http\(s\) URL/],
  ['siteUrl', 'https://me:secret@example.org/', /without a login/],
  ['siteUrl', 'https://example.org/a)b', /parentheses/],
  ['concurrency', '0', /1 to 1000/],
  ['concurrency', '1.5', /whole number/],
  ['concurrency', '-1', /whole number/],
  ['concurrency', 'ten', /whole number/],
  ['hostGap', '5 parsecs', /500ms/],
  ['hostGap', '1w', /500ms/],
  ['timeout', '10ms', /100ms to 10m/],
  ['bodyMax', '1GB', /1KiB to 32MiB/],
  ['allowPrivateNetworks', '127.0.0.0/33', /networks/],
  ['allowPrivateNetworks', 'localhost', /networks/],
  ['logLevel', 'loud', /debug, info/],
];
for (const [name, value, message] of REFUSED) {
  t.test(`${name} cannot be ${JSON.stringify(value)}, wherever it comes from`, async (t) => {
    const variable = variableOf(name);
    const cases: [ReturnType<typeof resolveSettings>, string][] = [
      [resolveSettings({ ...NOTHING, flags: { [name]: value } }), `flag ${flagOf(name)}`],
      [withConfig(JSON.stringify({ [name]: value })), 'config file'],
    ];
    if (value !== '') cases.push([resolveSettings({ ...NOTHING, env: { [variable]: String(value) } }), variable]);
    for (const [{ problems, settings }, source] of cases) {
      const [problem] = problems;
      t.equal(problem?.code, 'SETTING_INVALID');
      t.match(problem?.message, message, 'says what is allowed');
      t.ok(problem?.message.includes(source), `says where it comes from: ${problem?.message}`);
      t.strictSame(settings, resolveSettings(NOTHING).settings, 'and nothing of it is used');
    }
  });
}

t.test('a User-Agent with {site} wants siteUrl', async (t) => {
  const flags = { userAgent: 'A/1.0 (+{site})' };
  t.match(resolveSettings({ ...NOTHING, flags }).problems, [{ code: 'SETTING_INVALID', message: /siteUrl/ }]);
  const withSite = resolveSettings({ ...NOTHING, flags: { ...flags, siteUrl: 'https://site.example' } });
  t.strictSame(withSite.problems, []);
  t.equal(withSite.settings.siteUrl, 'https://site.example/');
});

t.test('JSON values of the wrong type are refused, those of the right type are taken', async (t) => {
  for (const value of [null, true, {}, [1]]) {
    t.equal(withConfig(JSON.stringify({ concurrency: value })).problems[0]?.code, 'SETTING_INVALID', String(value));
  }
  const { settings, problems } = withConfig(
    '{"concurrency": 9, "crawler": false, "listen": 9000, "hosts": ["A.example", "b.example"], "hostGap": 250}',
  );
  t.strictSame(problems, []);
  t.match(settings, { concurrency: 9, crawler: false, listen: { port: 9000 }, hosts: ['a.example', 'b.example'] });
  t.equal(settings.hostGap, 250, 'a bare number is milliseconds');
});

t.test('an unknown key of the config file is refused, with the key that was probably meant', async (t) => {
  const [problem] = withConfig('{"host-gap": "1s"}').problems;
  t.equal(problem?.code, 'SETTING_UNKNOWN');
  t.match(problem?.message, /"host-gap"; did you mean "hostGap"\?/);
  t.notMatch(withConfig('{"xyzzy": 1}').problems[0]?.message, /did you mean/);
});

t.test('a config file that is missing or no JSON object is refused with its path', async (t) => {
  const missing = resolveSettings({ ...NOTHING, configPath: 'nowhere.json' }).problems[0];
  t.match(missing, { code: 'CONFIG_UNREADABLE', input: join(cwd, 'nowhere.json') });
  for (const text of ['', '[]', '{"a": 1,}', '"x"']) {
    t.match(withConfig(text).problems[0], { code: 'CONFIG_INVALID', input: join(cwd, 'some.json') }, text);
  }
});

t.test('settings that contradict each other are refused', async (t) => {
  const intervals = resolveSettings({ ...NOTHING, flags: { minInterval: '2d', maxInterval: '1d' } });
  t.match(intervals.problems[0]?.message, /minInterval is 2d, but maxInterval is 1d/);
  const sizes = resolveSettings({ ...NOTHING, flags: { bodyMax: '2MB', decodedMax: '1MB' } });
  t.match(sizes.problems[0]?.message, /bodyMax is 2MB, but decodedMax is 1MB/);
});

t.test('a variable that means nothing is warned about, with the one that was probably meant', async (t) => {
  const env = { FEEDFERRY_STOR: 'x', FEEDFERRY_TEST_ANYTHING: 'x', FEEDFERRY_DEBUG: '1', OTHER: 'x' };
  const { warnings } = resolveSettings({ ...NOTHING, env });
  t.equal(warnings.length, 1);
  t.match(warnings[0], /FEEDFERRY_STOR .* did you mean FEEDFERRY_STORE\?/);
});

t.test('a password in a refused store URL is not repeated', async (t) => {
  const { problems } = resolveSettings({ ...NOTHING, flags: { store: 'mongo://me:secret@host/db' } });
  t.match(problems[0]?.message, /\*\*\*@host/);
  t.notMatch(JSON.stringify(problems[0]), /secret/);
});

t.test('requireSettings throws the first problem and says how many more there are', async (t) => {
  const flags = { concurrency: 'x', timeout: 'y', hostGap: 'z' };
  t.throws(() => requireSettings(resolveSettings({ ...NOTHING, flags })), {
    code: 'SETTING_INVALID',
    message: /--concurrency/,
    advice: /2 more are wrong/,
  });
});

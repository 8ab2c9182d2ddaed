/** `serve` with a real hub: subscribed, pushed, stopped and killed in between, switched off. */
import t, { type Test } from 'tap';
import { type FeedSite, feedSite } from '../crawler/feed-site.ts';
import { closedPort } from '../crawler/servers.ts';
import { type Hub, startHub } from '../crawler/websub/hub.ts';
import { ATOM, atom, entriesOf, linksOf } from '../crawler/websub/world.ts';
import { until } from '../rig/until.ts';
import { type Cli, cliFor, type Started } from './cli-process.ts';

interface World {
  readonly cli: Cli;
  readonly hub: Hub;
  readonly publisher: FeedSite;
  readonly topic: string;
  readonly publicUrl: string;
  serve(args?: readonly string[]): Promise<Started>;
}

async function world(t: Test): Promise<World> {
  const hub = await startHub();
  const publisher = await feedSite({ news: { entries: entriesOf('one'), etag: '"1"' } });
  t.teardown(async () => {
    await hub[Symbol.asyncDispose]();
    await publisher[Symbol.asyncDispose]();
  });
  const topic = `${publisher.url}/news`;
  const source = publisher.feeds.get('news');
  if (source !== undefined) source.channel = linksOf([hub.hubUrl], topic);
  const cli = await cliFor(t);
  const port = await closedPort();
  const publicUrl = `http://127.0.0.1:${port}`;
  const serve = async (args: readonly string[] = ['--public-url', publicUrl]) => {
    const started = cli.start(['serve', '--listen', `127.0.0.1:${port}`, '--host-gap', '0', ...args]);
    await started.until(/ready at/);
    return started;
  };
  return { cli, hub, publisher, topic, publicUrl, serve };
}

async function show(
  cli: Cli,
  topic: string,
): Promise<Record<string, unknown> & { hub: Record<string, unknown> | null }> {
  return JSON.parse((await cli.run(['feeds', 'show', topic, '--json'])).stdout);
}

t.test(
  'serve subscribes to hubs, takes what they push, also after kill -9, and tells them when it is switched off',
  async (t) => {
    const { cli, hub, topic, publicUrl, serve } = await world(t);
    const first = await serve();
    await fetch(`${publicUrl}/add`, { method: 'POST', body: new URLSearchParams({ url: topic }) });
    await until(() => hub.subscribed.size === 1, 'the hub has verified the subscription');
    const statuses = async (body: string) => (await hub.distribute(topic, body, ATOM)).map(({ status }) => status);
    t.strictSame(await statuses(atom({ id: 'pushed', updated: '2026-01-05T12:30:00Z' })), [200]);
    t.match(await (await fetch(`${publicUrl}/`)).text(), /pushed/, 'readers see it');
    const [, id] = /websub\/(\w+)\./.exec(hub.asked[0]?.['hub.callback'] ?? '') ?? [];
    t.match(await (await fetch(`${publicUrl}/feeds/${id}`)).text(), /Pushed by/, 'and that it was pushed');
    t.match(await (await fetch(`${publicUrl}/status`)).text(), /Subscribed/);
    const metrics = await (await fetch(`${publicUrl}/metrics`)).text();
    t.match(metrics, /feedferry_websub_pushes_total\{outcome="stored"\} 1\b/);
    t.match(metrics, /feedferry_websub_subscribed 1\b/);
    const { stdout } = await cli.run(['feeds', 'show', topic]);
    t.match(stdout, /hub +http:\/\/127\.0\.0\.1:\d+\/ pushes until .*last\s+push/s);

    first.child.kill('SIGKILL');
    await first.ended;
    const [delivery] = await hub.distribute(topic, atom(), ATOM).catch(() => [undefined]);
    t.equal(delivery, undefined, 'nobody is there');
    const second = await serve();
    t.strictSame(await statuses(atom({ id: 'after the kill', updated: '2026-01-05T12:40:00Z' })), [200]);
    t.equal((await show(cli, topic)).articles, 3);
    t.equal(hub.asked.length, 1, 'nobody subscribed twice');
    second.child.kill('SIGTERM');
    t.equal((await second.ended).code, 0);

    const off = await serve([]);
    await until(() => hub.subscribed.size === 0, 'the hub was told');
    off.child.kill('SIGTERM');
    await off.ended;
  },
);

t.test('without a public URL nobody is subscribed anywhere', async (t) => {
  const { cli, hub, topic, publicUrl, serve } = await world(t);
  await cli.run(['feeds', 'add', topic]);
  const served = await serve([]);
  await fetch(`${publicUrl}/status`);
  const about = await cli.run(['feeds', 'show', topic]);
  t.match(about.stdout, /hub .*not subscribed/s);
  served.child.kill('SIGTERM');
  await served.ended;
  t.equal(hub.requests.length, 0);
  const wrong = await cli.run(['serve', '--public-url', 'ftp://reader.example.org']);
  t.match(wrong, { code: 2, stderr: /SETTING_INVALID.*http\(s\) URL/s });
});

t.test('while the crawlers are paused a push is answered 503, and taken when they go on', async (t) => {
  const { cli, hub, topic, serve } = await world(t);
  await cli.run(['feeds', 'add', topic]);
  const served = await serve();
  await until(() => hub.subscribed.size === 1, 'the hub has verified the subscription');
  const paused = await cli.run(['crawlers', 'pause', '--wait']);
  t.equal(paused.code, 0, paused.stderr);
  const push = async () =>
    (await hub.distribute(topic, atom({ id: 'late', updated: '2026-01-05T12:30:00Z' }), ATOM))[0];
  t.match(await push(), { status: 503, retryAfter: /^\d+$/ });
  t.equal((await show(cli, topic)).articles, 1);
  await cli.run(['crawlers', 'resume']);
  t.match(await push(), { status: 200 });
  t.equal((await show(cli, topic)).articles, 2);
  served.child.kill('SIGTERM');
  t.equal((await served.ended).code, 0);
});

t.test('crawl subscribes where a serve without a crawler answers hubs', async (t) => {
  const { cli, hub, topic, publicUrl, serve } = await world(t);
  await cli.run(['feeds', 'add', topic]);
  const served = await serve(['--no-crawler', '--public-url', publicUrl]);
  const crawl = cli.start(['crawl', '--public-url', publicUrl]);
  await until(() => hub.subscribed.size === 1, 'the hub has verified the subscription');
  const [answer] = await hub.distribute(topic, atom({ id: 'pushed', updated: '2026-01-05T12:30:00Z' }), ATOM);
  t.equal(answer?.status, 200);
  t.match(await (await fetch(`${publicUrl}/metrics`)).text(), /feedferry_websub_articles_total\{what="new"\} 1\b/);
  for (const one of [crawl, served]) {
    one.child.kill('SIGTERM');
    t.equal((await one.ended).code, 0);
  }
});

/**
 * The report of a test crawl as one HTML file: no script, nothing from elsewhere. Pure. Everything that feeds and hosts say
 * is hostile input: `html` escapes it, `printable` takes what steers the direction of text, and only http(s) becomes a link.
 */
import { html, type Safe, trusted } from '../site/pages/html.ts';
import { bytesChart, fetchesChart } from './crawl-test-charts.ts';
import { articlesSection, feedsSection } from './crawl-test-page-found.ts';
import { number, rowsTable } from './crawl-test-page-parts.ts';
import { REPORT_STYLE } from './crawl-test-style.ts';
import { ENDS, type ShownReport } from './crawl-test-text.ts';
import { adviceOf } from './error-catalogue.ts';
import { bytes, counted, moment, printable, span } from './text.ts';

/** Nothing may be loaded or run, whatever got into the page. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const WORDS = { fine: 'Fine', differing: 'Differing', incomplete: 'Incomplete' } as const;

export function testReportPage(report: ShownReport): string {
  const { comparison, startedAt, version } = report;
  const title = `Test crawl of ${moment(startedAt)}: ${WORDS[report.verdict.outcome]}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${trusted(REPORT_STYLE)}</style>
</head>
<body>
<header><h1>Test crawl</h1>${verdictBox(report)}${tiles(report)}${facts(report)}</header>
<main>
${crawlSection(report)}
${latencySection(report)}
${hostsSection(report)}
${comparison === null ? null : [feedsSection(comparison), articlesSection(comparison)]}
</main>
<footer>Written by Feedferry ${version} on ${moment(report.endedAt)}. docs/test-crawl.md tells what the words mean.</footer>
</body>
</html>
`;
  return page.text;
}

function verdictBox({ verdict, thresholds }: ShownReport): Safe {
  const failing = verdict.errorsAreOurs ? 'of the feeds fail here and not at production' : 'of the feeds failed';
  const differences =
    verdict.differencesPercent === null
      ? null
      : html`; <b>${verdict.differencesPercent}%</b> of the articles differ without a reason (${thresholds.differencesPercentMax}% allowed)`;
  const reasons = verdict.reasons.map((reason) => html`<li>${printable(reason)}</li>`);
  return html`<div class="verdict ${verdict.outcome}"><strong>${WORDS[verdict.outcome]}</strong>
<p><b>${verdict.errorsPercent}%</b> ${failing} (${thresholds.errorsPercentMax}% allowed)${differences}.</p>${reasons.length === 0 ? null : html`<ul>${reasons}</ul>`}</div>`;
}

function tiles({ crawl, measured, comparison }: ShownReport): Safe {
  const failures = Object.values(crawl.failed).reduce((sum, n) => sum + n, 0);
  const all: [string, string, boolean][] = [
    [number(crawl.feeds - crawl.unfinished), 'feeds tried', false],
    [number(failures), 'failed', failures > 0],
    [number(measured.fetchesPerSecond), 'fetches a second', false],
    [`${bytes(measured.bytesPerSecond)}/s`, `${bytes(measured.bytes)} in all`, false],
    [span(measured.total.p95Ms), '95% of fetches within', false],
    [number(crawl.articlesNew), 'articles found', false],
  ];
  if (comparison !== null) {
    all.push([number(comparison.feeds.failOnlyHere), 'feeds fail only here', comparison.feeds.failOnlyHere > 0]);
  }
  const items = all.map(
    ([value, name, bad]) => html`<li class="${bad ? 'bad' : ''}"><b>${value}</b><span>${name}</span></li>`,
  );
  return html`<ul class="tiles">${items}</ul>`;
}

function facts({ source, store, userAgent, chosen, limits, ended, startedAt, crawl }: ShownReport): Safe {
  const states = { store: 'as it was then', snapshot: `as of ${moment(source.at)}`, list: 'a list' };
  const gone = chosen.notActive === 0 ? '' : `, ${number(chosen.notActive)} gone or paused there`;
  const sample = chosen.sample === null ? '' : `, a sample with the seed ${chosen.seed}`;
  const named = chosen.ownUserAgent === 0 ? '' : `, in place of that of ${counted(chosen.ownUserAgent, 'feed')}`;
  const rate = limits.rate === null ? 'no rate' : `${limits.rate} fetches a second`;
  const rows = [
    ['Feeds from', `${source.shown}, ${states[source.kind]}`],
    ['Feeds', `${number(chosen.chosen)} of ${number(chosen.inSource)}${sample}${gone}`],
    ['Into', store],
    ['User-Agent', `${userAgent}${named}`],
    ['Began', moment(startedAt)],
    ['Ended', `after ${span(crawl.seconds * 1000)}: ${ENDS[ended]}`],
    [
      'Limits',
      `${rate}, ${limits.concurrency} at a time; a host: ${limits.hostConnections}, ${span(limits.hostGapMs)} apart`,
    ],
    ['Memory', `${bytes(crawl.peakMemoryBytes)} at most`],
  ];
  const items = rows.map(([name = '', value = '']) => html`<div><dt>${name}</dt><dd>${printable(value)}</dd></div>`);
  return html`<dl class="facts">${items}</dl>`;
}

function crawlSection({ crawl, measured }: ShownReport): Safe {
  const charts =
    measured.course.length < 2
      ? null
      : html`<div class="charts">${fetchesChart(measured.course, measured.spanMs)}${bytesChart(measured.course, measured.spanMs)}</div>`;
  const codes = Object.entries(crawl.failed).sort(([, a], [, b]) => b - a);
  const outcomes: [string, number, string][] = [
    ['fetched', crawl.fetched, ''],
    ['not modified', crawl.notModified, 'since an earlier test crawl'],
    ['not due', crawl.skipped, 'fetched by an earlier test crawl'],
    ['unfinished', crawl.unfinished, ''],
    ...codes.map(([code, n]): [string, number, string] => [code, n, adviceOf(code)]),
  ];
  const rows = outcomes
    .filter(([, n], i) => n > 0 || i === 0)
    .map(
      ([name, n, about]) => html`<tr><th scope="row">${name}</th><td class="n">${number(n)}</td><td>${about}</td></tr>`,
    );
  const columns = [
    ['outcome', ''],
    ['feeds', 'n'],
    ['what to do', ''],
  ] as const;
  return html`<section><h2>What was fetched</h2>${charts}
${rowsTable('What became of the feeds', columns, rows)}${statusList(measured.statuses)}</section>`;
}

function statusList(statuses: ShownReport['measured']['statuses']): Safe | null {
  const items = Object.entries(statuses).map(
    ([status, n]) => html`<li>${status === 'none' ? 'no answer' : status} <b>${number(n)}</b></li>`,
  );
  return items.length === 0 ? null : html`<h3>HTTP status</h3><ul class="legend">${items}</ul>`;
}

function latencySection({ measured }: ShownReport): Safe | null {
  if (measured.fetches === 0) return null;
  const row = (name: string, { meanMs, p50Ms, p95Ms, p99Ms, maxMs }: ShownReport['measured']['head']) =>
    html`<tr><th scope="row">${name}</th>${[meanMs, p50Ms, p95Ms, p99Ms, maxMs].map((ms) => html`<td class="n">${span(ms)}</td>`)}</tr>`;
  const titles: [string, string][] = ['mean', 'half', '95%', '99%', 'slowest'].map((title) => [title, 'n']);
  return html`<section><h2>Latency</h2>${rowsTable(
    'Redirects, looking up, connecting and TLS included',
    [['until', ''], ...titles],
    [row('the first byte', measured.head), row('the end', measured.total)],
  )}</section>`;
}

function hostsSection({ measured }: ShownReport): Safe | null {
  if (measured.hosts === 0) return null;
  const table = (caption: string, hosts: ShownReport['measured']['slowestHosts']) =>
    rowsTable(
      caption,
      [
        ['host', ''],
        ['fetches', 'n'],
        ['failed', 'n'],
        ['mean', 'n'],
        ['slowest', 'n'],
        ['codes', ''],
      ],
      hosts.map(
        ({ host, fetches, failures, codes, meanMs, maxMs }) =>
          html`<tr><th scope="row" class="wide">${printable(host)}</th><td class="n">${number(fetches)}</td><td class="n">${number(failures)}</td><td class="n">${span(meanMs)}</td><td class="n">${span(maxMs)}</td><td>${Object.entries(codes).map(([code, n]) => html`${printable(code)} ${number(n)} `)}</td></tr>`,
      ),
    );
  const failing =
    measured.failingHosts.length === 0
      ? null
      : html`<details><summary>Hosts with failures</summary>${table('Those with most', measured.failingHosts)}</details>`;
  return html`<section><h2>Hosts</h2><p class="soft">${counted(measured.hosts, 'host')} in all.</p>
<details open><summary>Slowest hosts</summary>${table('By the mean of their fetches', measured.slowestHosts)}</details>${failing}</section>`;
}

/** docs/errors.md, from the lists in the code. `npm run docs:errors` writes it; a test holds that it is up to date. */
import { writeFileSync } from 'node:fs';
import { httpError } from '../crawler/errors.ts';
import { CODE_GROUPS } from './error-catalogue.ts';

/** Statuses whose advice differs. */
const STATUSES = [401, 403, 404, 410, 429, 503];

const INTRODUCTION = `# Error codes

Every failure has a code, says what was wrong and with which input, and what to do about it. Codes stay the same from one
release to the next; messages may change. On a terminal:

    error PORT_IN_USE: Another program listens on 127.0.0.1:8080
      Stop the program that listens there, or choose another port: feedferry serve --listen 8081

With \`--json\` the same comes as one line on stderr: \`{"error": {"code", "message", "input", "advice", "retryable"}}\`;
\`retryable\` is true where the same call may succeed later without anybody changing anything.

This page is made from the \`errors.ts\` of each folder by \`npm run docs:errors\`.
`;

export function errorsPage(): string {
  const groups = CODE_GROUPS.map(({ title, from, about, advice }) => {
    const rows = Object.entries(advice).map(([code, text]) => row(code, text));
    if (Object.hasOwn(advice, 'FETCH_URL_INVALID')) {
      rows.push(row('FETCH_HTTP_nnn', 'The server answered with this status. The feed is tried again later.'));
      rows.push(...STATUSES.map((status) => row(`FETCH_HTTP_${status}`, httpError(status, '').advice)));
    }
    return `## ${title}\n\n${about} Listed in \`${from}\`.\n\n| code | what to do |\n|---|---|\n${rows.join('\n')}\n`;
  });
  return `${INTRODUCTION}\n${groups.join('\n')}`;
}

function row(code: string, advice: string): string {
  return `| \`${code}\` | ${advice.replaceAll('|', '\\|')} |`;
}

if (import.meta.main) writeFileSync(new URL('../docs/errors.md', import.meta.url), errorsPage());

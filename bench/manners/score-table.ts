/** The score for people, in 80 columns. Pure. */
import type { Score } from './score.ts';

const WIDTH = 80;
/** Offences of one rule that are told in full; JSON has them all. */
const TOLD_MAX = 3;
const LINES_MAX = 6;

export function scoreTable(score: Score): string {
  const { feeds, days, requests, notModified, lost, busiestMinute } = score;
  const share = requests === 0 ? 0 : Math.round((100 * notModified) / requests);
  const lines = [
    `${feeds} feeds, ${days} days, ${requests} requests, ${share}% of them answered 304, ${lost} lost in kills`,
    `busiest minute: ${busiestMinute.inAll} requests in all, ${busiestMinute.toOneHost} to one host; ` +
      `${busiestMinute.mean.toFixed(1)} in a minute with any`,
    '',
    row('rule', 'checked', 'offences'),
    '-'.repeat(WIDTH),
    ...score.rules.map(({ about, checked, offences }) => row(about, String(checked), String(offences.length))),
    '-'.repeat(WIDTH),
    row('in all', '', String(score.offences)),
  ];
  return lines.join('\n');
}

function row(what: string, checked: string, offences: string): string {
  return what.padEnd(WIDTH - 22) + checked.padStart(11) + offences.padStart(11);
}

/** The first offences against each rule, with their lines of the log; empty: there are none. */
export function offencesText(score: Score): string {
  return score.rules
    .filter(({ offences }) => offences.length > 0)
    .map(({ rule, about, offences }) => {
      const told = offences.slice(0, TOLD_MAX).map(({ kind, what, evidence }) => {
        const lines = evidence.slice(-LINES_MAX).map((line) => `    ${line}`);
        return [`  ${kind === '' ? '' : `${kind}: `}${what}`, ...lines].join('\n');
      });
      const more = offences.length > TOLD_MAX ? [`  ... and ${offences.length - TOLD_MAX} more (--json has all)`] : [];
      return [`${rule}: ${about}`, ...told, ...more].join('\n');
    })
    .join('\n\n');
}

/** What publishers think of the crawler, from their log and the truth about them; from nothing that the crawler says. */
import type { Offence, Record, Verdict } from './attempts.ts';
import { type Busyness, busyness, gapBetween, noBursts, oneAtATime, patienceOfHosts } from './rules/hosts.ts';
import { looksAtPages, movesAdopted } from './rules/moves.ts';
import { nothingElse, nothingTold } from './rules/privacy.ts';
import {
  failuresBackOff,
  goneIsGone,
  neverForgotten,
  notTooSoon,
  notWhenSkipped,
  restedWithoutReaders,
} from './rules/timing.ts';
import { validators } from './rules/validators.ts';

/** In the order of the table. */
export const RULES = {
  unconditional: {
    about: 'one request without validators, the first',
    judge: (record) => validators(record, 'unconditional'),
  },
  validators: {
    about: 'validators as given, the latest, to their host',
    judge: (record) => validators(record, 'others'),
  },
  'nothing-told': { about: 'no cookies, no Referer, no login', judge: nothingTold },
  'nothing-else': { about: 'nothing but feeds is asked for, no parameters', judge: nothingElse },
  'too-soon': { about: 'not sooner than allowed', judge: notTooSoon },
  'skipped-hours': { about: 'not in skipped hours, on skipped days', judge: notWhenSkipped },
  'back-off': { about: 'failures: later and later', judge: failuresBackOff },
  'no-readers': { about: 'where nobody reads: at the longest interval', judge: restedWithoutReaders },
  'never-forgotten': { about: 'but never later than a week, and for ever', judge: neverForgotten },
  gone: { about: '410 is the end, but for a reader once a week', judge: goneIsGone },
  'one-at-a-time': { about: 'a host has one request in hand', judge: oneAtATime },
  gap: { about: 'a second between two requests to a host', judge: gapBetween },
  'host-patience': { about: 'Retry-After of 429 and 503 holds for the host', judge: patienceOfHosts },
  bursts: { about: 'no bursts after a restart', judge: noBursts },
  moves: { about: 'permanent redirects: adopted, once confirmed', judge: movesAdopted },
  looks: { about: 'a page is looked at after a week of 404', judge: looksAtPages },
} as const satisfies { [name: string]: { about: string; judge: (record: Record) => Verdict } };

export type RuleName = keyof typeof RULES;

export interface RuleScore {
  readonly rule: RuleName;
  readonly about: string;
  readonly checked: number;
  readonly offences: readonly Offence[];
}

export interface Score {
  readonly feeds: number;
  readonly days: number;
  readonly requests: number;
  readonly notModified: number;
  /** Requests whose answer the crawler did not live to keep. */
  readonly lost: number;
  readonly busiestMinute: Busyness;
  readonly offences: number;
  readonly rules: readonly RuleScore[];
}

export function score(record: Record): Score {
  const rules = (Object.keys(RULES) as RuleName[]).map((rule): RuleScore => {
    const { about, judge } = RULES[rule];
    return { rule, about, ...judge(record) };
  });
  const { visits, stage } = record;
  return {
    feeds: stage.options.feeds,
    days: stage.options.days,
    requests: visits.length,
    notModified: visits.filter(({ status }) => status === 304).length,
    lost: visits.filter(({ lost }) => lost).length,
    busiestMinute: busyness(visits),
    offences: rules.reduce((sum, { offences }) => sum + offences.length, 0),
    rules,
  };
}

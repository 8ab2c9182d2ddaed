/** Nothing is told that was not asked for, and nothing is asked for that nobody named. */
import { type Offence, offence, type Record, type Verdict } from '../attempts.ts';
import type { Visit } from '../visit.ts';

const FORBIDDEN = ['cookie', 'referer', 'authorization', 'x-forwarded-for', 'from'];

export function nothingTold({ visits }: Record): Verdict {
  const offences = visits.flatMap((visit): Offence[] => {
    const told = FORBIDDEN.filter((name) => visit.headers[name] !== undefined);
    return told.length === 0 ? [] : [offence(`sends ${told.join(', ')}`, [visit])];
  });
  return { checked: visits.length, offences };
}

/** Robots, icons, pages, guessed addresses, extra parameters: only a feed's own URL, where redirects lead, and what a later rule allows. */
export function nothingElse({ visits }: Record): Verdict {
  const isOurs = ({ publisher, method, path }: Visit) => publisher !== null && method === 'GET' && !path.includes('?');
  const offences = visits
    .filter((visit) => !isOurs(visit))
    .map((visit) => offence(`${visit.method} of something that no feed is at`, [visit]));
  return { checked: visits.length, offences };
}

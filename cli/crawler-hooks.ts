import type { Logger } from 'pino';
import type { Pause } from '../crawler/pause/note.ts';
import type { ProcessKind } from '../crawler/pause/processes.ts';
import { queueUrl } from './setting-kinds.ts';
import type { Settings } from './setting-table.ts';
import { moment } from './text.ts';
import { VERSION } from './version.ts';

/** What `feedferry crawlers status` shows of this process. */
export function processKind(command: string, { queue }: Pick<Settings, 'queue'>): ProcessKind {
  return { command, version: VERSION, queue: queueUrl.show(queue) };
}

export function logPause(log: Logger, pause: Pause | null): void {
  if (pause === null) {
    log.info('The crawlers are resumed: this one goes on');
    return;
  }
  const reason = pause.why === '' ? '' : `: ${pause.why}`;
  const about = { pausedBy: pause.by, pausedSince: pause.since };
  log.warn(about, `The crawlers are paused since ${moment(pause.since)} by ${pause.by}${reason}; nothing is claimed`);
}

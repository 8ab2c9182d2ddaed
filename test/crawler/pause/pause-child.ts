/** Pauses or resumes, and is killed at a point: `node pause-child.ts STORE pause|resume POINT`. */
import { pauseCrawlers } from '../../../crawler/pause/pause.ts';
import { resumeCrawlers } from '../../../crawler/pause/resume.ts';
import { openStore } from '../../../store/open.ts';

const [url = '', action, point] = process.argv.slice(2);
await using store = await openStore(url);
const at = (reached: string): void => {
  if (reached === point) process.kill(process.pid, 'SIGKILL');
};
const shared = { store, clock: Date.now, by: 'killed@test', at };
if (action === 'pause') {
  await pauseCrawlers({ ...shared, why: 'a test', finishMsMax: 10_000, wait: true, readOnly: true });
} else {
  await resumeCrawlers({ ...shared, waitMsMax: 0 });
}

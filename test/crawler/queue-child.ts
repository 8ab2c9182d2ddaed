/**
 * A worker in a process of its own, to be killed or stopped: `node queue-child.ts REDIS NAME CLAIM_MS`. Claims one feed,
 * prints it, and holds it; prints `lost` when the claim is lost, says done all the same, and prints `ended`.
 */
import { once } from 'node:events';
import { BullmqQueue } from '../../crawler/queue/bullmq.ts';

const [url = '', name = '', claimMs] = process.argv.slice(2);
await using queue = new BullmqQueue({
  ...{ url, shown: 'redis', name, claimMs: Number(claimMs), settleMs: 0 },
  hosts: { connections: 1, gapMs: 10 },
});
const answer = await queue.claim();
if (answer.kind !== 'claimed') throw new Error(`nothing was claimed: ${answer.kind}`);
const { claim } = answer;
console.log(claim.job.feed);
const alive = setInterval(() => {}, 1_000);
if (claim.lost !== undefined && !claim.lost.aborted) await once(claim.lost, 'abort');
console.log('lost');
clearInterval(alive);
await queue.done(claim);
console.log('ended');

/**
 * Loaded into a measured process ahead of its program (`--import`). When the process ends, it writes what the operating
 * system has counted for it (getrusage of the whole process, all its threads) into the file that the variable names.
 */
import { writeFileSync } from 'node:fs';

const path = process.env.FEEDFERRY_BENCH_COST;
// Children of the measured process are not meant.
delete process.env.FEEDFERRY_BENCH_COST;
if (path !== undefined) {
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    writeFileSync(path, JSON.stringify({ userCPUTime, systemCPUTime, maxRSS }));
  });
}

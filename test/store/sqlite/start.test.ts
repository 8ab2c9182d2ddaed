import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ownFolder } from './folder.ts';

const STORE = fileURLToPath(new URL('../../../store/open.ts', import.meta.url));

t.test('opening a store prints nothing, no warning either', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  const program = `
    const { openStore } = await import(${JSON.stringify(STORE)});
    const store = await openStore(${JSON.stringify(`sqlite:${path}`)});
    await store.health();
    await store.close();`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', `${program} console.error('end')`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  t.equal(out.toString(), '');
  const both = execFileSync('sh', ['-c', `exec "$0" --input-type=module -e "$1" 2>&1`, process.execPath, program], {
    env: { PATH: process.env.PATH },
  });
  t.equal(both.toString(), '');
});

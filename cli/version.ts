import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Of this installation, from the nearest package.json above: one level up in a checkout, two in the built package. */
export const VERSION: string = findVersion(import.meta.dirname);

function findVersion(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      if (manifest.name === 'feedferry') return String(manifest.version);
    } catch {
      // No package.json here: look further up.
    }
    if (dirname(folder) === folder) return 'unknown';
  }
}

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const STATIC_FOLDER = fileURLToPath(new URL('./static/', import.meta.url));

/** Browsers may keep them for a year: their address changes with their content. */
export const STATIC_MS_MAX = 365 * 24 * 60 * 60 * 1000;

/** Addresses of the files in `static/`, each with a tag of its content. */
export function assetPaths(): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    const path = known.get(name) ?? `/static/${name}?v=${tagOf(name)}`;
    known.set(name, path);
    return path;
  };
}

export function staticFile(name: string): Buffer {
  return readFileSync(`${STATIC_FOLDER}${name}`);
}

function tagOf(name: string): string {
  return createHash('sha256').update(staticFile(name)).digest('base64url').slice(0, 10);
}

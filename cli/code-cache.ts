import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Keeps compiled code (and TypeScript with its types taken off) between runs: half of the time that a short command takes
 * is loading code. In the user's own cache folder, as what lies in a folder that others may write to would be run. Where that
 * can't be written to, nothing is kept and nothing else changes. `NODE_COMPILE_CACHE` names another folder,
 * `NODE_DISABLE_COMPILE_CACHE=1` turns it off; coverage would be less exact with it.
 */
export function keepCompiledCode(env: NodeJS.ProcessEnv): void {
  if (env.NODE_V8_COVERAGE) return;
  // Missing in a Node that is too old, which is told of later.
  env.NODE_COMPILE_CACHE ||= join(cacheFolder(env), 'feedferry', 'code');
  // This process; its threads go by the variable.
  module.enableCompileCache?.(env.NODE_COMPILE_CACHE);
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  // The XDG Base Directory Specification: a relative path is to be ignored.
  return env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
}

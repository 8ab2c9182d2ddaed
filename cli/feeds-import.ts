import { OPML_BYTES_MAX } from '../crawler/parse/limits.ts';
import type { CommandSpec } from './command.ts';
import { cliError } from './errors.ts';
import { EXIT } from './exit.ts';
import { readInput } from './files.ts';
import { followFeeds } from './follow.ts';
import type { ImportedFeeds } from './import-opml.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { counted, printable } from './text.ts';

export const feedsImportCommand: CommandSpec = {
  usage: 'import <file>',
  about: 'follow the feeds of an OPML file; they are fetched by the next crawl',
  args: { file: 'OPML, as other readers export it; - reads standard input' },
  json: '{added, known, followed, invalid: [{url, message}], warnings: [{code, message}]}',
  settings: ['store'],
  examples: ['feedferry feeds import subscriptions.opml', 'feedferry feeds import - < subscriptions.opml'],
  async run(invocation) {
    const { io, json, args } = invocation;
    const { importOpml } = await import('./import-opml.ts');
    const body = await readInput(args[0] ?? '-', io, OPML_BYTES_MAX);
    await using store = await openedStore(invocation, { mustExist: false });
    const imported = await importOpml({ store, clock: io.clock, random: io.random }, body);
    const followed = await followFeeds(store, io.clock, 'feeds import', imported.feeds);
    const { added, invalid, warnings } = imported;
    const known = imported.feeds.length - added;
    const text = json
      ? `${JSON.stringify({ added, known, followed, invalid, warnings })}\n`
      : importText(imported, followed);
    await write(io.stdout, text);
    if (imported.feeds.length > 0) return EXIT.done;
    throw cliError('IMPORT_EMPTY', 'The file names no feed that could be followed', { input: args[0] ?? '-' });
  },
};

function importText({ feeds, added, invalid, warnings }: ImportedFeeds, followed: number): string {
  const lines = [
    `Added ${counted(added, 'feed')}, ${feeds.length - added} were there already; ${followed} newly followed.`,
  ];
  for (const { url, message } of invalid) lines.push(`  left out: ${printable(url)}: ${printable(message)}`);
  for (const { code, message } of warnings) lines.push(`  warning ${code}: ${printable(message)}`);
  if (added > 0) lines.push('They are fetched by `feedferry serve`, or now by `feedferry crawl --once`.');
  return `${lines.join('\n')}\n`;
}

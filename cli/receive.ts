import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Writable } from 'node:stream';
import type { Logger } from 'pino';
import type { ReceiverStatus, RunningReceiver } from '../replicator/remote/receive.ts';
import { realRuntime } from '../replicator/runtime.ts';
import type { CommandSpec, Invocation } from './command.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Io, Output } from './io.ts';
import { openLog } from './log.ts';
import { openedStore } from './opened-store.ts';
import { type ProgressLine, progressLine } from './progress.ts';
import { type ListenAddress, listenAddress } from './setting-kinds.ts';
import { stopSignals } from './stop-signals.ts';
import { counted, bytes as sized } from './text.ts';
import { readTokenFile } from './token-file.ts';

const LISTEN_DEFAULT = '127.0.0.1:8443';

/** Of the line at the bottom of a terminal. */
const STATUS_MS = 500;

/** How often the files of the certificate are looked at. */
const CERTIFICATE_MS = 60_000;

export const receiveCommand: CommandSpec = {
  usage: 'receive',
  about: 'let other sites replicate into a store of this one over HTTPS, until stopped',
  options: [
    ['--listen <ADDRESS>', `HOST:PORT to listen on (default: ${LISTEN_DEFAULT})`],
    ['--token-file <FILE>', 'the token that senders must have; make one: openssl rand -base64 32 > receive.token'],
    ['--tls-cert <FILE>', 'certificate chain (PEM); with --tls-key'],
    ['--tls-key <FILE>', 'its private key (PEM)'],
    ['--insecure', 'without TLS on any address: a proxy in front does it'],
  ],
  json: 'log lines as JSON (also where the output is no terminal)',
  settings: ['store', 'logLevel'],
  examples: [
    'feedferry receive --store sqlite:./copy.db --token-file receive.token',
    'feedferry receive --listen 0.0.0.0:443 --token-file t --tls-cert c --tls-key k',
  ],
  async run(invocation) {
    const { io, options, json } = invocation;
    const settings = invocation.settings();
    const listen = listenFrom(options.listen);
    using line = progressLine(io.stderr, io.clock);
    const log = openLog(above(line, io.stdout), settings.logLevel, json);
    for (const warning of invocation.resolved.warnings) log.warn(warning);
    const token = await tokenFrom(invocation, (message) => log.warn(message));
    const tls = await tlsFrom(invocation);
    const { startReceiver } = await import('../replicator/remote/receive.ts');
    using stop = stopSignals();
    await using store = await openedStore(invocation, { mustExist: false });
    await using receiver = await startReceiver({
      ...{ store, engine: store.engine, listen, token, tls, log, runtime: realRuntime },
      insecure: options.insecure === true,
    });
    const shown = setInterval(() => line.show(statusText(receiver.status())), STATUS_MS);
    const renewing = followCertificate(invocation, receiver, log);
    log.info({ store: store.url }, `Feedferry is ready to receive at ${receiver.url}`);
    log.info(`${await stop.stopped}: finishing what is in flight; again to stop at once`);
    clearInterval(shown);
    clearInterval(renewing);
    return await close(receiver, (text) => log.info(text));
  },
};

async function close(receiver: RunningReceiver, tell: (text: string) => void): Promise<ExitCode> {
  await receiver.close();
  const { requests, bytes } = receiver.status();
  tell(`Stopped after ${counted(requests, 'request')} (${sized(bytes)})`);
  return EXIT.done;
}

function listenFrom(raw: unknown): ListenAddress {
  const text = typeof raw === 'string' ? raw : LISTEN_DEFAULT;
  const listen = listenAddress.read(text);
  if (listen !== undefined) return listen;
  throw cliError('USAGE_INVALID', `--listen is "${text}". It must be ${listenAddress.allowed}.`, { input: text });
}

async function tokenFrom({ io, options }: Invocation, warn: (message: string) => void): Promise<string> {
  if (typeof options.tokenFile === 'string') return await readTokenFile(resolve(io.cwd, options.tokenFile), warn);
  throw cliError('USAGE_INVALID', '--token-file is missing: senders must show who they are', {
    advice: 'Make a token, and give both ends the file: openssl rand -base64 32 > receive.token',
  });
}

async function tlsFrom({ io, options }: Invocation): Promise<{ cert: string; key: string } | null> {
  const { tlsCert, tlsKey } = options;
  if (typeof tlsCert === 'string' && typeof tlsKey === 'string') {
    return { cert: await readPem(tlsCert, io), key: await readPem(tlsKey, io) };
  }
  if (tlsCert === undefined && tlsKey === undefined) return null;
  throw cliError('USAGE_INVALID', '--tls-cert and --tls-key go together');
}

/** Certificates are renewed every few weeks: a new one is used from the next connection on. */
function followCertificate(invocation: Invocation, receiver: RunningReceiver, log: Logger): NodeJS.Timeout {
  let last: string | undefined;
  const look = async (): Promise<void> => {
    try {
      const tls = await tlsFrom(invocation);
      const text = JSON.stringify(tls);
      if (tls !== null && last !== undefined && text !== last) {
        receiver.renewTls(tls);
        log.info('The certificate was renewed');
      }
      last = text;
    } catch (err) {
      // Half written, perhaps: the old one goes on.
      log.warn({ err }, 'The certificate could not be read anew');
    }
  };
  void look();
  return setInterval(() => void look(), CERTIFICATE_MS);
}

async function readPem(name: string, io: Io): Promise<string> {
  const path = resolve(io.cwd, name);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw cliError('FILE_UNREADABLE', `Cannot read ${path}: ${(cause as Error).message}`, { input: path, cause });
  }
}

function statusText({ sessions, bytes, refused }: ReceiverStatus): string {
  const docs = sessions.reduce((sum, { written, stale }) => sum + written + stale, 0);
  const strangers = refused === 0 ? '' : ` · ${counted(refused, 'wrong token')}`;
  return `${counted(sessions.length, 'sender')} · ${counted(docs, 'document')} · ${sized(bytes)} received${strangers}`;
}

/** Log lines above the line that is drawn over, where both are on one terminal. */
function above(line: ProgressLine, output: Output): Output {
  const writable = new Writable({
    write(chunk, _encoding, done) {
      line[Symbol.dispose]();
      output.write(chunk, () => done());
    },
  });
  return Object.assign(writable, { isTTY: output.isTTY === true });
}

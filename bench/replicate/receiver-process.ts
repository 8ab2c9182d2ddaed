/** A process with a receiver; tells its port as JSON. `receiver-process.ts JSON` */
import { startReceiver } from '../../replicator/remote/receive.ts';
import { realRuntime } from '../../replicator/runtime.ts';
import { openStore } from '../../store/open.ts';

export interface ReceiverSettings {
  readonly store: string;
  readonly token: string;
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

const { store: url, token, tls } = JSON.parse(process.argv[2] ?? '') as ReceiverSettings;
const store = await openStore(url);
const listen = { host: '127.0.0.1', port: 0 };
const receiver = await startReceiver({ store, engine: store.engine, listen, token, tls, runtime: realRuntime });
process.stdout.write(`${JSON.stringify({ port: Number(new URL(receiver.url).port) })}\n`);

/** TLS between two sites. */
import { rootCertificates } from 'node:tls';
import t from 'tap';
import { httpsTarget } from '../../../replicator/remote/https-target.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import { makeCertificates } from '../../rig/certificates.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { differences, putArticles, sqlitePair, start } from '../sending/pair.ts';
import { proxyBefore, receiverFor, TOKEN, targetAt } from './receiving.ts';
import { articlesOf, hello, pushOf } from './target-contract.ts';

const certificates = await makeCertificates(['IP:127.0.0.1', 'DNS:localhost']);
const other = await makeCertificates(['DNS:elsewhere.example.org']);

if (certificates === undefined || other === undefined) skipLoudly(t, 'there is no openssl to make certificates with');
else {
  const { ca, cert, key } = certificates;

  t.test('documents cross a link on which nobody can read them', async (t) => {
    await using pair = await sqlitePair();
    const { a, b } = pair;
    const receiver = await receiverFor(t, b, { tls: { cert, key } });
    t.match(receiver.url, /^https:/);
    const proxy = await proxyBefore(t, receiver);
    await putArticles(a, 'x', 1500);
    const open = async () => httpsTarget(proxy.url, { token: TOKEN, ca, runtime: realRuntime });
    const { docs } = await start(a, b, { open, once: true }).ended;
    t.equal(docs, 1500);
    t.strictSame(await differences(a, b), []);
    await receiver.close();
  });

  t.test('a receiver whose certificate is not trusted gets no token', async (t) => {
    await using pair = await sqlitePair();
    const receiver = await receiverFor(t, pair.b, { tls: { cert, key } });
    await t.rejects(targetAt(t, receiver.url).inspect(), { code: 'RECEIVER_CERTIFICATE', advice: /--ca/ });
    await t.rejects(targetAt(t, receiver.url, TOKEN, other.ca).inspect(), { code: 'RECEIVER_CERTIFICATE' });
    t.equal(receiver.status().requests, 0);
    t.equal((await targetAt(t, receiver.url, TOKEN, ca).inspect()).site, pair.b.site);
    await receiver.close();
  });

  t.test('a certificate for another name is refused; public authorities do not help', async (t) => {
    await using pair = await sqlitePair();
    const receiver = await receiverFor(t, pair.b, { tls: { cert: other.cert, key: other.key } });
    await t.rejects(targetAt(t, receiver.url, TOKEN, other.ca).inspect(), { code: 'RECEIVER_CERTIFICATE' });
    t.ok(rootCertificates.length > 50);
    await receiver.close();
  });

  t.test('a key that does not belong to the certificate is refused at the start', async (t) => {
    await using pair = await sqlitePair();
    await t.rejects(receiverFor(t, pair.b, { tls: { cert, key: other.key } }), { code: 'RECEIVER_TLS_INVALID' });
  });

  t.test('a renewed certificate holds from the next connection on; a bad one changes nothing', async (t) => {
    await using pair = await sqlitePair();
    const receiver = await receiverFor(t, pair.b, { tls: { cert, key } });
    const before = targetAt(t, receiver.url, TOKEN, ca);
    await before.inspect();
    t.throws(() => receiver.renewTls({ cert, key: other.key }), { code: 'RECEIVER_TLS_INVALID' });
    await targetAt(t, receiver.url, TOKEN, ca).inspect();
    const renewed = await makeCertificates(['IP:127.0.0.1']);
    if (renewed === undefined) throw new Error('it was there a moment ago');
    receiver.renewTls(renewed);
    await targetAt(t, receiver.url, TOKEN, renewed.ca).inspect();
    await t.rejects(targetAt(t, receiver.url, TOKEN, ca).inspect(), { code: 'RECEIVER_CERTIFICATE' });
    await before.inspect();
    await receiver.close();
  });

  t.test('TLS spoken to a receiver without it, and the other way round, say what is wrong', async (t) => {
    await using pair = await sqlitePair();
    const { a, b } = pair;
    const plain = await receiverFor(t, b);
    await t.rejects(targetAt(t, plain.url.replace('http:', 'https:')).inspect(), { code: 'RECEIVER_NOT_OURS' });
    const secure = await receiverFor(t, a, { tls: { cert, key } });
    await t.rejects(targetAt(t, secure.url.replace('https:', 'http:')).inspect(), { code: /^RECEIVER_/ });
    await Promise.all([plain.close(), secure.close()]);
  });

  t.test('many pushes at once, each on a connection of its own', async (t) => {
    await using pair = await sqlitePair();
    const { a, b } = pair;
    await putArticles(a, 'x', 400);
    const receiver = await receiverFor(t, b, { tls: { cert, key } });
    const docs = await articlesOf(a);
    const target = targetAt(t, receiver.url, TOKEN, ca);
    const session = await target.connect(hello(a));
    await Promise.all(Array.from({ length: 16 }, (_, i) => session.push(pushOf(docs.slice(i * 25, i * 25 + 25)))));
    t.strictSame(await differences(a, b), []);
    await session.close();
    await receiver.close();
  });
}

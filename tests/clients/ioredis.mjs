// ioredis in common use, by RESP2 and RESP3. Asserts replies, order of messages, entries delivered once, errors' places.
import assert from 'node:assert/strict';
import test, { after, beforeEach } from 'node:test';
import { Redis } from 'ioredis';
import { until } from './support/until.mjs';

const port = Number(process.env.REDIS_PORT);
const range = (n) => [...Array(n).keys()];

for (const protocol of [2, 3]) {
  const open = [];
  const connect = (more = {}) => {
    const client = new Redis({ port, protocol, ...more });
    open.push(client);
    return client;
  };
  const r = connect();
  const it = (name, body) => test(`RESP${protocol}: ${name}`, { timeout: 30_000 }, body);
  beforeEach(() => r.flushall());
  after(() => open.forEach((client) => client.disconnect()));

  it('values keep their types', async () => {
    assert.equal(await r.set('s', 'v', 'EX', 100, 'NX'), 'OK');
    assert.equal(await r.set('s', 'w', 'NX'), null);
    assert.equal(await r.incr('n'), 1);
    assert.deepEqual(await r.mget('s', 'none', 'n'), ['v', null, '1']);
    assert.equal(await r.hset('h', { a: 1, b: 'two' }), 2);
    assert.deepEqual({ ...(await r.hgetall('h')) }, { a: '1', b: 'two' });
    await r.rpush('l', ...range(5));
    assert.deepEqual(await r.lrange('l', -2, -1), ['3', '4']);
    await r.zadd('z', 1.5, 'one', 2, 'two');
    assert.deepEqual((await r.zrange('z', 0, -1, 'WITHSCORES')).flat().map(String), ['one', '1.5', 'two', '2']);
    const blob = Buffer.from(range(256));
    await r.set(blob, blob);
    assert.deepEqual(await r.getBuffer(blob), blob);
    await assert.rejects(r.lpush('s', 1), /WRONGTYPE/);
    await assert.rejects(r.call('NOSUCH', 'x'), /unknown command 'NOSUCH', with args beginning with: 'x'/);
  });

  it('pipelines and transactions', async () => {
    const pipe = r.pipeline();
    for (const n of range(1000)) pipe.incrby('n', n);
    assert.deepEqual(await pipe.exec(), range(1000).map((n) => [null, (n * (n + 1)) / 2]));
    const replies = await r.multi().set('s', 'x').lpush('s', 1).get('s').exec();
    assert.deepEqual([replies[0], replies[2]], [[null, 'OK'], [null, 'x']]);
    assert.match(replies[1][0].message, /WRONGTYPE/);
    await assert.rejects(r.multi().set('s').exec(), /EXECABORT/);
    const watcher = connect();
    await watcher.watch('s');
    await r.set('s', 'other');
    assert.equal(await watcher.multi().set('s', 'mine').exec(), null);
    // Commands that are not awaited are pipelined by the client itself, and keep their order.
    const auto = connect({ enableAutoPipelining: true });
    assert.deepEqual(await Promise.all(range(500).map(() => auto.incr('auto'))), range(500).map((n) => n + 1));
  });

  it('defineCommand and EVAL', async () => {
    const client = connect({ keyPrefix: 'p:' });
    client.defineCommand('addAndTell', { numberOfKeys: 1, lua: "return {redis.call('incrby', KEYS[1], ARGV[1]), KEYS[1], ARGV[1], false}" });
    assert.deepEqual(await client.addAndTell('k', 5), [5, 'p:k', '5', null]);
    await r.script('FLUSH');
    assert.deepEqual((await client.addAndTell('k', 5))[0], 10);
    const pipe = client.pipeline();
    for (const n of range(20)) pipe.addAndTell(`k${n}`, n);
    assert.deepEqual(await pipe.exec(), range(20).map((n) => [null, [n, `p:k${n}`, String(n), null]]));
    const multi = await client.multi().addAndTell('k', 1).get('k').exec();
    assert.deepEqual(multi.map(([, reply]) => reply), [[11, 'p:k', '1', null], '11']);
    assert.deepEqual(await r.eval('return {KEYS[1], ARGV[1], 3.9, true}', 1, 'a', 'b'), ['a', 'b', 3, 1]);
    await assert.rejects(r.eval("return redis.call('get')", 0), /Wrong number of args/);
    await assert.rejects(r.evalsha('f'.repeat(40), 0), /NOSCRIPT/);
  });

  it('publish and subscribe', async () => {
    const subscriber = connect();
    const got = [];
    subscriber.on('message', (channel, message) => got.push([channel, message]));
    subscriber.on('pmessage', (pattern, channel, message) => got.push([pattern, channel, message]));
    assert.equal(await subscriber.subscribe('a', 'b'), 2);
    assert.equal(await subscriber.psubscribe('p*'), 3);
    assert.deepEqual(await Promise.all([r.publish('a', '1'), r.publish('pub', '2'), r.publish('none', '3')]), [1, 1, 0]);
    for (const n of range(1000)) r.publish('b', n);
    await until(() => got.length === 1002);
    assert.deepEqual(got, [['a', '1'], ['p*', 'pub', '2'], ...range(1000).map((n) => ['b', String(n)])]);
    assert.equal(await subscriber.unsubscribe('a', 'b'), 1);
    assert.equal(await subscriber.punsubscribe('p*'), 0);
    assert.equal(await subscriber.get('usable'), null);
    assert.equal(await r.publish('a', 'late'), 0);
  });

  it('a subscriber that was cut off subscribes again', async () => {
    const subscriber = connect({ retryStrategy: () => 10 });
    const got = [];
    subscriber.on('message', (channel, message) => got.push(message));
    const id = await subscriber.client('ID');
    await subscriber.subscribe(`again${protocol}`);
    assert.equal(await r.client('KILL', 'ID', id), 1);
    await until(async () => (await r.publish(`again${protocol}`, 'back')) === 1);
    await until(() => got.length > 0);
    assert.deepEqual(got, ['back']);
  });

  it('streams with a group', async () => {
    const ids = [];
    for (const n of range(100)) ids.push(await r.xadd('s', '*', 'n', n));
    assert.deepEqual(await r.xrange('s', '-', '+', 'COUNT', 1), [[ids[0], ['n', '0']]]);
    await r.xgroup('CREATE', 's', 'g', '0');
    const consume = async (name) => {
      const client = connect();
      const mine = [];
      for (;;) {
        const reply = await client.xreadgroup('GROUP', 'g', name, 'COUNT', 7, 'BLOCK', 50, 'STREAMS', 's', '>');
        if (reply === null) return mine;
        const [[, entries]] = reply;
        assert.equal(await client.xack('s', 'g', ...entries.map(([id]) => id)), entries.length);
        mine.push(...entries.map(([id]) => id));
      }
    };
    const taken = await Promise.all(['a', 'b', 'c'].map(consume));
    assert.deepEqual(taken.flat().sort(), [...ids].sort());
    assert.equal((await r.xpending('s', 'g'))[0], 0);
    const waiting = connect().xread('BLOCK', 20_000, 'STREAMS', 'fresh', '$');
    await until(async () => /blocked_clients:1/.test(await r.info('clients')));
    await r.xadd('fresh', '7-7', 'a', 'b');
    assert.deepEqual(await waiting, [['fresh', [['7-7', ['a', 'b']]]]]);
  });

  it('blocking pops and scan streams', async () => {
    const popped = connect().blpop('q', 20);
    await until(async () => /blocked_clients:1/.test(await r.info('clients')));
    await r.rpush('q', 'x');
    assert.deepEqual(await popped, ['q', 'x']);
    assert.equal(await r.blpop('q', 0.05), null);
    await r.mset(Object.fromEntries(range(2000).map((n) => [`key:${n}`, n])));
    const seen = new Set();
    for await (const keys of r.scanStream({ match: 'key:*', count: 100 })) keys.forEach((key) => seen.add(key));
    assert.equal(seen.size, 2000);
    await r.sadd('set', ...range(2000));
    const members = new Set();
    for await (const some of r.sscanStream('set')) some.forEach((member) => members.add(Number(member)));
    assert.deepEqual([...members].sort((a, b) => a - b), range(2000));
  });

  it('connections come back after a kill, with their database', async () => {
    const client = connect({ db: 4, retryStrategy: () => 5 });
    for (const n of range(5)) {
      await r.client('KILL', 'ID', await client.client('ID'));
      assert.equal(await client.incr('n'), n + 1);
    }
    assert.equal(await r.get('n'), null);
    const monitor = await connect().monitor();
    const line = new Promise((resolve) => monitor.on('monitor', (time, args) => args[0] === 'set' && resolve(args)));
    await r.set('seen', 'x');
    assert.deepEqual(await line, ['set', 'seen', 'x']);
    monitor.disconnect();
  });
}

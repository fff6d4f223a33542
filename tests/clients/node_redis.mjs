// node-redis over RESP3 (its default) and RESP2: replies, transactions, scripts and functions, messages, streams, pools and
// its client-side cache. Asserts values, order, and that a cached value is given up when it is changed.
import assert from 'node:assert/strict';
import test from 'node:test';
import { createClient, createClientPool, defineScript } from 'redis';
import { until } from './support/until.mjs';

const port = Number(process.env.REDIS_PORT);
const range = (n) => [...Array(n).keys()];
const add = defineScript({
  NUMBER_OF_KEYS: 1,
  SCRIPT: "return redis.call('incrby', KEYS[1], ARGV[1])",
  parseCommand: (parser, key, by) => (parser.pushKey(key), parser.push(String(by))),
  transformReply: (reply) => reply,
});

for (const RESP of [2, 3]) {
  const it = (name, body) => test(`RESP${RESP}: ${name}`, { timeout: 30_000 }, async () => {
    const open = [];
    const connect = async (more = {}) => {
      const client = createClient({ socket: { port, host: '127.0.0.1', reconnectStrategy: 10 }, RESP, scripts: { add }, ...more });
      client.on('error', () => {}); // connections are killed on purpose
      open.push(client);
      return client.connect();
    };
    try {
      const r = await connect();
      await r.flushAll();
      await body(r, connect);
    } finally {
      open.forEach((client) => client.destroy());
    }
  });

  it('values and transactions', async (r) => {
    assert.equal(await r.set('s', 'v', { expiration: { type: 'EX', value: 100 } }), 'OK');
    assert.equal(await r.hSet('h', { a: 1, b: 'two' }), 2);
    assert.deepEqual({ ...(await r.hGetAll('h')) }, { a: '1', b: 'two' });
    assert.equal(await r.zAdd('z', [{ value: 'a', score: 1.5 }, { value: 'b', score: Infinity }]), 2);
    assert.deepEqual((await r.zRangeWithScores('z', 0, -1)).map((m) => ({ ...m })), [{ value: 'a', score: 1.5 }, { value: 'b', score: Infinity }]);
    assert.deepEqual(await Promise.all(range(1000).map(() => r.incr('n'))), range(1000).map((n) => n + 1));
    assert.deepEqual(await r.multi().incr('n').get('s').hGet('h', 'none').exec(), [1001, 'v', null]);
    await assert.rejects(r.lPush('s', 'x'), /WRONGTYPE/);
    const keys = new Set();
    await r.mSet(range(1000).map((n) => [`k${n}`, String(n)]));
    for await (const some of r.scanIterator({ MATCH: 'k*', COUNT: 100 })) [some].flat().forEach((key) => keys.add(key));
    assert.equal(keys.size, 1000);
  });

  it('WATCH on a pool loses no increment', async (r) => {
    const pool = await createClientPool({ socket: { port, host: '127.0.0.1' }, RESP }, { maximum: 4 }).connect();
    const increment = async () => {
      for (;;) {
        try {
          return await pool.execute(async (client) => {
            await client.watch('sum');
            return client.multi().set('sum', Number(await client.get('sum')) + 1).exec();
          });
        } catch (error) {
          if (error.constructor.name !== 'WatchError') throw error;
        }
      }
    };
    await Promise.all(range(60).map(increment));
    assert.equal(await r.get('sum'), '60');
    pool.destroy();
  });

  it('scripts and functions', async (r) => {
    assert.deepEqual([await r.add('k', 2), await r.add('k', 3)], [2, 5]);
    await r.scriptFlush();
    assert.equal(await r.add('k', 5), 10);
    assert.deepEqual(await r.multi().add('k', 1).get('k').exec(), [11, '11']);
    await r.functionLoad("#!lua name=lib\nredis.register_function('twice', function(keys, args) return args[1] * 2 end)", { REPLACE: true });
    assert.equal(await r.fCall('twice', { keys: [], arguments: ['21'] }), 42);
    assert.deepEqual((await r.functionList()).map((library) => library.library_name), ['lib']);
    await r.functionFlush();
  });

  it('messages', async (r, connect) => {
    const subscriber = await connect();
    const got = [];
    await subscriber.subscribe('a', (message, channel) => got.push([channel, message]));
    await subscriber.pSubscribe('p*', (message, channel) => got.push([channel, message]));
    await subscriber.sSubscribe('s', (message, channel) => got.push([channel, message]));
    for (const n of range(300)) r.publish('a', String(n));
    assert.deepEqual([await r.publish('pub', 'x'), await r.sPublish('s', 'y'), await r.publish('none', 'z')], [1, 1, 0]);
    await until(() => got.length === 302);
    assert.deepEqual(got, [...range(300).map((n) => ['a', String(n)]), ['pub', 'x'], ['s', 'y']]);
    await subscriber.unsubscribe('a');
    assert.equal(await r.publish('a', 'late'), 0);
    assert.deepEqual(await r.pubSubChannels(), []);
  });

  it('streams and blocking pops', async (r, connect) => {
    const waiting = await connect();
    const entry = waiting.xRead({ key: 'st', id: '$' }, { BLOCK: 20_000 });
    await until(async () => /blocked_clients:1/.test(await r.info('clients')));
    const id = await r.xAdd('st', '*', { a: '1' });
    const plain = (reply) => JSON.parse(JSON.stringify(reply));
    assert.deepEqual(plain(await entry), [{ name: 'st', messages: [{ id, message: { a: '1' } }] }]);
    await r.xGroupCreate('st', 'g', '0');
    assert.deepEqual(plain(await r.xReadGroup('g', 'c', { key: 'st', id: '>' }))[0].messages.map((m) => m.id), [id]);
    assert.deepEqual([(await r.xPending('st', 'g')).pending, await r.xAck('st', 'g', id), (await r.xPending('st', 'g')).pending], [1, 1, 0]);
    const popped = waiting.blPop('q', 20);
    await until(async () => /blocked_clients:1/.test(await r.info('clients')));
    await r.rPush('q', 'x');
    assert.deepEqual({ ...(await popped) }, { key: 'q', element: 'x' });
  });

  it('a killed connection comes back', async (r, connect) => {
    const victim = await connect({ database: 2 });
    for (const n of range(3)) {
      const cut = new Promise((resolve) => victim.once('reconnecting', resolve));
      await r.sendCommand(['CLIENT', 'KILL', 'ID', String(await victim.clientId())]);
      await cut;
      assert.equal(await victim.incr('n'), n + 1);
    }
    assert.equal(await r.exists('n'), 0);
  });

  if (RESP === 3) {
    it('the client-side cache', async (r, connect) => {
      const reader = await connect({ clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' } });
      const calls = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await r.info('commandstats'))?.[1] ?? 0);
      await r.set('k', '0');
      assert.equal(await reader.get('k'), '0');
      const before = await calls();
      for (const _ of range(50)) assert.equal(await reader.get('k'), '0');
      assert.equal(await calls(), before);
      for (const n of range(50)) {
        await r.set('k', String(n));
        await until(async () => (await reader.get('k')) === String(n));
      }
      await r.flushAll();
      await until(async () => (await reader.get('k')) === null);
    });
  }
}

// Socket.IO over several server instances, by its Redis adapters: classic publish/subscribe (on ioredis and node-redis),
// sharded channels, and streams. Asserts who receives what, exactly once, and the answers that come back over Redis.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test from 'node:test';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { io as connectTo } from 'socket.io-client';
import { until } from './support/until.mjs';

const port = Number(process.env.REDIS_PORT);
const closing = [];

function ioredis() {
  const client = new Redis({ port });
  closing.push(() => client.quit());
  return client;
}

async function nodeRedis() {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', (error) => console.error(error));
  await client.connect();
  closing.push(() => client.close());
  return client;
}

const adapters = {
  'redis-adapter on ioredis': async () => createAdapter(ioredis(), ioredis(), { key: 'a' }),
  'redis-adapter on node-redis': async () => createAdapter(await nodeRedis(), await nodeRedis(), { key: 'b' }),
  'sharded adapter on ioredis': async () => createShardedAdapter(ioredis(), ioredis(), { channelPrefix: 'c' }),
  'streams adapter on node-redis': async () => createStreamsAdapter(await nodeRedis(), { streamName: 'd', onlyPlaintext: true }),
};

for (const [name, adapter] of Object.entries(adapters)) {
  test(name, { timeout: 40_000 }, async () => {
    const servers = [];
    const clients = [];
    const got = [];
    try {
      for (const index of [0, 1, 2]) {
        const http = createServer();
        const io = new Server(http, { adapter: await adapter() });
        await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
        servers.push(io);
        const arrival = new Promise((resolve) => io.once('connection', resolve));
        const client = connectTo(`http://127.0.0.1:${http.address().port}`, { transports: ['websocket'], forceNew: true });
        clients.push(client);
        got.push([]);
        client.on('news', (...data) => got[index].push(data));
        client.on('question', (answer) => answer(index));
        const socket = await arrival;
        socket.data.index = index;
        socket.join(index === 2 ? ['odd', 'last'] : 'room');
      }
      // Each instance knows the others, and their sockets.
      await until(async () => (await servers[0].fetchSockets()).length === 3);
      const sockets = await servers[1].fetchSockets();
      assert.deepEqual(sockets.map((socket) => socket.data.index).sort(), [0, 1, 2]);
      assert.deepEqual((await servers[2].in('room').fetchSockets()).map((socket) => socket.data.index).sort(), [0, 1]);

      // Broadcasts in order, rooms, exclusion; each message once.
      for (let n = 0; n < 100; n++) servers[0].emit('news', n);
      servers[2].to('room').emit('news', 'room', Buffer.from([0, 255]).toString('hex'));
      servers[1].except('room').emit('news', 'odd');
      servers[0].local.emit('news', 'local');
      servers[0].emit('news', 'end');
      servers[1].emit('news', 'end');
      servers[2].emit('news', 'end');
      await until(() => got.every((list) => list.filter(([what]) => what === 'end').length === 3));
      const numbers = [...Array(100).keys()];
      for (const list of got) assert.deepEqual(list.map(([what]) => what).filter(Number.isInteger), numbers);
      const words = got.map((list) => list.map(([what]) => what).filter((what) => typeof what === 'string' && what !== 'end').sort());
      assert.deepEqual(words, [['local', 'room'], ['room'], ['odd']]);

      // Acknowledgements from clients of every instance, and answers of the other servers.
      assert.deepEqual((await servers[0].timeout(5000).emitWithAck('question')).sort(), [0, 1, 2]);
      servers.forEach((io, index) => io.on('who', (asked, answer) => answer(`${asked}${index}`)));
      assert.deepEqual((await servers[0].serverSideEmitWithAck('who', 'server')).sort(), ['server1', 'server2']);

      // Sockets of other instances can be moved and cut off.
      servers[0].in('last').socketsJoin('room');
      await until(async () => (await servers[1].in('room').fetchSockets()).length === 3);
      servers[0].in('room').socketsLeave('room');
      await until(async () => (await servers[1].in('room').fetchSockets()).length === 0);
      servers[0].in('last').disconnectSockets(true);
      await until(() => clients[2].disconnected);
      await until(async () => (await servers[0].fetchSockets()).length === 2);
    } finally {
      clients.forEach((client) => client.disconnect());
      await Promise.all(servers.map((io) => io.close()));
      await Promise.all(closing.splice(0).map((close) => close()));
    }
  });
}

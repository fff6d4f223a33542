// A reentrant lock by scripts, as Redisson keeps it: a hash of owners' counts with an expiry, a message when it is freed,
// and a watchdog that renews it. Asserts mutual exclusion, reentrancy, waking by message, renewal and expiry.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { Redis } from 'ioredis';
import { until } from './support/until.mjs';

const port = Number(process.env.REDIS_PORT);
const open = [];
const connect = () => (open.push(new Redis({ port })), open.at(-1));
after(() => open.forEach((client) => client.disconnect()));

// Answers nil if taken or entered once more, else the milliseconds that the present owner has left.
const ACQUIRE = `
if redis.call('exists', KEYS[1]) == 0 or redis.call('hexists', KEYS[1], ARGV[2]) == 1 then
  redis.call('hincrby', KEYS[1], ARGV[2], 1)
  redis.call('pexpire', KEYS[1], ARGV[1])
  return nil
end
return redis.call('pttl', KEYS[1])`;
// Answers nil to one who does not own it, 0 if still held, 1 if freed.
const RELEASE = `
if redis.call('hexists', KEYS[1], ARGV[2]) == 0 then return nil end
if redis.call('hincrby', KEYS[1], ARGV[2], -1) > 0 then
  redis.call('pexpire', KEYS[1], ARGV[1])
  return 0
end
redis.call('del', KEYS[1])
redis.call('publish', KEYS[2], 'free')
return 1`;
const RENEW = `
if redis.call('hexists', KEYS[1], ARGV[2]) == 1 then return redis.call('pexpire', KEYS[1], ARGV[1]) end
return 0`;

class Lock {
  constructor(name, owner, lease = 5000) {
    Object.assign(this, { keys: [name, `${name}:channel`], owner, lease, woken: 0 });
    this.client = connect();
    this.subscriber = connect();
    this.client.defineCommand('acquire', { numberOfKeys: 2, lua: ACQUIRE });
    this.client.defineCommand('release', { numberOfKeys: 2, lua: RELEASE });
    this.client.defineCommand('renew', { numberOfKeys: 2, lua: RENEW });
  }

  try() {
    return this.client.acquire(...this.keys, this.lease, this.owner);
  }

  // Tries; if it is taken, waits for the message of its release, or until the owner's lease is over.
  async lock() {
    let left = await this.try();
    if (left !== null) {
      await this.subscriber.subscribe(this.keys[1]);
      while ((left = await this.try()) !== null) await this.message(left);
      await this.subscriber.unsubscribe(this.keys[1]);
    }
    this.watchdog = setInterval(() => this.client.renew(...this.keys, this.lease, this.owner), this.lease / 3);
  }

  message(left) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(left, 1));
      this.subscriber.once('message', () => (clearTimeout(timer), this.woken++, resolve()));
    });
  }

  async unlock() {
    clearInterval(this.watchdog);
    return this.client.release(...this.keys, this.lease, this.owner);
  }
}

test('mutual exclusion of 10 owners; waiters are woken by messages', { timeout: 60_000 }, async () => {
  let inside = 0;
  let counter = 0;
  const plain = connect();
  const owners = [...Array(10).keys()].map((n) => new Lock('mutex', `owner${n}`));
  await Promise.all(owners.map(async (lock) => {
    for (let round = 0; round < 20; round++) {
      await lock.lock();
      assert.equal(++inside, 1);
      const value = Number(await plain.get('shared')); // read and written by two commands: only the lock makes it safe
      await plain.set('shared', value + 1);
      counter++;
      inside--;
      assert.equal(await lock.unlock(), 1);
    }
  }));
  assert.deepEqual([counter, await plain.get('shared'), await plain.exists('mutex')], [200, '200', 0]);
  assert.ok(owners.some((lock) => lock.woken > 0), 'somebody was woken by a message');
});

test('reentrant for its owner, closed to others', { timeout: 20_000 }, async () => {
  const mine = new Lock('again', 'me');
  const other = new Lock('again', 'other');
  assert.equal(await mine.try(), null);
  assert.equal(await mine.try(), null);
  assert.deepEqual({ ...(await mine.client.hgetall('again')) }, { me: '2' });
  const left = await other.try();
  assert.ok(left > 4000 && left <= 5000, String(left));
  assert.equal(await other.unlock(), null);
  assert.deepEqual([await mine.unlock(), await mine.unlock(), await mine.unlock()], [0, 1, null]);
  assert.equal(await other.try(), null);
});

test('the watchdog keeps a lock; without it the lease ends', { timeout: 20_000 }, async () => {
  const kept = new Lock('kept', 'me', 300);
  const waiter = new Lock('kept', 'other', 300);
  await kept.lock();
  const began = Date.now();
  while (Date.now() - began < 900) assert.notEqual(await waiter.try(), null);
  clearInterval(kept.watchdog);
  await until(async () => (await waiter.try()) === null);
  assert.equal(await kept.unlock(), null);
  assert.equal(await waiter.unlock(), 1);
});

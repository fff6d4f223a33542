// BullMQ's queues on ioredis. Asserts that every job is done exactly once, in the order that its options promise, that
// results, retries, delays and limits are as asked for, and that parents wait for their children.
import assert from 'node:assert/strict';
import test from 'node:test';
import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq';
import { until } from './support/until.mjs';

const port = Number(process.env.REDIS_PORT);
const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
const range = (n) => [...Array(n).keys()];
let number = 0;

// A test with a queue of its own; `worker` starts a worker on it. All is closed at the end.
function it(name, body) {
  test(name, { timeout: 60_000 }, async () => {
    const queueName = `queue${number++}`;
    const open = [];
    const opened = (thing) => (thing.on('error', (error) => console.error(name, error)), open.push(thing), thing);
    const queue = opened(new Queue(queueName, { connection }));
    const worker = (work, options = {}) => opened(new Worker(queueName, work, { connection, ...options }));
    try {
      await body({ queue, queueName, worker, opened });
    } finally {
      await Promise.all(open.reverse().map((thing) => thing.close()));
    }
  });
}

it('10,000 jobs, each done once, with its result', async ({ queue, worker }) => {
  const total = 10_000;
  const done = new Map();
  let active = 0;
  let most = 0;
  for (let from = 0; from < total; from += 1000) {
    await queue.addBulk(range(1000).map((n) => ({ name: 'job', data: { n: from + n } })));
  }
  assert.equal(await queue.getWaitingCount(), total);
  const workers = range(2).map(() =>
    worker(async (job) => {
      most = Math.max(most, ++active);
      done.set(job.data.n, (done.get(job.data.n) ?? 0) + 1);
      await null;
      active--;
      return job.data.n * 2;
    }, { concurrency: 50 }),
  );
  await until(async () => (await queue.getCompletedCount()) === total, 55);
  assert.equal(workers.length, 2);
  assert.equal(done.size, total);
  assert.ok([...done.values()].every((times) => times === 1));
  const jobs = await queue.getJobs(['completed'], 0, 99);
  assert.ok(jobs.every((job) => job.returnvalue === job.data.n * 2));
  assert.deepEqual(await queue.getJobCounts('waiting', 'active', 'failed', 'delayed', 'completed'), {
    waiting: 0, active: 0, failed: 0, delayed: 0, completed: total });
});

it('first in, first out; LIFO and priorities as asked', async ({ queue, worker }) => {
  const order = [];
  for (const n of range(20)) await queue.add('fifo', n);
  await queue.add('lifo', 'last first', { lifo: true });
  for (const priority of [7, 3, 9, 1, 3]) await queue.add('prioritised', `p${priority}`, { priority });
  worker(async (job) => order.push(job.data), { concurrency: 1 });
  await until(() => order.length === 26);
  assert.deepEqual(order, ['last first', ...range(20), 'p1', 'p3', 'p3', 'p7', 'p9']);
});

it('delayed jobs come when due, in order of their times', async ({ queue, worker }) => {
  const came = [];
  const began = Date.now();
  for (const delay of [400, 100, 250]) await queue.add('later', delay, { delay });
  assert.equal(await queue.getDelayedCount(), 3);
  worker(async (job) => came.push([job.data, Date.now() - began]));
  await until(() => came.length === 3);
  assert.deepEqual(came.map(([delay]) => delay), [100, 250, 400]);
  for (const [delay, after] of came) assert.ok(after >= delay - 1, `${delay} came after ${after} ms`);
});

it('a job scheduler repeats, up to its limit', async ({ queue, worker }) => {
  const came = [];
  worker(async (job) => came.push(job.data.tick));
  await queue.upsertJobScheduler('ticker', { every: 100, limit: 4 }, { name: 'tick', data: { tick: true } });
  assert.equal((await queue.getJobSchedulers()).length, 1);
  await until(() => came.length === 4);
  await queue.upsertJobScheduler('never', { pattern: '0 0 1 1 *' }, { name: 'yearly' });
  assert.equal(await queue.removeJobScheduler('never'), true);
  assert.deepEqual(came, [true, true, true, true]);
});

it('retries with backoff, then succeeds or fails', async ({ queue, queueName, worker, opened }) => {
  const events = opened(new QueueEvents(queueName, { connection, lastEventId: '0-0' }));
  await events.waitUntilReady();
  const times = [];
  worker(async (job) => {
    if (job.name === 'never') throw new Error('always fails');
    times.push(Date.now());
    if (job.attemptsMade < 2) throw new Error(`attempt ${job.attemptsMade}`);
    return 'at last';
  });
  const flaky = await queue.add('flaky', 0, { attempts: 3, backoff: { type: 'exponential', delay: 50 } });
  assert.equal(await flaky.waitUntilFinished(events, 20_000), 'at last');
  assert.ok(times.length === 3 && times[1] - times[0] >= 49 && times[2] - times[1] >= 99, String(times));
  const never = await queue.add('never', 0, { attempts: 2 });
  await assert.rejects(never.waitUntilFinished(events, 20_000), /always fails/);
  const [failed] = await queue.getFailed();
  assert.deepEqual([failed.id, failed.attemptsMade, failed.failedReason], [never.id, 2, 'always fails']);
  await failed.remove();
  assert.equal(await queue.getFailedCount(), 0);
});

it('a rate limit holds', async ({ queue, worker }) => {
  const times = [];
  await queue.addBulk(range(12).map((n) => ({ name: 'limited', data: n })));
  worker(async () => times.push(Date.now()), { limiter: { max: 4, duration: 300 }, concurrency: 12 });
  await until(() => times.length === 12);
  // The 5th and 9th jobs begin a new window each.
  assert.ok(times[8] - times[0] >= 550, `${times.map((time) => time - times[0])}`);
});

it('pause and resume', async ({ queue, worker }) => {
  const done = [];
  await queue.pause();
  worker(async (job) => done.push(job.data));
  await queue.add('held', 1);
  assert.equal(await queue.isPaused(), true);
  assert.equal((await queue.getJobs(['paused', 'waiting', 'active'])).length, 1);
  assert.deepEqual(done, []);
  await queue.resume();
  await until(() => done.length === 1);
});

it('flows: a parent runs after its children, with their values', async ({ queue, queueName, worker, opened }) => {
  const flows = opened(new FlowProducer({ connection }));
  const order = [];
  worker(async (job) => {
    order.push(job.name);
    return job.name === 'child' ? job.data : Object.values(await job.getChildrenValues()).reduce((a, b) => a + b, 0);
  }, { concurrency: 10 });
  const child = (n) => ({ name: 'child', queueName, data: n });
  const { job } = await flows.add({ name: 'root', queueName, children: [
    { name: 'middle', queueName, children: range(10).map(child) }, { name: 'middle', queueName, children: range(5).map(child) } ] });
  await until(() => job.isCompleted());
  assert.equal((await queue.getJob(job.id)).returnvalue, 45 + 10);
  assert.deepEqual(order.slice(-1), ['root']);
  assert.deepEqual([order.filter((name) => name === 'child').length, order.length], [15, 18]);
});

it('events, progress, logs and deduplication', async ({ queue, queueName, worker, opened }) => {
  const events = opened(new QueueEvents(queueName, { connection, lastEventId: '0-0' }));
  await events.waitUntilReady();
  const seen = [];
  for (const event of ['added', 'active', 'progress', 'completed']) events.on(event, ({ jobId }) => seen.push([event, jobId]));
  const job = await queue.add('one', 1, { deduplication: { id: 'same' } });
  assert.equal((await queue.add('two', 2, { deduplication: { id: 'same' } })).id, job.id);
  worker(async (running) => {
    await running.log('a line');
    await running.updateProgress(50);
  });
  await until(() => seen.some(([event]) => event === 'completed'));
  assert.deepEqual(seen, ['added', 'active', 'progress', 'completed'].map((event) => [event, job.id]));
  assert.deepEqual((await queue.getJobLogs(job.id)).logs, ['a line']);
  assert.equal((await queue.getJob(job.id)).progress, 50);
  await queue.obliterate({ force: true });
  assert.equal(await queue.count(), 0);
});

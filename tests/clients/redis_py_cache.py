"""redis-py's client-side cache (CLIENT TRACKING over RESP3) and its asyncio client.

Asserts that a cached value costs no command, that another client's write, an expiry and a flush make it read anew, and
that no reader ever sees a value older than one it saw before.
"""

import asyncio
import threading
import time
import unittest

import redis
import redis.asyncio
from redis.cache import CacheConfig
from redis.connection import CacheProxyConnection
from support.cases import PORT, in_threads

# redis-py asks for Redis 7.4 by the version that HELLO names, though nothing that it sends is newer than Redis 6.
CacheProxyConnection.MIN_ALLOWED_VERSION = "7.0.0"


def commands_of(client, name):
    return client.info("commandstats").get(f"cmdstat_{name}", {"calls": 0})["calls"]


class Cache(unittest.TestCase):
    def setUp(self):
        self.writer = redis.Redis(port=PORT, decode_responses=True)
        self.addCleanup(self.writer.close)
        self.writer.flushall()
        self.cached = self.reader()

    def reader(self):
        client = redis.Redis(port=PORT, protocol=3, cache_config=CacheConfig(), decode_responses=True, single_connection_client=True)
        self.addCleanup(client.close)
        return client

    def becomes(self, read, wanted):
        """An invalidation is on its way: the value is the old one or, soon, the wanted one."""
        deadline = time.monotonic() + 20
        while (value := read()) != wanted:
            self.assertLess(time.monotonic(), deadline, f"still {value}, not {wanted}")

    def test_a_cached_value_costs_no_command(self):
        self.writer.set("k", "1")
        self.assertEqual(self.cached.get("k"), "1")
        before = commands_of(self.writer, "get")
        self.assertEqual({self.cached.get("k") for _ in range(100)}, {"1"})
        self.assertEqual(commands_of(self.writer, "get"), before)

    def test_writes_of_others_invalidate(self):
        for round in range(50):
            self.writer.mset({"k": round, "unrelated": round})
            self.becomes(lambda: self.cached.get("k"), str(round))
        self.writer.hset("h", "f", "1")
        self.assertEqual(self.cached.hget("h", "f"), "1")
        self.writer.hset("h", "f", "2")
        self.becomes(lambda: self.cached.hget("h", "f"), "2")
        self.writer.rpush("l", 1)
        self.assertEqual(self.cached.lrange("l", 0, -1), ["1"])
        self.writer.delete("l")
        self.becomes(lambda: self.cached.lrange("l", 0, -1), [])

    def test_expiry_and_flush_invalidate(self):
        self.writer.set("e", "1", px=50)
        self.writer.set("f", "1")
        self.assertEqual((self.cached.get("e"), self.cached.get("f")), ("1", "1"))
        self.becomes(lambda: self.cached.get("e"), None)
        self.writer.flushall()
        self.becomes(lambda: self.cached.get("f"), None)

    def test_no_reader_goes_back_in_time(self):
        last = 2000
        self.writer.set("n", 0)

        def reads(index):
            if index == 0:
                for number in range(1, last + 1):
                    self.writer.set("n", number)
                return last
            client, seen = self.reader(), 0
            deadline = time.monotonic() + 30
            while seen < last:
                self.assertLess(time.monotonic(), deadline, f"stuck at {seen}")
                value = int(client.get("n"))
                self.assertGreaterEqual(value, seen)
                seen = value
            return seen

        self.assertEqual(in_threads(4, reads), [last] * 4)


class Asyncio(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.r = redis.asyncio.Redis(port=PORT, decode_responses=True, protocol=3)
        self.addAsyncCleanup(self.r.aclose)
        await self.r.flushall()

    async def test_many_tasks_on_one_pool(self):
        async def task(index):
            async with self.r.pipeline() as pipe:
                pipe.incr("n").rpush("l", index)
                return (await pipe.execute())[0]

        self.assertEqual(sorted(await asyncio.gather(*map(task, range(100)))), list(range(1, 101)))
        self.assertEqual(sorted(map(int, await self.r.lrange("l", 0, -1))), list(range(100)))

    async def test_blocking_and_messages(self):
        popped = asyncio.create_task(self.r.blpop(["q"], timeout=20))
        async with self.r.pubsub() as subscriber:
            await subscriber.psubscribe("c:*")
            await subscriber.get_message(timeout=20)
            for number in range(100):
                await self.r.publish(f"c:{number}", number)
            got = [await subscriber.get_message(timeout=20) for _ in range(100)]
        self.assertEqual([(m["channel"], m["data"]) for m in got], [(f"c:{n}", str(n)) for n in range(100)])
        await self.r.rpush("q", "x")
        self.assertEqual(list(await popped), ["q", "x"])

    async def test_scripts_and_watch(self):
        script = self.r.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
        self.assertEqual([await script(["k"], [n]) for n in (1, 2, 3)], [1, 3, 6])

        async def body(pipe):
            value = int(await pipe.get("k"))
            pipe.multi()
            pipe.set("k", value + 1)

        await asyncio.gather(*(self.r.transaction(body, "k") for _ in range(10)))
        self.assertEqual(await self.r.get("k"), "16")
        self.assertEqual({key async for key in self.r.scan_iter("k*")}, {"k"})


if __name__ == "__main__":
    unittest.main(verbosity=2)

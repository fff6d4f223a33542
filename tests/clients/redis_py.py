"""redis-py in common use, by RESP2 and RESP3: values, pipelines, WATCH, blocking pops, iterators, pools. Asserts replies."""

import threading
import unittest

import redis
from support.cases import PORT, Case, in_threads, pairs


class Tests(Case):
    def test_values_keep_their_types(self):
        r = self.r
        self.assertIs(r.set("s", "v", ex=100), True)
        self.assertIsNone(r.set("s", "w", nx=True))
        self.assertEqual(r.set("s", "w", get=True), "v")
        self.assertEqual(r.mget("s", "none"), ["w", None])
        self.assertEqual((r.incr("n", 5), r.incrbyfloat("n", 0.5), r.append("s", "xyz")), (5, 5.5, 4))
        self.assertEqual((r.ttl("s"), r.expire("s", 50), r.persist("s"), r.ttl("none")), (-1, True, True, -2))
        self.assertEqual(r.hset("h", mapping={"a": 1, "b": "two"}), 2)
        self.assertEqual((r.hgetall("h"), r.hmget("h", "b", "c")), ({"a": "1", "b": "two"}, ["two", None]))
        self.assertEqual(r.rpush("l", *range(5)), 5)
        self.assertEqual((r.lrange("l", 1, -2), r.lpos("l", "3"), r.lpop("l", 2)), (["1", "2", "3"], 3, ["0", "1"]))
        self.assertEqual(r.sadd("t", "a", "b", "c"), 3)
        self.assertEqual((set(r.smembers("t")), r.smismember("t", ["a", "x"])), ({"a", "b", "c"}, [1, 0]))
        self.assertEqual(r.zadd("z", {"one": 1, "half": 0.5, "inf": float("inf")}), 3)
        self.assertEqual(pairs(r.zrange("z", 0, -1, withscores=True)), [("half", 0.5), ("one", 1.0), ("inf", float("inf"))])
        self.assertEqual((r.zadd("z", {"one": 3}, gt=True, ch=True), r.zscore("z", "one"), r.zrank("z", "one")), (1, 3.0, 1))
        self.assertEqual(r.geoadd("g", (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")), 2)
        self.assertEqual(r.geosearch("g", longitude=15, latitude=37, radius=100, unit="km"), ["Catania"])
        self.assertEqual((r.pfadd("p", *range(100)), 95 < r.pfcount("p") < 105), (1, True))
        self.assertEqual(r.bitfield("b").set("u8", 0, 200).incrby("u8", 0, 100).execute(), [0, 44])
        self.assertEqual(r.sort("l", desc=True), ["4", "3", "2"])
        self.assertEqual((r.type("z"), r.object("encoding", "h"), r.dbsize()), ("zset", "listpack", 9))
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE Operation against a key"):
            r.lpush("s", "x")

    def test_binary_values_come_back_unchanged(self):
        raw = redis.Redis(port=PORT, **self.options)
        self.addCleanup(raw.close)
        blob = bytes(range(256)) * 4096 + b"\r\n$-1\r\n"
        self.assertTrue(raw.set(blob[:300], blob))
        self.assertEqual((raw.get(blob[:300]), raw.keys()), (blob, [blob[:300]]))

    def test_the_server_describes_itself(self):
        r = self.r
        self.assertIn(r.info()["redis_mode"], ("standalone",))
        self.assertEqual(r.config_get("maxmemory-policy"), {"maxmemory-policy": "noeviction"})
        self.assertTrue(r.config_set("slowlog-log-slower-than", 0))
        r.get("slow")
        self.assertTrue(any("GET slow" in str(entry["command"]) for entry in r.slowlog_get(50)))
        r.config_set("slowlog-log-slower-than", 10000)
        self.assertTrue(r.client_setname("me"))
        me = [c for c in r.client_list() if c["name"] == "me"]
        self.assertEqual([(c["id"], c["lib-name"][:8], c["resp"]) for c in me if "lib-name" in c], [
            (str(r.client_id()), "redis-py", str(self.options.get("protocol", 3)))
        ] if "lib-name" in me[0] else [])
        self.assertGreater(r.command_count(), 200)
        self.assertEqual(r.command()["get"]["arity"], 2)
        self.assertEqual(r.command_getkeys("MSET", "a", 1, "b", 2), ["a", "b"])
        self.assertGreater(r.memory_usage("slow") or 1, 0)

    def test_pipelines_keep_order_and_place_of_errors(self):
        for transaction in (True, False):
            self.r.flushall()
            pipe = self.r.pipeline(transaction=transaction)
            for index in range(1000):
                pipe.incrby("n", index)
            self.assertEqual(pipe.execute(), [index * (index + 1) // 2 for index in range(1000)])
            pipe.set("s", "x").lpush("s", 1).get("s")
            replies = pipe.execute(raise_on_error=False)
            self.assertEqual((replies[0], type(replies[1]), replies[2]), (True, redis.ResponseError, "x"))
            pipe.set("s", "y").lpush("s", 1)
            with self.assertRaisesRegex(redis.ResponseError, "Command # 2 .*WRONGTYPE"):
                pipe.execute()
            self.assertEqual(self.r.get("s"), "y")

    def test_watch_aborts_and_retries_until_nothing_is_lost(self):
        with self.r.pipeline() as pipe:
            pipe.watch("k")
            self.r.set("k", "other")
            pipe.multi()
            pipe.set("k", "mine")
            self.assertRaises(redis.WatchError, pipe.execute)
        self.assertEqual(self.r.get("k"), "other")

        def increments(_):
            client = self.client()
            for _ in range(25):
                client.transaction(lambda pipe: (lambda n: (pipe.multi(), pipe.set("sum", n + 1)))(int(pipe.get("sum") or 0)), "sum")

        in_threads(4, increments)
        self.assertEqual(self.r.get("sum"), "100")

    def test_blocking_pops(self):
        self.assertIsNone(self.r.blpop("none", timeout=0.05))
        popper = threading.Thread(target=lambda: self.assertEqual(tuple(self.client().blpop(["a", "b"], timeout=20)), ("b", "1")))
        popper.start()
        self.blocked_clients(1)
        self.r.rpush("b", "1")
        popper.join(20)
        self.assertEqual(self.r.exists("b"), 0)
        # Every element of a queue goes to one popper only.
        total = 400

        def pops(index):
            if index == 0:
                for number in range(total):
                    self.r.lpush("queue", number)
                self.r.lpush("queue", *["end"] * 4)
                return []
            client, mine = self.client(), []
            while (element := client.brpop("queue", timeout=20)[1]) != "end":
                mine.append(int(element))
            return mine

        taken = in_threads(5, pops)
        self.assertEqual(sorted(sum(taken, [])), list(range(total)))
        for mine in taken:
            self.assertEqual(mine, sorted(mine), "first in, first out for each popper")
        self.r.rpush("from", "x")
        self.assertEqual((self.r.blmove("from", "to", 1), self.r.lrange("to", 0, -1)), ("x", ["x"]))
        self.r.zadd("z", {"a": 1, "b": 2})
        self.assertEqual(tuple(self.r.bzpopmin("z", 1)), ("z", "a", 1.0))
        self.assertEqual(self.r.blmpop(1, 1, "to", direction="LEFT"), ["to", ["x"]])

    def test_scan_iterators_see_everything(self):
        r, names = self.r, {f"key:{index}" for index in range(3000)}
        r.mset(dict.fromkeys(names, 1))
        r.set("other", 1)
        self.assertEqual(set(r.scan_iter("key:*", count=100)), names)
        self.assertEqual(set(r.scan_iter(_type="list")), set())
        r.hset("h", mapping=dict.fromkeys(names, "v"))
        r.sadd("s", *names)
        r.zadd("z", dict.fromkeys(names, 2))
        self.assertEqual(dict(r.hscan_iter("h")), dict.fromkeys(names, "v"))
        self.assertEqual(set(r.sscan_iter("s", match="key:1*")), {name for name in names if name.startswith("key:1")})
        self.assertEqual(dict(pairs(r.zscan_iter("z"))), dict.fromkeys(names, 2.0))

    def test_connections_come_back_after_a_kill(self):
        r = self.client(retry_on_error=[redis.ConnectionError])
        for round in range(5):
            killer = self.client()
            killer.client_kill_filter(_id=r.client_id())
            self.assertEqual(r.incr("n"), round + 1)
        pool = redis.BlockingConnectionPool(port=PORT, max_connections=3, timeout=20, **self.options)
        shared = redis.Redis(connection_pool=pool)
        in_threads(8, lambda _: [shared.incr("m") for _ in range(50)])
        self.assertEqual(shared.get("m"), b"400")
        pool.disconnect()
        self.assertEqual(shared.get("m"), b"400")
        shared.close()
        selected = self.client(db=3)
        selected.set("only", "here")
        self.assertEqual((self.r.get("only"), selected.get("only")), (None, "here"))

    def test_monitor_sees_commands(self):
        with self.client().monitor() as monitor:
            self.r.set("seen", "a b")
            seen = next(command for command in monitor.listen() if "seen" in command["command"])
            self.assertEqual((seen["command"], seen["db"]), ("SET seen a b", 0))


class Resp2(Tests, unittest.TestCase):
    options = {"protocol": 2}


class Resp3(Tests, unittest.TestCase):
    options = {"protocol": 3}


if __name__ == "__main__":
    unittest.main(verbosity=2)

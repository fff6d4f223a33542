"""redis-py, by RESP2 and RESP3: publish/subscribe, notifications, streams, scripts, functions, locks.

Asserts every message and its order, every entry delivered once, every reply and error of scripts, and mutual exclusion.
"""

import threading
import time
import unittest

import redis
from support.cases import Case, entries, in_threads, pairs, values


class Tests(Case):
    def next_message(self, subscriber, **options):
        message = subscriber.get_message(timeout=20, **options)
        self.assertIsNotNone(message, "no message came")
        return message["type"], message["pattern"], message["channel"], message["data"]

    def test_publish_subscribe(self):
        r, subscriber = self.r, self.r.pubsub()
        subscriber.subscribe("a", "b")
        subscriber.psubscribe("p*")
        self.assertEqual([self.next_message(subscriber) for _ in range(3)], [
            ("subscribe", None, "a", 1), ("subscribe", None, "b", 2), ("psubscribe", None, "p*", 3)])
        self.assertEqual((r.publish("a", "1"), r.publish("pub", "2"), r.publish("nobody", "3")), (1, 1, 0))
        self.assertEqual([self.next_message(subscriber) for _ in range(2)], [
            ("message", None, "a", "1"), ("pmessage", "p*", "pub", "2")])
        self.assertEqual((sorted(r.pubsub_channels()), pairs(r.pubsub_numsub("a", "x")), r.pubsub_numpat()),
                         (["a", "b"], [("a", 1), ("x", 0)], 1))
        for number in range(1000):
            r.publish("b", number)
        self.assertEqual([self.next_message(subscriber)[3] for _ in range(1000)], [str(n) for n in range(1000)])
        if self.options["protocol"] == 2:  # by RESP3 PING has a plain reply, which redis-py takes for a message
            subscriber.ping("hello")
            self.assertEqual(self.next_message(subscriber)[0::3], ("pong", "hello"))
        subscriber.unsubscribe()
        subscriber.punsubscribe()
        self.assertEqual({self.next_message(subscriber)[0:3:2] for _ in range(3)}, {
            ("unsubscribe", "a"), ("unsubscribe", "b"), ("punsubscribe", "p*")})
        self.assertFalse(subscriber.subscribed)
        self.assertEqual(r.publish("a", "late"), 0)
        subscriber.close()

    def test_sharded_channels_and_handlers(self):
        got, done = [], threading.Event()

        def handler(message):
            got.append(message["data"])
            if len(got) == 100:
                done.set()

        subscriber = self.r.pubsub(ignore_subscribe_messages=True)
        subscriber.subscribe(**{"handled": handler})
        thread = subscriber.run_in_thread(sleep_time=0.01)
        while self.r.publish("handled", 0) == 0:
            pass
        for number in range(1, 100):
            self.r.publish("handled", number)
        self.assertTrue(done.wait(20))
        thread.stop()
        thread.join(20)
        self.assertEqual(got, [str(n) for n in range(100)])
        sharded = self.r.pubsub()
        sharded.ssubscribe("shard")
        self.assertEqual(self.next_message(sharded)[0::2], ("ssubscribe", "shard"))
        self.assertEqual((self.r.spublish("shard", "x"), self.r.publish("shard", "y")), (1, 0))
        self.assertEqual(self.next_message(sharded), ("smessage", None, "shard", "x"))
        self.assertEqual(self.r.pubsub_shardchannels(), ["shard"])
        sharded.close()

    def test_keyspace_notifications(self):
        self.r.config_set("notify-keyspace-events", "KEA")
        subscriber = self.r.pubsub(ignore_subscribe_messages=True)
        subscriber.psubscribe("__key*__:*")
        subscriber.get_message(timeout=20)
        self.r.set("k", 1, px=20)
        self.r.rename("k", "q")
        while self.r.exists("q"):
            time.sleep(0.005)
        self.r.lpush("l", 1)
        self.r.lpop("l")
        events = [self.next_message(subscriber)[2:] for _ in range(14)]
        self.r.config_set("notify-keyspace-events", "")
        wanted = [("set", "k"), ("expire", "k"), ("rename_from", "k"), ("rename_to", "q"), ("expired", "q"),
                  ("lpush", "l"), ("lpop", "l")]
        self.assertEqual([(c.removeprefix("__keyevent@0__:"), d) for c, d in events if "event" in c], wanted)
        self.assertEqual([(d, c.removeprefix("__keyspace@0__:")) for c, d in events if "space" in c], wanted)
        subscriber.close()

    def test_streams(self):
        r = self.r
        ids = [r.xadd("s", {"n": n, "same": "x"}) for n in range(10)]
        self.assertEqual((r.xlen("s"), ids), (10, sorted(ids, key=lambda i: tuple(map(int, i.split("-"))))))
        self.assertEqual(r.xrange("s", ids[3], ids[4]), [(ids[3], {"n": "3", "same": "x"}), (ids[4], {"n": "4", "same": "x"})])
        self.assertEqual([entry[0] for entry in r.xrevrange("s", count=2)], ids[:-3:-1])
        self.assertEqual(entries(r.xread({"s": ids[7]}, count=5)), ids[8:])
        self.assertEqual((r.xdel("s", ids[0]), r.xtrim("s", maxlen=5, approximate=False), r.xlen("s")), (1, 4, 5))
        self.assertEqual(r.xadd("s", {"a": 1}, nomkstream=True, minid=ids[9], approximate=False) > ids[9], True)
        self.assertIsNone(r.xadd("none", {"a": 1}, nomkstream=True))
        with self.assertRaisesRegex(redis.ResponseError, "equal or smaller"):
            r.xadd("s", {"a": 1}, id="1-1")
        info = r.xinfo_stream("s")
        self.assertEqual((info["length"], info["entries-added"], info["first-entry"][0]), (2, 11, ids[9]))
        woken = threading.Thread(target=lambda: self.assertEqual(entries(self.client().xread({"new": "$"}, block=20000)), ["5-1"]))
        woken.start()
        self.blocked_clients(1)
        r.xadd("new", {"a": 1}, id="5-1")
        woken.join(20)

    def test_stream_groups(self):
        r = self.r
        self.assertTrue(r.xgroup_create("s", "g", id="$", mkstream=True))
        with self.assertRaisesRegex(redis.ResponseError, "BUSYGROUP"):
            r.xgroup_create("s", "g")
        total, workers = 300, 3

        def consume(index):
            if index == workers:
                for number in range(total):
                    self.r.xadd("s", {"n": number})
                return []
            client, mine = self.client(), []
            while reply := client.xreadgroup("g", f"c{index}", {"s": ">"}, count=7, block=1000):
                batch = values(reply)
                self.assertEqual(client.xack("s", "g", *[entry for entry, _ in batch]), len(batch))
                mine += [int(fields["n"]) for _, fields in batch]
            return mine

        taken = in_threads(workers + 1, consume)
        self.assertEqual(sorted(sum(taken, [])), list(range(total)))
        group = r.xinfo_groups("s")[0]
        self.assertEqual((group["name"], group["pending"], group["entries-read"], group["lag"]), ("g", 0, total, 0))
        # What a consumer never acknowledged is seen, claimed and delivered again.
        ids = [r.xadd("s", {"again": n}) for n in range(4)]
        r.xreadgroup("g", "dead", {"s": ">"})
        self.assertEqual(r.xpending("s", "g")["pending"], 4)
        self.assertEqual([(p["message_id"], p["consumer"], p["times_delivered"]) for p in r.xpending_range("s", "g", "-", "+", 2)],
                         [(ids[0], "dead", 1), (ids[1], "dead", 1)])
        self.assertEqual([entry for entry, _ in r.xclaim("s", "g", "alive", 0, ids[:1])], ids[:1])
        reply = r.xautoclaim("s", "g", "alive", 0, start_id=ids[1])
        self.assertEqual((reply[0], [entry for entry, _ in reply[1]], reply[2]), ("0-0", ids[1:], []))
        self.assertEqual(entries(r.xreadgroup("g", "alive", {"s": 0})), ids)
        self.assertEqual({c["name"]: c["pending"] for c in r.xinfo_consumers("s", "g")} | {"c0": 0, "c1": 0, "c2": 0},
                         {"alive": 4, "dead": 0, "c0": 0, "c1": 0, "c2": 0})
        self.assertEqual((r.xgroup_delconsumer("s", "g", "alive"), r.xgroup_destroy("s", "g")), (4, 1))
        with self.assertRaisesRegex(redis.ResponseError, "NOGROUP"):
            r.xreadgroup("g", "alive", {"s": ">"})

    def test_scripts(self):
        r = self.r
        add = r.register_script("local n = redis.call('incrby', KEYS[1], ARGV[1]); return {n, KEYS[1], tostring(n / 2), false, {1, 'x'}}")
        self.assertEqual(add(["n"], [3]), [3, "n", "1.5", None, [1, "x"]])
        r.script_flush()
        self.assertEqual(add(["n"], [3])[0], 6, "loaded again after a flush")
        pipe = r.pipeline()
        for _ in range(10):
            add(["n"], [1], client=pipe)
        r.script_flush()
        self.assertEqual([reply[0] for reply in pipe.execute()], list(range(7, 17)))
        self.assertEqual(r.script_exists(add.sha, "0" * 40), [True, False])
        self.assertEqual(r.eval("return redis.status_reply('FINE')", 0), "FINE")
        self.assertEqual(r.eval("return 3.99", 0), 3)
        for body, error in (("return redis.error_reply('MY own')", "own"), ("return redis.call('lpush', 'n', 1)", "WRONGTYPE"),
                            ("error('boom')", "boom"), ("x = 1", "Attempt to modify a readonly table"), ("return redis.call('nonsense')", "nknown Redis command")):
            with self.assertRaisesRegex(redis.ResponseError, error):
                r.eval(body, 0)
        self.assertEqual(r.eval("local ok, e = pcall(redis.call, 'lpush', KEYS[1], 1); return tostring(ok)", 1, "n"), "false")
        decoded = r.eval("local t = cjson.decode(ARGV[1]); t.n = t.n + 1; return cjson.encode(t)", 0, '{"n":41}')
        self.assertEqual(decoded, '{"n":42}')
        self.assertRaises(redis.exceptions.NoScriptError, r.evalsha, "f" * 40, 0)
        move = self.r.register_script("local v = tonumber(redis.call('get', KEYS[1]) or 0); redis.call('set', KEYS[1], v + 1); return v")
        got = in_threads(4, lambda _: [move(["c"], client=self.r) for _ in range(100)])
        self.assertEqual(sorted(sum(got, [])), list(range(400)), "a script is atomic")

    def test_functions(self):
        r = self.r
        library = ("#!lua name=mylib\nredis.register_function('inc', function(keys, args) return redis.call('incrby', keys[1], args[1]) end)\n"
                   "redis.register_function{function_name='peek', callback=function(keys) return redis.call('get', keys[1]) end, flags={'no-writes'}}")
        self.assertEqual(r.function_load(library), "mylib")
        self.assertEqual((r.fcall("inc", 1, "n", 5), r.fcall_ro("peek", 1, "n")), (5, "5"))
        self.assertRaises(redis.ResponseError, r.function_load, library)
        dump = r.execute_command("FUNCTION", "DUMP", NEVER_DECODE=True)
        self.assertEqual((str(r.function_list("my*")).count("mylib"), r.function_delete("mylib")), (1, True))
        with self.assertRaisesRegex(redis.ResponseError, "Function not found"):
            r.fcall("inc", 1, "n", 5)
        self.assertTrue(r.function_restore(dump))
        self.assertEqual((r.fcall("inc", 1, "n", 5), r.function_flush()), (10, True))

    def test_locks(self):
        inside, counter = [], []

        def work(_):
            client = self.client()
            for _ in range(10):
                with client.lock("lock", timeout=20, blocking_timeout=30, sleep=0.002):
                    inside.append(1)
                    counter.append(len(inside))
                    inside.pop()

        in_threads(4, work)
        self.assertEqual(counter, [1] * 40, "never two at once")
        lock = self.r.lock("short", timeout=0.05)
        self.assertTrue(lock.acquire())
        self.assertFalse(self.r.lock("short").acquire(blocking=False))
        self.assertTrue(lock.extend(10) and lock.owned() and self.r.pttl("short") > 5000)
        self.r.delete("short")
        self.assertRaises(redis.exceptions.LockNotOwnedError, lock.release)


class Resp2(Tests, unittest.TestCase):
    options = {"protocol": 2}


class Resp3(Tests, unittest.TestCase):
    options = {"protocol": 3}


if __name__ == "__main__":
    unittest.main(verbosity=2)

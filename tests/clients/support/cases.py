"""What the scripts of redis-py share: a client a test, threads whose exceptions reach the test, one shape of replies."""

import os
import threading
import time

import redis

PORT = int(os.environ["REDIS_PORT"])


def in_threads(count, work):
    """Runs work(index) in so many threads; returns the results in the threads' order; an exception is raised here."""
    results = [None] * count

    def run(index):
        try:
            results[index] = work(index)
        except BaseException as error:  # handed over to the caller below
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread hangs"
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def pairs(reply):
    """Members with scores: tuples by one protocol, lists by the other."""
    return [tuple(pair) for pair in reply]


def values(reply):
    """The (id, fields) pairs of a one-stream XREAD or XREADGROUP, by either protocol."""
    return [tuple(entry) for entry in flat(reply.values() if isinstance(reply, dict) else [s[1] for s in reply])]


def flat(lists):
    """RESP3's replies nest the entries once more."""
    for one in lists:
        yield from flat(one) if one and isinstance(one[0], list) and one[0] and not isinstance(one[0][0], str) else one


def entries(reply):
    return [entry for entry, _ in values(reply)]


class Case:
    options = {}

    def client(self, **more):
        client = redis.Redis(port=PORT, decode_responses=True, socket_timeout=20, **{**self.options, **more})
        self.addCleanup(client.close)
        return client

    def setUp(self):
        self.r = self.client()
        self.r.flushall()

    def blocked_clients(self, count):
        """Waits until so many clients are blocked."""
        deadline = time.monotonic() + 20
        while self.r.info("clients")["blocked_clients"] != count:
            assert time.monotonic() < deadline, "nobody blocks"
            time.sleep(0.005)

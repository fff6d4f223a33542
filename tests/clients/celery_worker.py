"""Celery with the Redis broker and result backend: a real worker of two processes.

Asserts that 1,000 tasks run exactly once each with their results, and the values of chains, groups, chords, retries,
countdowns, errors, revocations and the worker's remote control.
"""

import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from celery import chain, chord, group  # noqa: E402
from tasks import add, app, counted, fails, flaky, total  # noqa: E402


class Tasks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency=2", "--loglevel=WARNING", "--hostname=w@test"],
            cwd=os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
        cls.addClassCleanup(cls.end_worker)  # also when the lines below fail
        deadline = time.monotonic() + 60
        while not app.control.ping(timeout=0.5):
            assert time.monotonic() < deadline, "the worker does not answer"

    @classmethod
    def end_worker(cls):
        cls.worker.send_signal(signal.SIGTERM)  # a warm shutdown
        try:
            status = cls.worker.wait(20)
        except subprocess.TimeoutExpired:
            cls.worker.kill()
            raise
        assert status == 0, f"the worker ended with {status}"

    def test_1000_tasks_run_once_each(self):
        results = [counted.delay(n) for n in range(1000)]
        self.assertEqual([result.get(timeout=60) for result in results], list(range(1000)))
        runs = [int(n) for n in app.backend.client.lrange("runs", 0, -1)]
        self.assertEqual(sorted(runs), list(range(1000)))

    def test_chain_group_chord(self):
        self.assertEqual(chain(add.s(1, 2), add.s(3), add.s(4))().get(timeout=30), 10)
        self.assertEqual(group(add.s(n, n) for n in range(50))().get(timeout=30), [2 * n for n in range(50)])
        self.assertEqual(chord([add.s(n, 1) for n in range(50)], total.s())().get(timeout=30), sum(range(50)) + 50)
        nested = chord([chain(add.s(n, 1), add.s(1)) for n in range(5)], total.s()) | add.s(100)
        self.assertEqual(nested().get(timeout=30), sum(range(5)) + 10 + 100)

    def test_retry_countdown_and_errors(self):
        self.assertEqual(flaky.delay().get(timeout=30), 2)
        began = time.monotonic()
        self.assertEqual(add.apply_async((1, 1), countdown=1).get(timeout=30), 2)
        self.assertGreaterEqual(time.monotonic() - began, 0.95)
        failed = fails.delay()
        with self.assertRaisesRegex(ValueError, "no luck"):
            failed.get(timeout=30)
        self.assertEqual((failed.state, "no luck" in failed.traceback), ("FAILURE", True))

    def test_results_expire_and_can_be_forgotten(self):
        result = add.delay(2, 2)
        self.assertEqual(result.get(timeout=30), 4)
        key = app.backend.get_key_for_task(result.id)
        self.assertTrue(80_000 < app.backend.client.ttl(key) <= 86_400)
        result.forget()
        self.assertEqual(app.backend.client.exists(key), 0)

    def test_remote_control_and_revocation(self):
        self.assertEqual(app.control.inspect(timeout=5).stats()["w@test"]["pool"]["max-concurrency"], 2)
        revoked = add.apply_async((1, 1), countdown=1)
        app.control.revoke(revoked.id, reply=True, timeout=5)
        self.assertRaisesRegex(Exception, "revoked", revoked.get, timeout=30)


if __name__ == "__main__":
    unittest.main(verbosity=2)

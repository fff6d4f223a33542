"""The Celery application that celery_worker.py's worker runs: broker and results on the server under test."""

import os

from celery import Celery

URL = f"redis://127.0.0.1:{os.environ['REDIS_PORT']}"
app = Celery("tasks", broker=f"{URL}/0", backend=f"{URL}/1")
app.conf.update(task_track_started=True, result_extended=True, broker_connection_retry_on_startup=True)


@app.task
def add(a, b):
    return a + b


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def counted(n):
    """Leaves a trace of each run, so that a task run twice is seen."""
    app.backend.client.rpush("runs", n)
    return n


@app.task(bind=True, max_retries=3)
def flaky(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return self.request.retries


@app.task
def fails():
    raise ValueError("no luck")

"""Procrastinate: two processes of its worker. The constants and the clock are those of ../rust/src/lib.rs."""

import asyncio
import json
import logging
import multiprocessing
import os
import sys
import time
from importlib.metadata import version

import procrastinate
import psycopg
from psycopg.conninfo import make_conninfo

NAME = "procrastinate"
DATABASE = f"bench_peer_{NAME}"
# Jobs of one insert.
BATCH = 2_000
# `sustained` inserts while fewer jobs than this wait: never empty, never a drain in disguise.
BACKLOG = 14_000
# What a worker does in its first moments is no steady state.
WARM_UP = 2.0
# A worker that has lost a job would be waited for without end.
STALL = 60.0
# Some 20 s: more jobs would take longer and show no more.
MOST_JOBS = 10_000
# More than any `sustained` inserts; memory that is not touched costs nothing.
MOST_SUSTAINED = 1 << 24
PROCESSES = 2
CONCURRENCY = 20
CONNECTIONS = 10
ANY_LEFT = "select exists (select from procrastinate_jobs where status in ('todo', 'doing'))"
SETTINGS = (
    f"{PROCESSES} processes with concurrency {CONCURRENCY} and {CONNECTIONS} connections, "
    "jobs stay in the table as history"
)


class Calls:
    """Handler calls of every job. A process counts in an array of its own, so that no two write the same byte."""

    def __init__(self, context, jobs):
        self.each = [context.RawArray("B", jobs) for _ in range(PROCESSES)]
        self.total = [context.RawValue("q", 0) for _ in range(PROCESSES)]

    def add(self, process, job):
        self.each[process][job] += 1
        self.total[process].value += 1

    def get(self):
        return sum(total.value for total in self.total)

    def match(self, completed, jobs):
        """Each of the `completed` once, and no other of so many jobs."""
        columns = zip(*(bytes(each)[:jobs] for each in self.each))
        return self.get() == len(completed) and all(
            sum(calls) == (job in completed) for job, calls in enumerate(columns)
        )


def application(connector, call):
    # It warns of tasks in the main module, whose name is not the same everywhere; the name of ours is given.
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    app = procrastinate.App(connector=connector)

    @app.task(name="noop")
    async def noop(job):
        call(job)

    return app, noop


def work(process, url, calls, ready, go, end):
    """A process of the worker: makes it, waits for the word and starts it."""

    async def serve():
        connector = procrastinate.PsycopgConnector(conninfo=url, min_size=CONNECTIONS, max_size=CONNECTIONS)
        app, _ = application(connector, lambda job: calls.add(process, job))
        async with app.open_async():
            ready.release()
            await asyncio.to_thread(go.wait)
            worker = asyncio.create_task(
                app.run_worker_async(concurrency=CONCURRENCY, install_signal_handlers=False)
            )
            ended = asyncio.create_task(asyncio.to_thread(end.wait))
            await asyncio.wait([worker, ended], return_when=asyncio.FIRST_COMPLETED)
            if worker.done():
                os._exit(1)  # The thread that waits would keep the process, and nobody would notice.
            worker.cancel()
            await asyncio.wait([worker])

    asyncio.run(serve())


class Processes:
    """The processes that work."""

    def __init__(self, context, url, calls):
        self.go, self.end = context.Event(), context.Event()
        self.ready = context.Semaphore(0)
        arguments = (url, calls, self.ready, self.go, self.end)
        # They are not to outlive a run that fails.
        self.all = [context.Process(target=work, args=(i, *arguments), daemon=True) for i in range(PROCESSES)]
        for process in self.all:
            process.start()
        for _ in self.all:
            if not self.ready.acquire(timeout=STALL):
                raise RuntimeError("a worker does not start")

    def check(self):
        if not all(process.is_alive() for process in self.all):
            raise RuntimeError("a worker ended before its time")

    def stop(self):
        self.end.set()
        for process in self.all:
            process.join(STALL)
            if process.exitcode != 0:
                raise RuntimeError("a worker does not stop as told")


def reach(calls, jobs, processes):
    seen, since = -1, time.monotonic()
    while calls.get() < jobs:
        if calls.get() != seen:
            seen, since = calls.get(), time.monotonic()
        elif time.monotonic() - since > STALL:
            raise RuntimeError(f"it stands still: {seen} of {jobs} jobs were worked")
        processes.check()
        time.sleep(0.002)


def emptied(conn):
    """When the last job is completed in the database, not only handled: the time of asking the question."""
    begin = time.monotonic()
    while True:
        asked = time.monotonic()
        if not conn.execute(ANY_LEFT).fetchone()[0]:
            return asked
        if asked - begin > STALL:
            raise RuntimeError("jobs that were worked do not become complete")
        time.sleep(0.002)


def feed(calls, seconds, processes, insert):
    """Inserts until the time is up, as fast as the jobs are worked.

    The window begins after the warm-up. Handled stands for completed in it: they differ by what is in flight,
    the same at both ends.
    """
    begin, start, before, inserted = time.monotonic(), None, 0, 0
    while True:
        now = time.monotonic()
        if start is None and now - begin >= WARM_UP:
            start, before = now, calls.get()
        if start is not None and now - start >= seconds:
            return inserted, calls.get() - before, now - start
        if inserted - calls.get() < BACKLOG:
            insert(inserted, BATCH)
            inserted += BATCH
        else:
            processes.check()
            time.sleep(0.001)


def measure(workload, amount, url):
    context = multiprocessing.get_context("spawn")
    total = min(amount, MOST_JOBS) if workload == "drain" else MOST_SUSTAINED
    calls = Calls(context, total)
    app, noop = application(procrastinate.SyncPsycopgConnector(conninfo=url), None)

    def insert(first, jobs):
        noop.batch_defer(*({"job": job} for job in range(first, first + jobs)))

    with app.open(), psycopg.connect(url, autocommit=True) as conn:
        app.schema_manager.apply_schema()
        processes = Processes(context, url, calls)
        if workload == "drain":
            for first in range(0, total, BATCH):
                insert(first, min(BATCH, total - first))
            # All peers start from the same place: fresh statistics, nothing left to flush.
            conn.execute("vacuum analyze")
            conn.execute("checkpoint")
        start = time.monotonic()
        processes.go.set()
        if workload == "drain":
            reach(calls, total, processes)
            done, elapsed = total, emptied(conn) - start
        else:
            total, done, elapsed = feed(calls, amount, processes, insert)
        processes.stop()
        # A backlog takes it longer than the window: what waits may stay, but nothing that was begun.
        rows = conn.execute("select (args->>'job')::int, status::text, attempts from procrastinate_jobs").fetchall()
        completed = {job for job, status, attempts in rows if (status, attempts) == ("succeeded", 1)}
        waiting = sum((status, attempts) == ("todo", 0) for _, status, attempts in rows)
        verified = len(rows) == total == len(completed) + waiting and calls.match(completed, total)
        verified = verified and (workload == "sustained" or waiting == 0)
    fewer = f", drains {total} jobs" if workload == "drain" and total < amount else ""
    return {
        "peer": NAME,
        "version": version(NAME),
        "workload": workload,
        "jobs": done,
        "seconds": round(elapsed, 3),
        "per_second": round(done / elapsed),
        "verified": verified,
        "settings": SETTINGS + fewer,
    }


def main():
    match sys.argv[1:]:
        case ["drain" | "sustained" as workload, amount] if amount.isdecimal() and int(amount) > 0:
            pass
        case _:
            sys.exit("usage: run drain JOBS | run sustained SECONDS")
    admin = os.environ.get("DATABASE_URL") or sys.exit("DATABASE_URL is not set")
    drop = f"drop database if exists {DATABASE} with (force)"
    try:
        with psycopg.connect(admin, autocommit=True) as conn:
            conn.execute(drop)
            conn.execute(f"create database {DATABASE}")
            try:
                line = measure(workload, int(amount), make_conninfo(admin, dbname=DATABASE))
            finally:
                conn.execute(drop)
    except Exception as error:
        # One line: the caller quotes the last.
        sys.exit((str(error) or repr(error)).splitlines()[0])
    print(json.dumps(line))


if __name__ == "__main__":
    main()

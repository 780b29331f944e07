// What the peers in Node.js share: a database of their own, worker threads, the feeder, the recount and the line of
// JSON. The constants and the clock are those of ../../rust/src/lib.rs.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import pg from "pg";

/** Jobs of one insert. */
const BATCH = 2_000;
/** `sustained` inserts while fewer jobs than this wait: never empty, never a drain in disguise. */
const BACKLOG = 14_000;
/** What a worker does in its first moments is no steady state. */
const WARM_UP_MS = 2_000;
/** More jobs than any `sustained` inserts; memory that is not touched costs nothing. */
const MOST_JOBS = 1 << 26;
/** A worker that has lost a job would be waited for without end. */
const STALL_MS = 60_000;

/** Handler calls of every job, and of all: shared by the threads, so that a double call is seen wherever it was. */
class Calls {
    constructor(memory) {
        this.memory = memory;
        this.total = new Int32Array(memory, 0, 1);
        this.each = new Uint8Array(memory, 8);
    }

    static of(jobs) {
        return new Calls(new SharedArrayBuffer(8 + jobs));
    }

    add(id) {
        Atomics.add(this.each, id, 1);
        Atomics.add(this.total, 0, 1);
    }

    get() {
        return Atomics.load(this.total, 0);
    }

    async reach(jobs, failure) {
        let seen = -1;
        let since = performance.now();
        while (this.get() < jobs) {
            if (this.get() !== seen) {
                seen = this.get();
                since = performance.now();
            } else if (performance.now() - since > STALL_MS) {
                throw new Error(`it stands still: ${seen} of ${jobs} jobs were worked`);
            }
            await Promise.race([sleep(2), failure]);
        }
    }

    /** Each of the first `jobs` once, and no other. */
    once(jobs) {
        return this.get() === jobs && this.each.subarray(0, jobs).every((calls) => calls === 1);
    }
}

/** The worker side: makes the peer's worker, waits for the word and starts it. */
async function serve(peer) {
    const calls = new Calls(workerData.memory);
    const told = () => new Promise((resolve) => parentPort.once("message", resolve));
    const go = told();
    parentPort.postMessage("ready");
    await go;
    const end = told();
    const stop = await peer.work(workerData.url, (id) => calls.add(id));
    await end;
    await stop();
    parentPort.postMessage("stopped");
    parentPort.close();
}

/** The threads that work, as so many processes of a deployment would. */
class Threads {
    constructor(peer, url, memory) {
        const file = new URL(peer.file);
        this.all = Array.from({ length: peer.threads }, () => {
            return new Worker(file, { workerData: { url, memory }, argv: process.argv.slice(2) });
        });
        this.failure = Promise.race(
            this.all.map((thread) => new Promise((_, reject) => thread.once("error", reject))),
        );
        // It is raced where something is waited for.
        this.failure.catch(() => {});
        this.ready = this.heard();
    }

    /** When each has said something; to be asked before it can. */
    heard() {
        const each = this.all.map((thread) => new Promise((resolve) => thread.once("message", resolve)));
        return Promise.race([Promise.all(each), this.failure]);
    }

    tell(word) {
        for (const thread of this.all) thread.postMessage(word);
    }
}

/** Runs statements outside the peer's database, or one in it. */
async function sql(url, ...statements) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
        let result;
        for (const statement of statements) result = await client.query(statement);
        return result.rows;
    } finally {
        await client.end();
    }
}

/** When the last job is completed in the database, not only handled: the time of asking the question. */
async function emptied(client, anyLeft) {
    const begin = performance.now();
    for (;;) {
        const asked = performance.now();
        const { rows } = await client.query(`select ${anyLeft} as any_left`);
        if (!rows[0].any_left) return asked;
        if (asked - begin > STALL_MS) throw new Error("jobs that were worked do not become complete");
        await sleep(2);
    }
}

/**
 * Inserts until the time is up, as fast as the jobs are worked.
 *
 * The window begins after the warm-up. Handled stands for completed in it: they differ by what is in flight, the
 * same at both ends.
 */
async function feed(calls, seconds, failure, insert) {
    const begin = performance.now();
    let inserted = 0;
    let start, before;
    for (;;) {
        const now = performance.now();
        if (start === undefined && now - begin >= WARM_UP_MS) {
            start = now;
            before = calls.get();
        }
        if (start !== undefined && now - start >= seconds * 1000) {
            return { inserted, completed: calls.get() - before, elapsed: now - start };
        }
        if (inserted - calls.get() < BACKLOG) {
            await insert(inserted, BATCH);
            inserted += BATCH;
        } else {
            await Promise.race([sleep(1), failure]);
        }
    }
}

async function measure(peer, workload, amount, url) {
    const jobs = workload === "drain" ? Math.min(amount, peer.mostJobs) : MOST_JOBS;
    const calls = Calls.of(jobs);
    const threads = new Threads(peer, url, calls.memory);
    const client = new pg.Client({ connectionString: url });
    // After a failure the database is dropped under it; the failure is what is to be said.
    client.on("error", () => {});
    await client.connect();
    const inserter = await peer.open(url);
    await threads.ready;
    if (workload === "drain") {
        for (let first = 0; first < jobs; first += BATCH) {
            await inserter.insert(first, Math.min(BATCH, jobs - first));
        }
        // All peers start from the same place: fresh statistics, nothing left to flush.
        await client.query("vacuum analyze");
        await client.query("checkpoint");
    }
    const start = performance.now();
    threads.tell("go");
    let done, elapsed, total;
    if (workload === "drain") {
        await calls.reach(jobs, threads.failure);
        elapsed = (await emptied(client, peer.anyLeft)) - start;
        done = total = jobs;
    } else {
        const seen = await feed(calls, amount, threads.failure, inserter.insert);
        await calls.reach(seen.inserted, threads.failure);
        await emptied(client, peer.anyLeft);
        done = seen.completed;
        elapsed = seen.elapsed;
        total = seen.inserted;
    }
    const stopped = threads.heard();
    threads.tell("stop");
    await stopped;
    await inserter.close();
    const { rows } = await client.query(`select ${peer.recount(total)} as right`);
    await client.end();
    const seconds = elapsed / 1000;
    const fewer = workload === "drain" && jobs < amount ? `, drains ${jobs} jobs` : "";
    return {
        peer: peer.name,
        version: installed(peer.package),
        workload,
        jobs: done,
        seconds: Math.round(seconds * 1000) / 1000,
        per_second: Math.round(done / seconds),
        verified: rows[0].right && calls.once(total),
        settings: peer.settings + fewer,
    };
}

function installed(name) {
    const file = new URL("../package.json", import.meta.url);
    return JSON.parse(readFileSync(file)).dependencies[name];
}

/** Measures `peer`, or works for it: the file of a peer is the program of both the main thread and the others. */
export async function run(peer) {
    if (!isMainThread) return serve(peer);
    const [workload, amount] = process.argv.slice(2);
    if (process.argv.length !== 4 || !["drain", "sustained"].includes(workload) || !(Number(amount) > 0)) {
        console.error("usage: run drain JOBS | run sustained SECONDS");
        process.exit(2);
    }
    const admin = process.env.DATABASE_URL;
    try {
        if (!admin) throw new Error("DATABASE_URL is not set");
        const database = `bench_peer_${peer.name}`;
        const url = new URL(admin);
        url.pathname = `/${database}`;
        const drop = `drop database if exists "${database}" with (force)`;
        await sql(admin, drop, `create database "${database}"`);
        try {
            console.log(JSON.stringify(await measure(peer, workload, Number(amount), url.href)));
        } finally {
            await sql(admin, drop);
        }
    } catch (error) {
        // One line: the caller quotes the last. Threads that still work must not keep the program alive.
        console.error(String(error.message ?? error).split("\n")[0]);
        process.exit(1);
    }
}

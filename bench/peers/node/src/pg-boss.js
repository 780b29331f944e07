// pg-boss with large batches, fetched without a pause while they are full.
import { PgBoss } from "pg-boss";
import { run } from "./bench.js";

const BATCH = 1_000;
const CONCURRENCY = 2;
const THREADS = 2;
const QUEUE = "noop";

/** What it reports of its workers would otherwise be an unhandled event. */
async function start(options) {
    const boss = new PgBoss(options);
    boss.on("error", (error) => console.error(error.message));
    await boss.start();
    return boss;
}

await run({
    name: "pg-boss",
    package: "pg-boss",
    file: import.meta.url,
    threads: THREADS,
    mostJobs: Infinity,
    settings:
        `batchSize ${BATCH}, burstWhenBatchFull, ${THREADS} threads with localConcurrency ${CONCURRENCY}, ` +
        "jobs stay in the table as history",
    anyLeft: `exists (select from pgboss.job where state < 'completed' and name = '${QUEUE}')`,
    recount: (jobs) =>
        `(select count(*) = ${jobs} and count(*) = count(*) filter (where state = 'completed' and retry_count = 0)
            from pgboss.job where name = '${QUEUE}')`,

    async open(url) {
        const boss = await start({ connectionString: url });
        await boss.createQueue(QUEUE);
        const insert = async (first, jobs) => {
            await boss.insert(
                QUEUE,
                Array.from({ length: jobs }, (_, i) => ({ data: { id: first + i } })),
            );
        };
        return { insert, close: () => boss.stop() };
    },

    async work(url, call) {
        const boss = await start({ connectionString: url });
        const options = { batchSize: BATCH, burstWhenBatchFull: true, localConcurrency: CONCURRENCY };
        await boss.work(QUEUE, options, async (jobs) => {
            for (const { data } of jobs) call(data.id);
        });
        return () => boss.stop();
    },
});

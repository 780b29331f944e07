// graphile-worker, job by job and in batches, with the settings of its own perfTest/graphile.config.js.
import { Logger, makeWorkerUtils, run as runWorker } from "graphile-worker";
import { run } from "./bench.js";

const CONCURRENCY = 24;
const THREADS = 2;
/** Nothing but errors is said: a line for a job would be measured too. */
const logger = new Logger(() => (level, message) => {
    if (level === "error") console.error(message);
});

const plain = {
    name: "graphile-worker",
    // Some 20 s: more jobs would take longer and show no more.
    mostJobs: 50_000,
    settings: "defaults, job by job",
    worker: {},
};

const batched = {
    name: "graphile-worker-batched",
    mostJobs: Infinity,
    settings: "local queue 500, refetch delay 10 ms, batches of completions 0 ms",
    worker: {
        localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
    },
};

export async function measure(way) {
    await run({
        name: way.name,
        package: "graphile-worker",
        file: import.meta.url,
        threads: THREADS,
        mostJobs: way.mostJobs,
        settings: `${way.settings}, ${THREADS} threads with concurrency ${CONCURRENCY}, jobs are deleted without history`,
        // A completed job is deleted, so the empty table says that each was completed.
        anyLeft: "exists (select from graphile_worker._private_jobs)",
        recount: () => "not exists (select from graphile_worker._private_jobs)",

        async open(url) {
            const utils = await makeWorkerUtils({ connectionString: url, logger });
            await utils.migrate();
            const insert = async (first, jobs) => {
                await utils.addJobs(
                    Array.from({ length: jobs }, (_, i) => ({ identifier: "noop", payload: { id: first + i } })),
                );
            };
            return { insert, close: () => utils.release() };
        },

        async work(url, call) {
            const runner = await runWorker({
                preset: {
                    worker: {
                        connectionString: url,
                        concurrentJobs: CONCURRENCY,
                        maxPoolSize: CONCURRENCY + 1,
                        ...way.worker,
                    },
                },
                logger,
                noHandleSignals: true,
                crontab: "",
                taskList: { noop: async ({ id }) => call(id) },
            });
            return () => runner.stop();
        },
    });
}

await measure(process.env.PEER === batched.name ? batched : plain);

'use strict';

// graphile-worker as it is tuned for many small jobs: a local queue of 500 and
// completions in batches.
//
//     graphile.js enqueue N        jobs of a broadcast, 1,000 a call
//     graphile.js work             sends them until it is told to end
//     graphile.js count            what is left

const { makeWorkerUtils, run, Logger } = require('graphile-worker');
const { Pool } = require('pg');
const provider = require('./provider');

const connectionString = process.env.BENCH_PG_URL;
const chunk = 1000;
const quiet = new Logger(() => () => {});
const [what, number] = process.argv.slice(2);
const n = Number(number);

async function enqueue() {
    const pgPool = new Pool({ connectionString, max: 2 });

    pgPool.on('error', (e) => console.error(e));
    pgPool.on('connect', (c) => c.on('error', (e) => console.error(e)));

    await pgPool.query('DROP SCHEMA IF EXISTS graphile_worker CASCADE');

    const utils = await makeWorkerUtils({ pgPool, logger: quiet });

    await utils.migrate();

    const from = process.hrtime.bigint();

    for (let i = 1; i <= n; i += chunk) {
        const jobs = [];

        for (let k = i; k < i + chunk && k <= n; k++) {
            jobs.push({ identifier: 'send', payload: provider.job(k),
                        maxAttempts: 5 });
        }

        await utils.addJobs(jobs);
    }

    provider.tell({ seconds: Number(process.hrtime.bigint() - from) / 1e9 });
    await pgPool.query('VACUUM ANALYZE graphile_worker._private_jobs');
    await utils.release();
    await pgPool.end();
}

async function work() {
    const runner = await run({
        preset: { worker: {
            connectionString, concurrentJobs: provider.concurrency,
            maxPoolSize: 20, localQueue: { size: 500 },
            completeJobBatchDelay: 0, failJobBatchDelay: 0,
        } },
        logger: quiet, noHandleSignals: true,
        taskList: { send: async (job) => { await provider.send(job); } },
    });

    process.on('SIGTERM', () => process.exit(0));
    await runner.promise;
}

async function count() {
    const pgPool = new Pool({ connectionString, max: 1 });
    const r = await pgPool.query(
        'SELECT count(*)::int AS n FROM graphile_worker._private_jobs');

    provider.tell({ left: r.rows[0].n });
    await pgPool.end();
}

({ enqueue, work, count })[what]();

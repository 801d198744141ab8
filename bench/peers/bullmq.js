'use strict';

// BullMQ on a Redis with AOF, one process.
//
//     bullmq.js enqueue N          jobs of a broadcast, 1,000 a call
//     bullmq.js work               sends them until it is told to end
//     bullmq.js count              what is left, what is done
//     bullmq.js late N S LEAD      N delayed jobs due over S seconds, the
//                                  first in LEAD seconds; how late they ran

const { Queue, Worker } = require('bullmq');
const { fork } = require('node:child_process');
const IORedis = require('ioredis');
const provider = require('./provider');

const connection = { host: '127.0.0.1', port: Number(process.env.BENCH_REDIS) };
const chunk = 1000;
const [what, ...args] = process.argv.slice(2);
const [n, seconds, lead] = args.map(Number);

async function empty(name) {
    const redis = new IORedis(connection);

    await redis.flushall();
    redis.disconnect();

    const queue = new Queue(name, { connection });

    await queue.waitUntilReady();
    return queue;
}

async function used() {
    const redis = new IORedis(connection);
    const text = await redis.info('memory');

    redis.disconnect();
    return Number(/used_memory:(\d+)/.exec(text)[1]);
}

async function enqueue() {
    const queue = await empty('send');
    const from = process.hrtime.bigint();

    for (let i = 1; i <= n; i += chunk) {
        const jobs = [];

        for (let k = i; k < i + chunk && k <= n; k++) {
            jobs.push({ name: 'send', data: provider.job(k), opts: {
                attempts: 5, backoff: { type: 'exponential', delay: 1000 } } });
        }

        await queue.addBulk(jobs);
    }

    provider.tell({ seconds: Number(process.hrtime.bigint() - from) / 1e9 });
    await queue.close();
}

function work() {
    const worker = new Worker('send', (job) => provider.send(job.data), {
        connection, concurrency: provider.concurrency,
        removeOnComplete: { count: 1000 },
    });

    worker.on('error', (e) => console.error(e));
    worker.on('failed', (job, e) => console.error(e));
    process.on('SIGTERM', () => process.exit(0));
}

async function count() {
    const queue = new Queue('send', { connection });
    const c = await queue.getJobCounts('wait', 'active', 'delayed', 'failed');

    provider.tell({ left: c.wait + c.active + c.delayed + c.failed });
    await queue.close();
}

// the jobs' own worker is a process of its own, as in an application
function lateWork() {
    const late = [];
    const worker = new Worker('late', async (job) => {
        late.push(Date.now() - job.data.due);
        if (late.length === n) {
            process.send(late);
        }
    }, { connection, concurrency: provider.concurrency,
         removeOnComplete: { count: 0 } });

    worker.on('error', (e) => console.error(e));
    process.on('disconnect', () => process.exit(0));
}

async function late() {
    const queue = await empty('late');
    const before = await used();
    const first = Date.now() + lead * 1000;

    for (let i = 0; i < n; i += chunk) {
        const jobs = [];
        const now = Date.now();

        for (let k = i; k < i + chunk && k < n; k++) {
            // over the whole span, in no order
            const due = first + Math.floor((k * 7919 % n) / n * seconds * 1000);

            jobs.push({ name: 'late', data: { org: k % 50, contact: k,
                flow: 'welcome', step: 3, due }, opts: { delay: due - now } });
        }

        await queue.addBulk(jobs);
    }

    const ready = Date.now();
    const bytes = (await used() - before) / n;
    const worker = fork(__filename, ['late-work', String(n)]);

    worker.on('message', (list) => {
        const at = (q) => list[Math.min(n - 1, Math.floor(n * q))];

        list.sort((a, b) => a - b);
        provider.tell({ timers: n, in_time: ready < first - 500,
            bytes, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) });
        worker.disconnect();
        queue.close();
    });
}

({ enqueue, work, count, late, 'late-work': lateWork })[what]();

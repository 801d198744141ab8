'use strict';

// A webhook endpoint as most gateways write it: the signature over the raw
// bytes, JSON.parse, one INSERT and its commit, then 200.  Two processes, ten
// connections to PostgreSQL each.

const cluster = require('node:cluster');
const crypto = require('node:crypto');

const processes = 2;

if (cluster.isPrimary) {
    for (let i = 0; i < processes; i++) {
        cluster.fork();
    }

    process.on('SIGTERM', () => {
        for (const w of Object.values(cluster.workers)) {
            w.process.kill('SIGKILL');
        }
        process.exit(0);
    });

} else {
    const { Pool } = require('pg');
    const pool = new Pool({ connectionString: process.env.BENCH_PG_URL,
                            max: 10 });
    const app = require('fastify')({ logger: false });

    app.addContentTypeParser('application/json', { parseAs: 'buffer' },
        (request, body, done) => done(null, body));

    app.get('/ready', async () => 'ok');

    app.post('/webhook', async (request, reply) => {
        const theirs = Buffer.from(request.headers['x-hub-signature-256'] || '');
        const ours = Buffer.from('sha256='
            + crypto.createHmac('sha256', process.env.BENCH_SECRET)
                .update(request.body).digest('hex'));

        if (theirs.length !== ours.length
            || !crypto.timingSafeEqual(theirs, ours)) {
            return reply.code(401).send();
        }

        const { value } = JSON.parse(request.body).entry[0].changes[0];
        const status = value.statuses[0];

        await pool.query({
            name: 'insert',
            text: 'INSERT INTO bench_events (phone_number_id, wamid, status, '
                + 'payload) VALUES ($1, $2, $3, $4)',
            values: [value.metadata.phone_number_id, status.id, status.status,
                     request.body.toString()],
        });

        return 'ok';
    });

    app.listen({ port: Number(process.env.BENCH_PORT), host: '127.0.0.1',
                 backlog: 4096 });
}

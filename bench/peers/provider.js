'use strict';

// What a queue's worker does with a recipient: the same template message that
// Herald sends, one POST each, over at most 100 kept connections.

const { Pool } = require('undici');

const connections = 100;
const names = ['Amina', 'Brian', 'Chen', 'Divya', 'Elif'];

let pool;

exports.concurrency = connections;

// a recipient's job, as an application would queue it
exports.job = (n) => ({
    org: 1, broadcast: '01900000-0000-7000-a000-000000000001', contact: n,
    phone: '2541' + String(n).padStart(8, '0'), template: 'bench',
    language: 'en', variables: [names[n % names.length]],
});

exports.send = async (job) => {
    pool ??= new Pool(process.env.BENCH_SINK, { connections, pipelining: 1 });

    const answer = await pool.request({
        method: 'POST', path: '/v23.0/1000000000/messages',
        headers: {
            'authorization': 'Bearer ' + 'token'.repeat(10),
            'content-type': 'application/json',
        },
        body: JSON.stringify({
            messaging_product: 'whatsapp', recipient_type: 'individual',
            to: job.phone, type: 'template',
            template: {
                name: job.template, language: { code: job.language },
                components: [{
                    type: 'body',
                    parameters: job.variables.map((text) =>
                        ({ type: 'text', text })),
                }],
            },
            biz_opaque_callback_data: `${job.broadcast}:${job.contact}`,
        }),
    });
    const body = await answer.body.json();

    if (answer.statusCode !== 200) {
        throw new Error(`the provider answered ${answer.statusCode}`);
    }

    return body.messages[0].id;
};

exports.tell = (o) => process.stdout.write(JSON.stringify(o) + '\n');

/*
 * TAP for the browser test: one line per check, diagnostics on failure.  The
 * Perl test that starts this passes the lines on.
 */

let count = 0;
let failed = 0;


export function ok(condition, name, ...more) {
    count++;

    if (!condition) {
        failed++;
    }

    console.log(`${condition ? 'ok' : 'not ok'} ${count} - ${name}`);

    if (!condition) {
        more.forEach(diag);
    }

    return Boolean(condition);
}


export function is(got, wanted, name) {
    return ok(Object.is(got, wanted), name, `got ${JSON.stringify(got)}`,
              `expected ${JSON.stringify(wanted)}`);
}


export function diag(text) {
    for (const line of String(text).split('\n')) {
        console.log(`# ${line}`);
    }
}


export function done() {
    console.log(`1..${count}`);

    return failed === 0 ? 0 : 1;
}


/* asks until the answer is true; undefined when the time is over */
export async function until(f, ms = 10_000, pause = 50) {
    const end = Date.now() + ms;

    for (;;) {
        const v = await f();

        if (v || Date.now() > end) {
            return v || undefined;
        }

        await new Promise((r) => setTimeout(r, pause));
    }
}

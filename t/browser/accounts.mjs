/*
 * Numbers as a person sets them up, in a real browser against a real server:
 *
 *   node t/browser/accounts.mjs BASE_URL EMAIL PASSWORD
 *
 * The organisation has no number at first; the sandbox is served beside it.
 */

import { PHONE, WIDE, axe, fitsWidth, focusIsVisible, launch, tabTo, watch }
    from './chrome.mjs';
import { diag, done, is, ok, until } from './tap.mjs';

const [base, email, password] = process.argv.slice(2);

if (password === undefined) {
    console.error('usage: accounts.mjs BASE_URL EMAIL PASSWORD');
    process.exit(2);
}

const HOSTILE = '<img src=x onerror=alert(1)>\u202Egnp';

const browser = await launch();
const context = await browser.newContext({
    viewport: WIDE, colorScheme: 'light', baseURL: base,
});
const page = await context.newPage();
const seen = watch(page, base);

page.setDefaultTimeout(15_000);


/* a request by the page itself, with its cookie */
function api(method, path, body) {
    return page.evaluate(async ([m, p, b]) => {
        const r = await fetch(`/api/v1${p}`, {
            method: m,
            headers: b ? { 'Content-Type': 'application/json' } : {},
            body: b ? JSON.stringify(b) : undefined,
        });

        return { status: r.status, json: await r.json().catch(() => null) };
    }, [method, path, body]);
}


const account = async (id) => (await api('GET', `/accounts/${id}`)).json;
const pill = (state) => page.locator(`.page-head [data-state=${state}]`);
const idOf = () => new URL(page.url()).pathname.split('/').pop();


async function door() {
    seen.expected.push(/status of 401/);
    await page.goto('/accounts');
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.frame');
}


/* from nothing to a number, without a mouse */
async function sandboxByKeyboard() {
    await page.getByText('No number yet').waitFor();
    await axe(page, 'no number');
    ok(await tabTo(page, '.state a[href="/accounts/new"]'),
       'Tab reaches what to do next');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.acc-ways');
    await axe(page, 'the ways to add a number');
    ok(await tabTo(page, '.acc-way[href="/accounts/new/sandbox"]'),
       'Tab reaches the sandbox');
    ok(await focusIsVisible(page), 'and it is seen there');
    await page.keyboard.press('Enter');
    await page.waitForSelector('input[name=name]');
    is(await page.evaluate(() => document.activeElement.name), 'name',
       'the cursor waits in the first field');
    await axe(page, 'a sandbox number');
    await page.keyboard.type('Corner shop');
    await page.keyboard.press('Enter');
    await page.getByText('The number is connected').waitFor();
    await axe(page, 'a number is made');

    const id = idOf();
    const a = await account(id);

    is(a.name, 'Corner shop', 'the number is there');
    is(a.status, 'connected', 'and connected');

    return id;
}


async function overview(id) {
    await page.goto('/accounts');
    await page.locator('.acc-name', { hasText: 'Corner shop' }).click();
    await pill('connected').waitFor();
    await page.getByRole('button', { name: 'Check now' }).click();
    await page.locator('.facts', { hasText: '80 messages a second' })
        .waitFor();
    ok(true, 'the provider was asked, and what it said is shown');
    await axe(page, 'a number');

    await page.getByRole('button', { name: 'Pause' }).click();
    await pill('paused').waitFor();
    is((await account(id)).status, 'paused', 'paused');
    await page.locator('.toast').getByRole('button', { name: 'Undo' })
        .click();
    await pill('connected').waitFor();
    is((await account(id)).status, 'connected', 'and that was taken back');
}


async function limits(id) {
    await page.goto(`/accounts/${id}/limits`);

    const rate = page.getByLabel('Messages a second');

    seen.expected.push(/status of 422/);
    await rate.fill('2000');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForSelector('[aria-invalid=true]');
    is(await page.evaluate(() => document.activeElement.value), '2000',
       'what is refused has the focus');
    await axe(page, 'limits refused');
    await rate.fill('25');
    await page.getByLabel('Messages a day').fill('60');
    await page.getByLabel('Warm up').check();
    await page.getByLabel('Messages on that day').fill('30');
    await page.getByLabel('More each day, %').fill('50');
    ok(await page.getByText('30, 45, 60, 60').count() > 0,
       'the first days are counted out');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Everything is saved').waitFor();

    const a = await account(id);

    is(a.rate_limit, 25, 'the rate is saved');
    is(a.pacing.warmup.growth, 50, 'and the warm-up');

    /* somebody else was faster */
    await rate.fill('30');
    await api('PATCH', `/accounts/${id}`, { rate_limit: 12 });
    seen.expected.push(/status of 412/);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Somebody else changed').waitFor();
    is((await account(id)).rate_limit, 12, 'nothing is written over');
    await axe(page, 'limits that somebody else changed');
    await page.getByText('Show what it is now').click();
    ok(await until(async () => await rate.inputValue() === '12'),
       'and theirs is shown');
}


async function profile(id) {
    await page.goto(`/accounts/${id}/profile`);
    await page.getByLabel('About').fill(HOSTILE);
    await page.getByLabel('Kind of business').selectOption('retail');
    ok((await page.innerText('.acc-seen')).includes('<img src=x'),
       'what is typed is shown as text');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The profile was changed').waitFor();
    is((await api('GET', `/accounts/${id}/profile`)).json.about, HOSTILE,
       'the provider has it');
    await axe(page, 'profile');
}


async function connection(id) {
    await page.goto(`/accounts/${id}/connection`);
    await page.waitForSelector('[data-check=sending].is-replied');
    is(await page.locator('.acc-checks .is-failed').count(), 0,
       'nothing is wrong');
    await page.waitForSelector('.acc-history li');

    const path = (await account(id)).webhook_path;

    is(await page.getByLabel('Callback address').inputValue(), base + path,
       'the address for webhooks');
    await axe(page, 'connection');

    await api('POST', `/accounts/${id}/pause`);
    await page.reload();
    await page.waitForSelector('.acc-stopped');
    await page.locator('[data-check=sending].is-failed')
        .getByRole('button', { name: 'Resume' }).click();
    await page.waitForSelector('[data-check=sending].is-replied');
    is((await account(id)).status, 'connected', 'mended where it is said');
}


async function sandbox(id) {
    await page.goto(`/accounts/${id}/sandbox`);
    await page.getByLabel('What they write').fill('Are you open?');
    await page.getByRole('button', { name: 'Play it' }).click();
    ok(await until(async () => (await api('GET',
        '/messages?direction=in')).json.data[0]?.text === 'Are you open?'),
       'what is played arrives');
    await axe(page, 'sandbox');

    await page.getByRole('button', { name: 'Begin the outage' }).click();
    await page.getByText('Out of order for').waitFor();
    await page.goto(`/accounts/${id}/connection`);
    await page.waitForSelector('.acc-checks .is-failed');
    ok(true, 'an outage is seen by troubleshooting');
    await axe(page, 'troubleshooting with a fault');
    await page.goto(`/accounts/${id}/sandbox`);
    await page.getByRole('button', { name: 'End it now' }).click();

    await page.getByRole('button', { name: 'Let it drop' }).click();
    ok(await until(async () => (await account(id)).quality === 'RED'),
       'a drop of quality arrives by webhook');
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.locator('.stat.is-failed', { hasText: 'Bad' }).waitFor();
    ok(true, 'and is shown');
    await axe(page, 'a bad quality');
}


/* a phone: the code, the code to type, the scan, all live */
async function qr() {
    await page.goto('/accounts/new/sandbox');
    await page.fill('input[name=name]', 'Van');
    await page.getByLabel('Plays the part of').selectOption('waha');
    await page.getByRole('button', { name: 'Connect the number' }).click();
    await page.getByRole('button', { name: 'Show the code' }).click();
    await page.waitForSelector('.acc-qr-paper path');

    const id = idOf();
    const box = await page.locator('.acc-qr-paper').boundingBox();

    ok(box.width >= 240, 'the code is large');

    const left = async () => Number((await page.innerText('.acc-qr-time'))
        .replace(/\D/g, ''));
    const before = await left();

    ok(before > 0 && before <= 61, 'it says how long it is good for');
    ok(await until(async () => await left() < before), 'and counts down');
    ok(/1 of 6/.test(await page.innerText('.acc-qr-frame')), 'the first of six');
    await axe(page, 'a code to scan');

    /* its time is over by the sandbox's clock */
    const drawn = () => page.locator('.acc-qr-paper path').getAttribute('d');
    const first = await drawn();

    await page.evaluate(() => fetch('/sandbox/_control/clock', {
        method: 'POST', body: '{"advance_s":65}',
        headers: { 'Content-Type': 'application/json' },
    }));
    await page.getByRole('button', { name: 'Restart' }).click();
    ok(await until(async () => await drawn().catch(() => first) !== first),
       'another one is drawn');

    await page.getByText('No camera?').click();
    await page.getByLabel('Number of the phone').fill('+254 712 345678');
    await page.getByRole('button', { name: 'Get a code' }).click();
    is(await page.locator('.acc-code output').innerText(), 'SAND-B0X7',
       'a code to type');
    await axe(page, 'a code to type');
    await page.setViewportSize(PHONE);
    await fitsWidth(page, 'a code, phone');
    await axe(page, 'a code, phone');
    await page.setViewportSize(WIDE);

    /* there is none any more, once it is scanned */
    seen.expected.push(/status of 409/);
    await page.getByRole('button', { name: 'Scan it for me' }).click();
    await page.getByText('The number is connected').waitFor();
    ok(true, 'once it is scanned the page says so by itself');
    is((await account(id)).status, 'connected', 'and it is');

    /* the phone ends it: the page hears of that, too */
    await page.goto(`/accounts/${id}`);
    await page.waitForSelector('[data-session=WORKING]');
    await page.waitForSelector('.connection.is-open');
    await page.evaluate((name) => fetch(
        `/sandbox/_control/waha/${name}/logout`,
        { method: 'POST', body: '{}',
          headers: { 'Content-Type': 'application/json' } }),
    (await account(id)).number_id);
    await page.getByText('Nobody scanned in time').waitFor();
    ok(true, 'a phone that logs out is seen at once');
    await axe(page, 'a session that failed');

    return id;
}


async function refusals() {
    seen.expected.push(/status of (409|422|502|504|404)/);
    await page.goto('/accounts/new/cloud-api');
    await page.fill('input[name=token]', 'a-token');
    await page.fill('input[name=app_secret]', 'short');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.fill('input[name=number_id]', '106540352242922');
    await page.fill('input[name=phone]', '+254712345670');
    await page.fill('input[name=name]', 'Meta');
    await page.getByRole('button', { name: 'Connect the number' }).click();
    await page.waitForSelector('input[name=app_secret][aria-invalid=true]');
    ok(true, 'a refusal leads back to its field');
    await axe(page, 'a step that was refused');

    for (const way of ['sign-up', 'waha', 'twilio']) {
        await page.goto(`/accounts/new/${way}`);
        await page.waitForSelector('.form');
        await axe(page, `adding by ${way}`);
    }

    await page.goto('/accounts/00000000-0000-7000-8000-000000000000');
    await page.getByText('This number does not exist').waitFor();
    await axe(page, 'no such number');
}


async function looks(id, phone) {
    const views = [
        ['/accounts', '.acc-row', 'numbers'],
        ['/accounts/new', '.acc-way', 'ways'],
        [`/accounts/${id}`, '.stats', 'a number'],
        [`/accounts/${id}/limits`, '.acc-form', 'limits'],
        [`/accounts/${id}/profile`, '.acc-profile', 'profile'],
        [`/accounts/${id}/connection`, '.acc-checks', 'connection'],
        [`/accounts/${id}/sandbox`, '.acc-range', 'sandbox'],
        [`/accounts/${phone}`, '.acc-session', 'a phone'],
    ];

    for (const [look, scheme, size] of [['dark', 'dark', WIDE],
                                        ['phone', 'light', PHONE]])
    {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize(size);

        for (const [path, sign, name] of views) {
            await page.goto(path);
            await page.locator(sign).first().waitFor();
            await axe(page, `${name}, ${look}`);
            await fitsWidth(page, `${name}, ${look}`);
        }
    }
}


/* ── the play ──────────────────────────────────────────────────────────── */

let id;
let phone;

for (const scene of [door, sandboxByKeyboard, overview, limits, profile,
                     connection, sandbox, qr, refusals, looks])
{
    diag(scene.name);

    try {
        const out = await scene(id, phone);

        if (scene === sandboxByKeyboard) {
            id = out;
        } else if (scene === qr) {
            phone = out;
        }

    } catch (e) {
        ok(false, `${scene.name}: to its end`, e.stack, `at ${page.url()}`);

        if (process.env.HERALD_SHOTS) {
            await page.screenshot({
                path: `${process.env.HERALD_SHOTS}/${scene.name}.png`,
            });
        }
    }
}

ok(seen.errors.length === 0, 'nothing in the console', ...seen.errors);
ok(seen.foreign.length === 0, 'no request to anyone else', ...seen.foreign);

await browser.close();
process.exitCode = done();

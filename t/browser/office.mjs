/*
 * What runs the place: API keys, settings, the queue, the API reference.
 *
 *   node t/browser/office.mjs BASE_URL EMAIL PASSWORD
 *
 * The organisation has one number and a few phones to suppress; who signs in
 * is an administrator.
 */

import { PHONE, WIDE, axe, fitsWidth, focusIsVisible, launch, tabTo, watch }
    from './chrome.mjs';
import { diag, done, is, ok, until } from './tap.mjs';

const [base, email, password] = process.argv.slice(2);

if (password === undefined) {
    console.error('usage: office.mjs BASE_URL EMAIL PASSWORD');
    process.exit(2);
}

const browser = await launch();
const context = await browser.newContext({
    viewport: WIDE, colorScheme: 'light', baseURL: base, locale: 'en-GB',
});
const page = await context.newPage();
const seen = watch(page, base);

page.setDefaultTimeout(15_000);
await context.request.post('/api/v1/login', { data: { email, password } });


/* light, dark, and as wide as a phone */
async function looks(name) {
    await axe(page, `${name}, light`);
    await page.emulateMedia({ colorScheme: 'dark' });
    await axe(page, `${name}, dark`);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(PHONE);
    await axe(page, `${name}, phone`);
    await fitsWidth(page, name);
    await page.setViewportSize(WIDE);
}


function get(path, headers = {}) {
    return context.request.get(`/api/v1${path}`, { headers });
}


/* a key by the keyboard alone: made, read once, used, deleted by its name */
async function keys() {
    const bare = await browser.newContext({ baseURL: base });

    await page.goto('/keys');
    await page.waitForSelector('.run-table');
    await looks('keys');
    ok(await tabTo(page, '.button-main'), 'Tab reaches: make a key');
    ok(await focusIsVisible(page), 'and its focus shows');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open]');
    await axe(page, 'make a key');
    await page.keyboard.type('Warehouse');
    ok(await tabTo(page, 'dialog .button-main'), 'Tab reaches the end');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.keys-secret input');
    await axe(page, 'the new key');

    const key = await page.inputValue('.keys-secret input');
    const me = () => bare.request.get('/api/v1/me', {
        headers: { Authorization: `Bearer ${key}` },
    });

    ok(/^hk_/.test(key), 'the key is told');

    const said = await (await me()).json();

    is(said.scopes.join(' '), 'read send', 'it works, with what was chosen');
    await tabTo(page, 'dialog .button-main');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog', { state: 'detached' });
    ok(!(await page.content()).includes(key), 'and is nowhere afterwards');

    await page.getByRole('button', { name: 'Delete the key Warehouse' })
        .focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.type('Ware');
    await page.keyboard.press('Enter');
    is((await me()).status(), 200, 'half its name does not delete it');
    await page.keyboard.type('house');
    await page.keyboard.press('Enter');
    ok(await until(async () => (await me()).status() === 401),
       'its name does, and it is refused at once');
    await bare.close();
}


async function settings() {
    await page.goto('/settings');
    await page.fill('input[list]', 'Nowhere/Atall');
    seen.expected.push(/status of 4(12|22)/);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForSelector('.form-fault');
    is(await page.evaluate(() => document.activeElement.getAttribute('list')),
       'settings-zones', 'what was refused has the focus and the words');
    await page.fill('input[list]', 'Africa/Nairobi');
    await page.getByRole('button', { name: 'Save' }).click();
    ok(await until(async () => (await (await get('/settings')).json())
        .time_zone === 'Africa/Nairobi'), 'a zone is kept');
    await looks('settings');

    await page.goto('/settings/limits');
    await page.getByLabel('Quiet hours').click();
    await page.getByLabel('From').fill('22:00');
    await looks('limits');

    /* somebody else is faster */
    await page.evaluate(() => fetch('/api/v1/settings', {
        method: 'PATCH', headers: { 'Content-Type': 'application/json' },
        body: '{"frequency_cap":{"messages":2,"days":9}}',
    }));
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: /what is there now/ }).click();
    await page.waitForFunction(() => [...document.querySelectorAll(
        '[type=number]')].some((i) => i.value === '9'));
    is((await (await get('/settings')).json()).quiet_hours, null,
       'a change in between is seen before it is written over');
    await page.getByLabel('Quiet hours').click();
    await page.getByRole('button', { name: 'Save' }).click();
    ok(await until(async () => (await (await get('/settings')).json())
        .quiet_hours?.from === '21:00'), 'then it is kept');

    await page.goto('/settings/brand');
    await page.getByLabel('Name of the product').fill('Kilimani');
    await page.setInputFiles('input[type=file]', new URL(
        '../../html/src/assets/icon-192.png', import.meta.url).pathname);
    await page.waitForSelector('.settings-logo-now img');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForFunction(() => /Kilimani/.test(document.title));
    await page.waitForFunction(() => document.querySelector(
        '.brand-logo')?.naturalWidth > 0);
    ok(true, 'the page wears name and logo at once');
    await looks('white label');

    for (const tab of ['notices', 'prices']) {
        await page.goto(`/settings/${tab}`);
        await page.waitForSelector('.card');
        await looks(tab);
    }

    await page.goto('/settings/suppressions');
    await page.getByRole('button', { name: 'Add phones' }).click();
    await page.fill('dialog textarea', '+254712000001\n+254712000002');
    await page.getByLabel('Reason').fill('By letter');
    await axe(page, 'add phones');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelectorAll(
        '.run-table tbody tr').length === 2);
    await page.fill('input[type=tel]', '+254712000002');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.status.is-failed');
    ok(true, 'a phone on the list is said to be');
    await looks('suppressions');
}


async function queue() {
    await page.goto('/queue');
    await page.waitForSelector('.queue-columns');
    is(await page.locator('.queue .card').count(), 1, 'each number');
    await looks('queue');
}


async function docs() {
    const spec = await (await get('/openapi.json')).json();
    const routes = Object.values(spec.paths)
        .reduce((n, p) => n + Object.keys(p).length, 0);

    await page.goto('/docs');
    await page.waitForSelector('.docs-list a');
    is(await page.locator('.docs-list a').count(), routes, 'every route');
    await looks('docs');
    await page.fill('.docs-index input', 'suppressions check');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.docs-route .form');
    await page.fill('.docs-route .form input', '+254712000001');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.docs-said');
    ok(/"suppressed": true/.test(await page.innerText('.docs-said')),
       'found, tried, and answered with what is there');
    await looks('a route');
}


for (const scene of [keys, settings, queue, docs]) {
    diag(scene.name);

    try {
        await scene();
    } catch (e) {
        ok(false, `${scene.name}: to its end`, e.stack, `at ${page.url()}`);
    }
}

ok(seen.errors.length === 0, 'nothing in the console', ...seen.errors);
ok(seen.foreign.length === 0, 'no request to anyone else', ...seen.foreign);

await browser.close();
process.exitCode = done();

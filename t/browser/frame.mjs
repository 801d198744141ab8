/*
 * The frame, from an organisation's first minute on:
 *
 *   node t/browser/frame.mjs BASE_URL EMAIL PASSWORD AGENT_EMAIL AGENT_PASSWORD
 *
 * The organisation has nothing yet.  The agent may send and is no
 * administrator.  What a person does in other views is done here by the API,
 * so that the frame is what is looked at.
 */

import { PHONE, WIDE, axe, fitsWidth, launch, tabTo, watch }
    from './chrome.mjs';
import { diag, done, is, ok, until } from './tap.mjs';

const [base, email, password, agentEmail, agentPassword]
    = process.argv.slice(2);

if (agentPassword === undefined) {
    console.error('usage: frame.mjs BASE_URL EMAIL PASSWORD AGENT_EMAIL '
                  + 'AGENT_PASSWORD');
    process.exit(2);
}

const browser = await launch();
const context = await browser.newContext({
    viewport: WIDE, colorScheme: 'light', baseURL: base, locale: 'en-GB',
});
const page = await context.newPage();
const seen = watch(page, base);

page.setDefaultTimeout(15_000);


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


async function shot(name) {
    if (process.env.HERALD_SHOTS) {
        await page.screenshot({
            path: `${process.env.HERALD_SHOTS}/frame-${name}.png`,
        });
    }
}


async function signIn(who, word) {
    await page.waitForSelector('form');
    await page.fill('input[name=email]', who);
    await page.fill('input[name=password]', word);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.frame');
}


async function stepsDone() {
    return page.locator('.guide-steps .is-done').evaluateAll(
        (els) => els.map((e) => e.dataset.step).join());
}


/* ── the scenes ────────────────────────────────────────────────────────── */

async function door() {
    seen.expected.push(/status of 401/);
    await page.goto('/');
    await page.waitForSelector('form');
    await page.selectOption('.language select', 'ar');
    await page.waitForFunction(() => document.documentElement.dir === 'rtl');
    await page.waitForSelector('form');
    ok(true, 'the language is chosen before signing in');
    await axe(page, 'sign-in, Arabic');
    await shot('signin-ar');
    await page.selectOption('.language select', 'en');
    await page.waitForFunction(() => document.documentElement.dir === 'ltr');
    await signIn(email, password);
    await page.waitForSelector('.guide');
    ok(/\/(home)?$/.test(page.url()), 'home is the first page');
}


async function guide() {
    is(await stepsDone(), '', 'nothing is done in the first minute');
    await axe(page, 'home, empty');
    await shot('guide');

    await page.setViewportSize(PHONE);
    await axe(page, 'home, empty, phone');
    await fitsWidth(page, 'home, empty, phone');
    await shot('guide-phone');
    await page.setViewportSize(WIDE);

    /* a step is where it leads */
    is(await page.locator('[data-step=account] a').getAttribute('href'),
       '/accounts/new', 'the first step leads to a new number');

    await api('POST', '/contacts', { name: 'Amina Njeri',
                                     phone: '+254712000001' });
    ok(await until(async () => await stepsDone() === 'contacts', 15_000),
       'a contact ticks its step by itself');

    await api('POST', '/templates', { name: 'order_ready', language: 'en',
        category: 'utility', body: 'Hello {{first_name|friend}}.' });
    ok(await until(async () => await stepsDone() === 'contacts,template',
                   15_000), 'so does a template');

    await page.locator('.guide').getByRole('button', { name: 'Hide' }).click();
    await page.waitForSelector('.guide', { state: 'detached' });
    await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
    await page.waitForSelector('.guide');
    ok(true, 'hidden, and brought back by the toast');

    await page.locator('.guide').getByRole('button', { name: 'Hide' }).click();
    await page.reload();
    await page.waitForSelector('.stat');
    is(await page.locator('.guide').count(), 0, 'hidden it stays hidden');
}


async function palette() {
    await page.goto('/home');
    await page.waitForSelector('.stat');
    await page.keyboard.press('Control+k');
    await page.waitForSelector('.palette [cmdk-item]');
    is(await page.evaluate(() => document.activeElement?.role
                           ?? document.activeElement?.getAttribute('role')),
       'combobox', 'Ctrl-K opens the palette, the cursor is in it');
    await axe(page, 'palette');
    await shot('palette');

    await page.keyboard.type('amina');

    const person = page.locator('.palette [cmdk-item]',
                                { hasText: 'Amina Njeri' });

    await person.waitFor();
    ok(true, 'it finds a person');
    await axe(page, 'palette, found');
    await shot('palette-found');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/contacts\/[0-9a-f-]{36}/);
    ok(true, 'Enter goes there');

    await page.keyboard.press('Control+k');
    await page.waitForSelector('.palette');
    await page.keyboard.type('order');
    await page.locator('.palette [cmdk-item]', { hasText: 'order_ready' })
        .waitFor();
    ok(true, 'it finds a template');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('templ');
    await page.locator('.palette [cmdk-item]').first().waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/templates/);
    ok(true, 'a view by the beginning of its name');

    await page.keyboard.press('Control+k');
    await page.waitForSelector('.palette');
    await page.keyboard.type('theme dark');
    await page.locator('.palette [cmdk-item]').first().waitFor();
    await shot('palette-action');
    await page.keyboard.press('Enter');
    ok(await until(() => page.evaluate(() =>
        document.documentElement.dataset.theme === 'dark')),
       'an action is done at once');
    await page.waitForSelector('.palette', { state: 'detached' });

    await page.keyboard.press('Control+k');
    await page.waitForSelector('.palette');
    await axe(page, 'palette, dark');
    await shot('palette-dark');
    await page.keyboard.type('zzzzzzz');
    await page.waitForFunction(() => /called/.test(
        document.querySelector('.palette-note')?.textContent ?? ''));
    is(await page.locator('.palette [cmdk-item]').count(), 0,
       'what there is not is said');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.palette', { state: 'detached' });
    ok(true, 'Escape closes it');
    await page.evaluate(() => localStorage.setItem('herald.theme', 'light'));
}


async function phone() {
    await page.setViewportSize(PHONE);
    await page.goto('/home');
    await page.waitForSelector('.stat');
    await page.click('.palette-open');
    await page.waitForSelector('.palette [cmdk-item]');
    await axe(page, 'palette, phone');
    await fitsWidth(page, 'palette, phone');
    await shot('palette-phone');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.palette', { state: 'detached' });
    await page.click('.nav-more');
    await page.waitForSelector('.nav a[data-section=settings]');
    await axe(page, 'more, phone');
    await fitsWidth(page, 'more, phone');
    await shot('more-phone');
    await page.click('.nav a[data-section=queue]');
    await page.waitForURL(/\/queue/);
    is(await page.locator('.is-more').count(), 0,
       'what was behind More is reached, and More closes');
    await page.setViewportSize(WIDE);
}


async function keys() {
    await page.goto('/home');
    await page.waitForSelector('.stat');
    await page.keyboard.press('?');
    await page.waitForSelector('.help');
    is(await page.locator('.help section').count(), 4, '? shows the table');
    await page.getByRole('button', { name: 'Change keys' }).click();
    await axe(page, 'changing keys');
    await shot('keys');

    const contacts = page.getByRole('button',
                                    { name: 'Change the keys of: Contacts' });
    const calendar = page.getByRole('button',
                                    { name: 'Change the keys of: Calendar' });

    await contacts.click();
    await page.keyboard.press('g');
    await page.keyboard.press('b');
    await page.waitForSelector('.help .form-fault');
    ok(/Broadcasts/.test(await page.innerText('.help .form-fault')),
       'keys that are taken are refused, with their owner');

    await calendar.click();
    await page.keyboard.press('z');
    ok(await until(async () => /z$/.test(await calendar.innerText())
                   && await page.locator('.key-button.is-on').count() === 0),
       'other keys are taken on');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.help', { state: 'detached' });
    await page.keyboard.press('z');
    await page.waitForURL(/\/calendar/);
    ok(true, 'and work');

    await page.reload();
    await page.waitForSelector('.page, .panes');
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.waitForURL(/\/home/);
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.keyboard.press('z');
    await page.waitForURL(/\/calendar/);
    ok(true, 'after a reload too; the old ones are free');

    await page.keyboard.press('?');
    await page.getByRole('button', { name: 'Change keys' }).click();
    await page.getByRole('button', { name: 'All as they were' }).click();
    await page.keyboard.press('Escape');
    await page.waitForSelector('.help', { state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.waitForURL(/\/home/);
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.waitForURL(/\/calendar/);
    ok(true, 'all as they were');
}


async function brand() {
    const accent = () => page.evaluate(() =>
        getComputedStyle(document.querySelector('.button-main'))
            .backgroundColor);

    await page.goto('/home');
    await page.waitForSelector('.button-main');

    const green = await accent();
    const r = await api('PATCH', '/settings', {
        brand: { name: '<b>Kilimani & Sons</b>', accent: '#8a1f5c' },
    });

    is(r.status, 200, 'a brand');
    await page.reload();
    await page.waitForSelector('.button-main');
    ok(await until(async () => await accent() !== green),
       'the accent is the organisation\u2019s');
    is((await page.innerText('.sidebar .brand')).trim(),
       '<b>Kilimani & Sons</b>', 'so is the name, as text');
    ok((await page.title()).endsWith('<b>Kilimani & Sons</b>'),
       'in the title as well');
    await axe(page, 'branded');
    await shot('brand');

    /* whatever the hue, what is written with it can be read */
    for (const hex of ['#ffff00', '#00ffff', '#ff0000', '#808080']) {
        await api('PATCH', '/settings', { brand: { accent: hex } });

        for (const theme of ['light', 'dark']) {
            await page.evaluate((x) => localStorage.setItem('herald.theme', x),
                                theme);
            await page.reload();
            await page.waitForSelector('.button-main');
            await page.waitForFunction((h) => (localStorage
                .getItem('herald.brand') ?? '').includes(h), hex);
            await axe(page, `accent ${hex}, ${theme}`);
        }
    }

    await page.evaluate(() => localStorage.setItem('herald.theme', 'light'));
    await api('PATCH', '/settings', { brand: null });
    await page.reload();
    await page.waitForSelector('.button-main');
    ok(await until(async () => await accent() === green),
       'null: as it came');
}


async function menu() {
    await page.goto('/home');
    await page.waitForSelector('.stat');
    await tabTo(page, '.menu-button');
    await page.keyboard.press('Enter');
    await axe(page, 'user menu');
    await shot('menu');
    await page.selectOption('.menu-choice .language select', 'ar');
    await page.waitForFunction(() => document.documentElement.dir === 'rtl');
    await page.waitForSelector('.stat');
    ok(true, 'another language from the menu');
    await axe(page, 'home, Arabic');
    await fitsWidth(page, 'home, Arabic');
    await page.evaluate(() => localStorage.setItem('herald.language', 'en'));
}


async function shell() {
    await page.goto('/home');
    await page.waitForSelector('.stat');

    const manifest = await context.request.get('/manifest.json');
    const m = await manifest.json();

    is(m.display, 'standalone', 'the manifest');

    for (const i of m.icons) {
        is((await context.request.get(i.src)).status(), 200, `icon ${i.src}`);
    }

    await page.evaluate(() => navigator.serviceWorker.ready);
    ok(true, 'a service worker');
    await page.reload();
    await page.waitForSelector('.stat');

    const kept = await page.evaluate(async () => {
        const out = [];

        for (const n of await caches.keys()) {
            out.push(...(await (await caches.open(n)).keys())
                .map((r) => new URL(r.url).pathname));
        }

        return out;
    });

    ok(kept.includes('/index.html'), 'the shell is kept');
    ok(!kept.some((p) => p.startsWith('/api/')),
       'an answer of the API never is', ...kept);

    seen.expected.push(/ERR_INTERNET_DISCONNECTED/, /ERR_NETWORK/,
                       /ERR_FAILED/);
    await context.setOffline(true);
    await page.reload();
    await page.waitForSelector('.state');
    ok(/offline/.test(await page.innerText('.state')),
       'without a network the shell opens and says so');
    await axe(page, 'offline page');
    await shot('offline');
    await context.setOffline(false);
    await page.waitForSelector('.stat');
    ok(true, 'it goes on by itself when the network is back');
}


async function agent() {
    await page.goto('/home');
    await page.click('.menu-button');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(agentEmail, agentPassword);
    await page.waitForSelector('.stat');
    is(await page.locator('.nav a[data-section=keys]').count(), 0,
       'what an agent may not see is not in the navigation');
    await page.goto('/keys');
    await page.waitForSelector('.state');
    ok(/administrator/.test(await page.innerText('.state')),
       'its address says why');
    await axe(page, 'no permission');
    await shot('no-permission');
}


/* ── the play ──────────────────────────────────────────────────────────── */

for (const scene of [door, guide, palette, phone, keys, brand, menu, shell,
                     agent]) {
    diag(scene.name);

    try {
        await scene();
    } catch (e) {
        ok(false, `${scene.name}: to its end`, e.stack, `at ${page.url()}`);
        await shot(`broken-${scene.name}`);
    }
}

ok(seen.errors.length === 0, 'nothing in the console', ...seen.errors);
ok(seen.foreign.length === 0, 'no request to anyone else', ...seen.foreign);

await browser.close();
process.exitCode = done();

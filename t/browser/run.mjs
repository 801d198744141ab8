/*
 * The dashboard as a person uses it, in a real browser against a real server:
 *
 *   node t/browser/run.mjs BASE_URL EMAIL PASSWORD
 *
 * The organisation needs one account whose messages get delivered and read,
 * one template without variables of its own, and a few hundred contacts, so
 * that a broadcast to all of them takes some seconds.
 */

import { gzipSync } from 'node:zlib';

import { PHONE, WIDE, axe, fitsWidth, focusIsVisible, launch, tabTo, watch }
    from './chrome.mjs';
import { diag, done, is, ok, until } from './tap.mjs';

const [base, email, password] = process.argv.slice(2);
const SCRIPT_LIMIT = 120 * 1024;
const STAGES = ['audience', 'sent', 'delivered', 'read', 'replied'];

if (password === undefined) {
    console.error('usage: run.mjs BASE_URL EMAIL PASSWORD');
    process.exit(2);
}

const browser = await launch();
const context = await browser.newContext({
    viewport: WIDE, colorScheme: 'light', baseURL: base,
});
const page = await context.newPage();
const seen = watch(page, base);

page.setDefaultTimeout(15_000);


/* ── small helpers ─────────────────────────────────────────────────────── */

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


/* the whole funnel and ledger at one moment */
function numbers() {
    return page.evaluate(() => {
        const out = {};

        for (const el of document.querySelectorAll('[data-stage]')) {
            out[el.dataset.stage] = Number(el.dataset.value);
        }

        for (const el of document.querySelectorAll('[data-part]')) {
            out[`part_${el.dataset.part}`]
                = Number(el.textContent.replace(/\D/g, ''));
        }

        out.state = document.querySelector('.pill')?.dataset.state;

        return out;
    });
}


function adds(n) {
    return n.part_sent + n.part_queued + n.part_failed + n.part_skipped
           + n.part_unknown === n.audience
           && n.sent <= n.audience && n.delivered <= n.sent
           && n.read <= n.sent && n.replied <= n.sent;
}


async function signIn() {
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.frame');
}


/* ── the scenes ────────────────────────────────────────────────────────── */

async function door() {
    /* the first question is who is there, and the answer is nobody */
    seen.expected.push(/status of 401/);

    await page.goto('/');
    await page.waitForSelector('form');
    await axe(page, 'sign-in');

    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', `${password}-not`);
    await page.keyboard.press('Enter');

    const alert = await page.waitForSelector('[role=alert]');

    ok(/not right/.test(await alert.innerText()),
       'a wrong password is said in plain words');
    await axe(page, 'sign-in refused');

    /* no mouse from here to the first view */
    await page.reload();
    await page.waitForSelector('form');
    is(await page.evaluate(() => document.activeElement?.name), 'email',
       'the cursor waits in the first field');
    await page.keyboard.type(email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.frame');
    ok(true, 'signed in by keyboard');

    is(await page.evaluate(() => document.cookie), '',
       'scripts do not see the session');
    await weight();
}


async function weight() {
    const urls = await page.evaluate(() =>
        [...document.scripts].map((s) => s.src).filter(Boolean));
    let bytes = 0;

    for (const url of urls) {
        const r = await context.request.get(url);

        bytes += gzipSync(await r.body(), { level: 6 }).length;
    }

    diag(`script of the first load, gzipped: ${bytes} bytes`);
    ok(bytes > 0 && bytes <= SCRIPT_LIMIT, 'the first load is light');
}


async function newBroadcast(name) {
    const account = (await api('GET', '/accounts')).json.data[0];
    const template = (await api('GET', '/templates')).json.data[0];
    const made = await api('POST', '/broadcasts', {
        name, account_id: account.id, template_id: template.id,
        audience: { all: true },
    });

    if (made.status !== 201) {
        diag(JSON.stringify(made));
    }

    is(made.status, 201, 'a broadcast begins');

    return made.json;
}


async function funnel() {
    await page.goto('/broadcasts');
    await page.waitForSelector('.connection.is-open');

    const name = `Funnel ${Date.now()}`;
    const b = await newBroadcast(name);
    const row = page.locator('.broadcast-row', { hasText: name });

    await row.waitFor();
    ok(true, 'it appears in the list by itself');
    await row.click();
    await page.waitForSelector('.funnel');

    const shots = [];
    const end = Date.now() + 60_000;
    let last = '';
    let paused = false;
    let held;

    /* no reload, no click but the pause: what moves, moves by itself */
    for (;;) {
        const n = await numbers();
        const key = JSON.stringify(n);

        if (key !== last) {
            shots.push(n);
            last = key;
        }

        if (!paused && n.sent > 0 && n.state === 'sending') {
            paused = true;
            held = await pauseAndResume();
        }

        if (n.state === 'completed' && n.read > 0 || Date.now() > end) {
            break;
        }

        await page.waitForTimeout(50);
    }

    const first = shots[0];
    const final = shots[shots.length - 1];

    diag(`${shots.length} different funnels, the last one `
         + JSON.stringify(final));
    ok(shots.length >= 5, 'the numbers move live',
       `${shots.length} different ones`);
    is(final?.state, 'completed', 'until it is completed');

    for (const s of STAGES.slice(1, 4)) {
        ok(final[s] > first[s] || first[s] === final[s] && first[s] > 0,
           `${s} rose`, `from ${first[s]} to ${final[s]}`);
    }

    const fell = shots.findIndex((n, i) => i > 0
        && STAGES.some((s) => n[s] < shots[i - 1][s]));

    ok(fell < 0, 'no stage ever fell',
       ...shots.slice(fell - 1, fell + 1).map((n) => JSON.stringify(n)));

    const off = shots.find((n) => n.part_sent !== undefined && !adds(n));

    ok(off === undefined, 'sent, waiting, failed, skipped and unknown always '
       + 'make up the audience', JSON.stringify(off));
    ok(held, 'pause held it and resume let it go on');

    const told = (await api('GET', `/broadcasts/${b.id}`)).json;

    await until(async () => (await numbers()).delivered
        === (await api('GET', `/broadcasts/${b.id}`)).json.counters.delivered,
                5000);
    is((await numbers()).sent, told.counters.sent,
       'the page says what the API says');

    await axe(page, 'broadcast');
    await recipients();
}


async function pauseAndResume() {
    /* by keys, which do not wait for the numbers to stand still */
    await page.getByRole('button', { name: 'Pause', exact: true })
        .press('Enter');
    await page.locator('dialog[open] .button-main').press('Enter');
    await page.waitForSelector('.pill[data-state=paused]');

    /* those already on their way still arrive; meanwhile the other question,
       which is asked in the same way and here answered with Escape */
    await page.getByRole('button', { name: 'Cancel broadcast' })
        .press('Enter');
    await page.waitForSelector('dialog[open]');
    await axe(page, 'confirmation');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
    is((await numbers()).state, 'paused', 'Escape leaves it as it was');
    await page.waitForTimeout(1000);

    const a = await numbers();

    await page.waitForTimeout(1500);

    const b = await numbers();

    if (a.sent !== b.sent || b.part_queued === 0) {
        diag(`paused: ${JSON.stringify([a, b])}`);
    }

    await page.getByRole('button', { name: 'Resume' }).click();
    await page.waitForSelector('.pill:not([data-state=paused])');

    return a.sent === b.sent && b.part_queued > 0;
}


async function recipients() {
    await page.waitForSelector('.recipients [data-row]');

    const names = await page.locator('.recipient-name').allInnerTexts();

    ok(names.length > 5, 'recipients are listed', names.length);

    await page.locator('.filter', { hasText: 'Read' }).click();
    await page.waitForURL(/status=read/);

    const words = await until(async () => {
        const all = await page.locator('.recipients [data-status]')
            .evaluateAll((els) => els.map((e) => e.dataset.status));

        return all.length > 0 && all.every((s) => s === 'read') && all;
    });

    ok(words !== undefined, 'and filtered by status');

    await page.locator('.filter', { hasText: 'Skipped' }).click();
    await page.waitForSelector('.recipients [data-row], .recipients .state');
    await axe(page, 'recipients filtered');
}


async function contacts() {
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await page.waitForURL(/\/contacts$/);
    await page.waitForSelector('.contact-row [data-row]');
    ok(true, 'g c goes to contacts');
    await axe(page, 'contacts');

    const all = (await api('GET', '/contacts?limit=200')).json;
    const rows = page.locator('.rows-inner');
    const setSize = () => page.locator('.rows-place').first()
        .getAttribute('aria-setsize');

    ok(await page.locator('.rows-place').count() < 60,
       'only what is visible is made');

    /* by End from page to page, to the very last */
    await page.keyboard.press('j');

    const whole = await until(async () => {
        await page.keyboard.press('End');

        return await setSize() !== '-1';
    }, 30_000, 100);

    ok(whole, 'the list loads to its end');

    if (all.next_cursor === null) {
        is(Number(await setSize()), all.data.length, 'every contact is in it');
    } else {
        ok(Number(await setSize()) > 200, 'more than one page is in it');
    }

    /* rows that came with the last page may have moved the end once more */
    const focused = await until(async () => {
        await page.keyboard.press('End');

        return focusIsVisible(page);
    }, 5_000, 100);

    ok(await rows.isVisible() && focused,
       'the focus is seen on the last row');

    const wanted = all.data.find((c) => c.name && c.phone
                                 && /^[\w ]{5,}$/.test(c.name))
                   ?? all.data[0];

    await page.keyboard.press('/');
    await page.keyboard.type(wanted.phone);
    await page.waitForURL(/q=/);

    const hit = await until(async () => {
        const text = await page.locator('.row-link').allInnerTexts();

        return text.length > 0 && text.length < 10
               && text.some((x) => x.includes(wanted.name));
    });

    ok(hit, '/ searches, and finds by the number');
    await axe(page, 'contacts found');

    await page.keyboard.press('Tab');
    await tabTo(page, '[data-row]');
    ok(await focusIsVisible(page), 'Tab leads to the row, and shows it');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.side');
    ok((await page.locator('.side h2').innerText()).includes(wanted.name),
       'Enter opens the contact beside the list');
    await axe(page, 'contact');

    await page.reload();
    await page.waitForSelector('.side');
    ok(true, 'its address survives a reload');

    await page.keyboard.press('Escape');
    await page.waitForSelector('.side', { state: 'detached' });
    ok(/\/contacts\?q=/.test(page.url()), 'Escape closes it, the search stays');

    await page.fill('input[type=search]', 'qqqqqqqqqq');
    await page.waitForSelector('.state');
    await axe(page, 'contacts, nobody');

    return wanted;
}


async function messages(contact) {
    const text = `Hello ${Date.now()}`;

    await page.goto('/messages');
    await page.waitForSelector('.talk-row');
    await axe(page, 'messages');
    await page.waitForSelector('.connection.is-open');

    /* to the message and away with it without a mouse */
    await page.keyboard.press('n');
    await page.waitForSelector('#pick-input');
    await axe(page, 'new message');
    await page.keyboard.type(contact.phone);

    const found = page.locator('.pick', { hasText: contact.name });

    await found.first().waitFor();
    await until(async () => await page.locator('.pick').count() < 12, 3000);

    for (let i = 0; i < 12 && !/true/.test(
        await found.first().getAttribute('aria-selected')); i++)
    {
        await page.keyboard.press('ArrowDown');
    }

    await page.keyboard.press('Enter');
    await page.waitForSelector('.composer textarea');
    await page.waitForSelector('.bubbles');
    await page.keyboard.press('r');
    await page.keyboard.type(text);

    const walk = page.evaluate((t) => new Promise((resolve) => {
        const states = [];
        const end = performance.now() + 20_000;
        let row;

        (function look() {
            const bubble = [...document.querySelectorAll('.bubble')]
                .find((b) => b.innerText.includes(t));
            const s = bubble?.dataset.status;

            if (s !== undefined && states[states.length - 1] !== s) {
                states.push(s);
            }

            /* the list's ticks, before an answer may take their place */
            row = [...document.querySelectorAll('.talk-row')]
                .find((r) => r.innerText.includes(t))
                ?.querySelector('[data-status]')?.dataset.status ?? row;

            if (s === 'read' && row === 'read' || performance.now() > end) {
                resolve({ states, row });
            } else {
                setTimeout(look, 10);
            }
        })();
    }), text);

    await page.keyboard.press('Enter');

    const { states, row } = await walk;

    diag(`its states: ${states.join(', ')}`);
    is(states[states.length - 1], 'read',
       'a message is sent and its ticks become read');
    ok(states.length >= 2, 'they changed before our eyes');
    is(await page.locator('.bubble', { hasText: text }).count(), 1,
       'it stands in the conversation once');
    is(await page.inputValue('.composer textarea'), '',
       'the field is empty again');

    is(row, 'read', 'the list shows the same ticks');
    await axe(page, 'conversation');

    await page.locator('.composer input[value=template]')
        .check({ force: true });
    await page.waitForSelector('.template-preview[aria-busy=false]');
    await axe(page, 'composer with template');
}


async function keyboard() {
    await page.goto('/contacts');
    await page.waitForSelector('.contact-row [data-row]');
    await page.keyboard.press('Tab');
    ok(await page.evaluate(() =>
        document.activeElement?.classList.contains('skip')),
       'Tab first meets the link to the content');
    await page.keyboard.press('Enter');
    is(await page.evaluate(() => document.activeElement?.id), 'main',
       'which leads there');

    await page.keyboard.press('j');
    await page.keyboard.press('j');

    const second = await until(() => page.evaluate(() =>
        document.activeElement?.dataset.row === '1'), 3000);

    ok(second, 'j walks down the list');
    await page.keyboard.press('k');
    ok(await until(() => page.evaluate(() =>
        document.activeElement?.dataset.row === '0'), 3000), 'k walks up');

    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    await axe(page, 'help');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
    ok(true, '? opens the help, Escape closes it');

    await page.keyboard.press('g');
    await page.keyboard.press('b');
    await page.waitForURL(/\/broadcasts/);
    await page.keyboard.press('g');
    await page.keyboard.press('m');
    await page.waitForURL(/\/messages/);
    ok(true, 'g b and g m go to broadcasts and messages');
}


async function dark() {
    const ground = () => page.evaluate(() =>
        getComputedStyle(document.body).backgroundColor);
    const light = await ground();

    await page.click('.menu-button');
    await page.locator('.menu-choice .theme input[value=dark]')
        .check({ force: true });
    is(await page.evaluate(() => document.documentElement.dataset.theme),
       'dark', 'the switch turns it dark');
    ok(await ground() !== light, 'the ground follows');
    await page.reload();
    await page.waitForSelector('.frame');
    is(await page.evaluate(() => document.documentElement.dataset.theme),
       'dark', 'and stays dark over a reload');
    await everyView('dark');
}


async function everyView(look) {
    const views = [
        ['/home', '.stat', 'home'],
        ['/design', '.design-swatch', 'design'],
        ['/broadcasts', '.funnel, .broadcast-row', 'broadcasts'],
        ['/contacts', '.contact-row [data-row]', 'contacts'],
        ['/messages', '.talk-row', 'messages'],
        ['/messages/new', '.pick', 'new message'],
        ['/nowhere', '.state', 'no such page'],
    ];

    for (const [path, sign, name] of views) {
        await page.goto(path);
        await page.locator(sign).first().waitFor();
        await axe(page, `${name}, ${look}`);
        await fitsWidth(page, `${name}, ${look}`);
    }
}


async function phone() {
    await page.setViewportSize(PHONE);
    await everyView('phone');

    const details = [
        ['/broadcasts', '.broadcast-row', '.funnel', 'broadcast'],
        ['/contacts', '.row-link', '.side', 'contact'],
        ['/messages', '.talk-row', '.composer textarea', 'conversation'],
    ];

    for (const [path, row, sign, name] of details) {
        await page.goto(path);
        await page.locator(row).first().click();
        await page.waitForSelector(sign);
        await axe(page, `${name}, phone`);
        await fitsWidth(page, `${name}, phone`);
    }

    await page.locator('.back-icon').click();
    await page.waitForSelector('.talk-row');
    ok(true, 'the way back from a conversation');
    await page.setViewportSize({ width: 320, height: 640 });
    await everyView('320 px');
    await page.setViewportSize(WIDE);
}


async function offline() {
    await page.goto('/contacts');
    await page.waitForSelector('.connection.is-open');
    seen.expected.push(/ERR_INTERNET_DISCONNECTED/, /ERR_NETWORK/);
    await context.setOffline(true);
    await page.waitForSelector('.banner');
    ok(true, 'without a network the page says so');
    await axe(page, 'offline');
    await context.setOffline(false);
    await page.waitForSelector('.connection.is-open');
    is(await page.locator('.banner').count(), 0, 'and goes on when it is back');
}


async function leave() {
    await page.click('.menu-button');
    await axe(page, 'user menu');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForSelector('form');
    is((await api('GET', '/me')).status, 401, 'signed out');

    /* a session that ends elsewhere brings everyone back to the door */
    await signIn();
    await page.goto('/contacts');
    await page.waitForSelector('.contact-row [data-row]');
    await context.clearCookies();
    await page.keyboard.press('/');
    await page.keyboard.type('someone');
    await page.waitForSelector('form');
    ok(/ended/.test(await page.innerText('form')),
       'an ended session leads to the sign-in page, and says why');
}


/* ── the play ──────────────────────────────────────────────────────────── */

let contact;

for (const scene of [door, funnel, contacts, messages, keyboard, dark, phone,
                     offline, leave])
{
    diag(scene.name);

    try {
        const out = await scene(contact);

        contact = out ?? contact;

    } catch (e) {
        ok(false, `${scene.name}: to its end`, e.stack,
           `at ${page.url()}`);

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

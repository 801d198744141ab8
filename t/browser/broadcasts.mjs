/*
 * Writing a broadcast, sending it and looking into what came of it:
 *
 *   node t/browser/broadcasts.mjs BASE_URL EMAIL PASSWORD
 *
 * The organisation needs one account of which some messages fail for good,
 * some of them so that they may be sent again; two templates without a value
 * that is missing; more than a thousand contacts, ten of them suppressed.
 */

import { PHONE, WIDE, axe, fitsWidth, focusIsVisible, launch, tabTo, watch }
    from './chrome.mjs';
import { diag, done, is, ok, until } from './tap.mjs';

const [base, email, password] = process.argv.slice(2);
const NAME = 'Sale <img src=x onerror="document.title=1"> {{first_name}}';

if (password === undefined) {
    console.error('usage: broadcasts.mjs BASE_URL EMAIL PASSWORD');
    process.exit(2);
}

const browser = await launch();
const context = await browser.newContext({
    viewport: WIDE, colorScheme: 'light', baseURL: base, locale: 'en-GB',
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


const idNow = () => /broadcasts\/([0-9a-f-]{36})/.exec(page.url())?.[1];

const get = async (id) => (await api('GET', `/broadcasts/${id}`)).json;


/* by Tab and Enter to the next step, where the focus is on its head */
async function proceed(step) {
    await tabTo(page, '.wizard-end .button-main', 60);
    await page.keyboard.press('Enter');
    await page.waitForSelector(`.is-step-${step}`);
}


async function signIn() {
    seen.expected.push(/status of 401/);
    await page.goto('/broadcasts');
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.frame');
}


/* all of it without a mouse */
async function write() {
    await page.waitForSelector('.state .button-main');
    await axe(page, 'no broadcasts');
    await page.keyboard.press('c');
    await page.waitForSelector('.choose-row');
    await axe(page, 'step message');
    ok(await page.locator('.wizard-end .button-main')
        .getAttribute('aria-disabled') === 'true',
       'without a name and a template there is no next step');

    await tabTo(page, 'input[name=name]');
    await page.keyboard.type(NAME);
    await tabTo(page, 'input[name=template]');
    await page.keyboard.press('Space');
    await page.waitForSelector('.wa-bubble');
    ok(/Hello|Hi/.test(await page.innerText('.wa-bubble')),
       'the message is shown as somebody gets it');

    await proceed('audience');
    ok(await until(() => page.evaluate(() =>
        document.activeElement?.matches('.wizard-title h3') ?? false)),
       'the focus is at the head of the new step');
    is((await api('GET', '/broadcasts')).json.data.length, 0,
       'nothing is stored before an audience was chosen');

    await tabTo(page, 'input[name=audience]');
    ok(await focusIsVisible(page) || await page.evaluate(() =>
        getComputedStyle(document.activeElement.closest('.option'))
            .outlineStyle !== 'none'), 'the focus is seen on a choice');
    await page.keyboard.press('Space');
    await page.waitForSelector('.reach');
    await page.waitForURL(/\/edit\?step=audience/);

    const id = idNow();
    const reach = page.locator('.reach');
    const told = (await api('POST', `/broadcasts/${id}/forecast`)).json;

    is((await get(id)).status, 'draft', 'then it is a draft');
    is(Number(await reach.getAttribute('data-audience')), told.audience,
       'the audience is that of the forecast');
    is(Number(await reach.getAttribute('data-reachable')), told.reachable,
       'and those whom it reaches');
    ok(/\b10\b/.test(await page.innerText('[data-reason=suppressed]')),
       'who is left out is said, with why');
    await axe(page, 'step audience');

    await proceed('values');
    await page.waitForSelector('.value, .state');
    await axe(page, 'step values');
    await proceed('delivery');
    await axe(page, 'step delivery');
    await proceed('review');
    await page.waitForSelector('.launch');
    await axe(page, 'step review');
    ok((await page.innerText('.wizard h2')).includes(NAME),
       'a hostile name is text');

    return [id, told.reachable];
}


async function begin(id, reachable) {
    await tabTo(page, '.launch .button-main', 60);
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open] input[name=launch-count]');
    await axe(page, 'launch');

    await page.keyboard.type(String(reachable - 1));
    await page.keyboard.press('Enter');
    ok(await page.locator('dialog[open] .button-main')
        .getAttribute('aria-disabled') === 'true'
       && (await get(id)).status === 'draft',
       'more than a thousand: a wrong number does not send');

    await page.fill('input[name=launch-count]',
                    reachable.toLocaleString('en-GB'));
    await page.keyboard.press('Enter');
    await page.waitForURL(new RegExp(`/broadcasts/${id}$`));
    await page.waitForSelector('.funnel');
    is(await page.locator('dialog[open]').count(), 0,
       'the right one, with its comma, does');

    const over = await until(() => page.evaluate(() => document
        .querySelector('.pill')?.dataset.state === 'completed'), 60_000);

    ok(over, 'and it runs to its end before our eyes');
}


async function failures(id) {
    await page.waitForSelector('.cause');

    const told = (await api('GET', `/broadcasts/${id}/failures`)).json.data;
    const shown = await page.locator('.cause').evaluateAll((els) =>
        Object.fromEntries(els.map((e) => [e.dataset.cause, Number(
            e.querySelector('.cause-count').textContent)])));

    for (const f of told) {
        is(shown[f.code ?? f.reason], f.count,
           `${f.code ?? f.reason}: as many as the API says`);
    }

    ok(told.some((f) => f.may_resend) && told.some((f) => !f.may_resend),
       'some may be sent again, some not');
    await axe(page, 'failures');

    const again = told.filter((f) => f.may_resend)
        .reduce((n, f) => n + f.count, 0);

    await page.getByRole('button', { name: /^Send again to/ })
        .press('Enter');
    await page.waitForSelector('dialog[open]');
    await axe(page, 'resend');
    await page.locator('dialog[open] .button-main').press('Enter');

    const toast = page.locator('.toast', { hasText: 'in the queue' });

    await toast.waitFor();
    ok((await toast.innerText()).includes(String(again)),
       'as many go back to the queue as may', again);
    ok(await until(async () => (await get(id)).resent === again),
       'and the API counts them');
    ok(await until(async () => (await page.innerText('.facts'))
        .includes('Sent again')), 'and the page');
}


async function why(id) {
    await page.goto(`/broadcasts/${id}?status=failed`);
    await page.waitForSelector('.recipients [data-row]');
    await page.locator('.recipients [data-row="0"]').press('Enter');
    await page.waitForSelector('.story-line');

    const who = new URL(page.url()).searchParams.get('why');
    const told = (await api('GET',
        `/broadcasts/${id}/why?contact=${who}`)).json;

    is(await page.locator('.story-line').count(), told.story.length,
       'the whole story of one person');
    is(await page.innerText('.why-summary p'), told.summary,
       'and its sum in one sentence');
    ok(await page.locator('.story-fix').count() > 0, 'with what to do');
    await axe(page, 'why');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
    ok(!page.url().includes('why='), 'Escape closes it');

    const none = '+254712999999';

    await page.fill('input[name=why]', none);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.story-line[data-event=not_in_audience]');
    is(await page.innerText('.why-name'), none,
       'of whom nothing is known, that is said');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });

    seen.expected.push(/status of 422/);
    await page.fill('input[name=why]', '12');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.drawer .notice');
    ok(/with its country/.test(await page.innerText('.drawer .notice')),
       'and what is no phone is refused with what to give');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
}


/* a copy of it becomes a comparison, is tried, and thrown away */
async function compare() {
    await page.getByRole('button', { name: 'Duplicate' }).press('Enter');
    await page.waitForSelector('.is-step-message .choose-row');

    const id = idNow();

    is((await get(id)).status, 'draft', 'a copy is a draft');
    await page.getByRole('button', { name: 'Compare two versions' })
        .press('Enter');
    await page.locator('.choose-row input:not(:checked)').first()
        .press('Space');
    await proceed('audience');
    await proceed('values');
    await page.locator('.value select').last().selectOption('text');
    await page.getByLabel('Text', { exact: true }).fill('number 7');
    await page.waitForFunction(() => document.querySelector('.wa-bubble')
        ?.textContent.includes('number 7'));
    ok(true, 'the preview follows a value');
    await proceed('delivery');
    await page.locator('input[name=spread][value=test]').press('Space');
    await page.getByLabel('Test with (percent)').fill('99');
    await page.locator('.wizard-end .button-main').press('Enter');
    await page.waitForSelector('[aria-invalid=true]');
    ok(await page.evaluate(() =>
        /1 to 50/.test(document.querySelector('.form-fault')?.textContent)),
       'what the server refuses is said at its field');
    await axe(page, 'refused');
    await page.getByLabel('Test with (percent)').fill('30');
    await proceed('review');
    await page.waitForSelector('.launch');

    const b = await get(id);

    is(b.variants?.length, 2, 'two versions are stored');
    is(b.test?.percent, 30, 'and the test');
    ok(b.variants.some((v) => Object.values(v.variables ?? {})
        .includes('number 7')), 'and the value of one of them');

    await page.fill('input[name=trial-to]', '+254 712 345 001');
    await page.keyboard.press('Enter');

    /* some fail by this provider's nature; what came of it is shown */
    const end = await until(() => page.evaluate(() => {
        const s = document.querySelector('.trial-sent [data-status]')
            ?.dataset.status;

        return ['read', 'failed'].includes(s) && s;
    }), 30_000);

    diag(`the test ended as ${end ?? await page.innerText('.trial')}`);
    ok(end !== undefined, 'a test goes out, and what came of it is shown');
    is((await get(id)).counters.sent, 0, 'and counts nowhere');

    await page.goto(`/broadcasts/${id}`);
    await page.getByRole('button', { name: 'Delete draft' }).press('Enter');
    await page.waitForSelector('dialog[open]');
    seen.expected.push(/status of 404/);
    await page.locator('dialog[open] .button-bad').press('Enter');
    ok(await until(async () =>
        (await api('GET', `/broadcasts/${id}`)).status === 404),
       'a draft can be thrown away');
}


async function looks(sent) {
    const made = await page.evaluate(() => fetch('/api/v1/broadcasts?limit=1')
        .then((r) => r.json()).then((p) => p.data[0]));
    const draft = (await api('POST', '/broadcasts', {
        name: 'Later', account_id: made.account_id,
        template_id: made.template_id, audience: { tag: 'vip' },
        ramp: [{ percent: 10, wait_s: 60 }], draft: true,
    })).json.id;
    const views = [
        ['/broadcasts/new', '.choose-row', 'new'],
        [`/broadcasts/${draft}`, '.pill[data-state=draft]', 'draft'],
        [`/broadcasts/${draft}/edit?step=audience`, '.reach', 'audience'],
        [`/broadcasts/${draft}/edit?step=values`, '.value', 'values'],
        [`/broadcasts/${draft}/edit?step=delivery`, '.ramp-row', 'delivery'],
        [`/broadcasts/${draft}/edit?step=review`, '.launch', 'review'],
        [`/broadcasts/${sent}`, '.funnel', 'sent'],
    ];

    for (const [size, scheme] of [[WIDE, 'dark'], [PHONE, 'light'],
                                  [PHONE, 'dark'],
                                  [{ width: 320, height: 640 }, 'light']])
    {
        await page.setViewportSize(size);
        await page.emulateMedia({ colorScheme: scheme });

        for (const [path, sign, name] of views) {
            await page.goto(path);
            await page.locator(sign).first().waitFor();
            await axe(page, `${name}, ${size.width} px, ${scheme}`);
            await fitsWidth(page, `${name}, ${size.width} px, ${scheme}`);
        }
    }

    await page.setViewportSize(WIDE);
}


await signIn();

const [id, reachable] = await write();

await begin(id, reachable);
await failures(id);
await why(id);
await compare();
await looks(id);

is(seen.errors.length, 0, 'nothing complained in the console');
seen.errors.slice(0, 5).forEach(diag);
is(seen.foreign.length, 0, 'nobody else was asked');

await browser.close();
process.exitCode = done();

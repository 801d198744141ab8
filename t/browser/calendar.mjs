/*
 * The calendar as a person uses it:
 *
 *   node t/browser/calendar.mjs BASE_URL EMAIL PASSWORD
 *
 * The organisation needs a number, a template and the contact Amina, and a
 * broadcast "Sale" that is planned in the coming month on day 15 at ten, UTC.
 */

import { PHONE, WIDE, axe, focusIsVisible, launch, tabTo, watch }
    from './chrome.mjs';
import { done, is, ok, until } from './tap.mjs';

const [base, email, password] = process.argv.slice(2);
const browser = await launch();
const context = await browser.newContext({
    viewport: WIDE, colorScheme: 'light', baseURL: base,
});
const page = await context.newPage();
const seen = watch(page, base);

page.setDefaultTimeout(15_000);

const now = new Date();
const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1));
const day = (n) => `${first.toISOString().slice(0, 8)}${n}`;
const cell = (n) => page.locator(`td[data-day="${Date.parse(day(n))}"]`);
const month = `/calendar?date=${day('01')}`;


function planned(query = '') {
    return page.evaluate(async ([a, b, more]) => {
        const r = await fetch(`/api/v1/calendar?from=${a}T00:00:00Z`
                              + `&to=${b}T00:00:00Z${more}`);

        return (await r.json()).data;
    }, [day('01'), day('28'), query]);
}

const at = async (title) =>
    (await planned()).find((e) => e.title === title)?.at;


await context.request.post('/api/v1/login', { data: { email, password } });
await page.goto(month);


/* ── a month, and what is dragged in it ── */

await cell('15').locator('.chip').waitFor();
ok(await page.getByText(/Times in UTC/).isVisible(), 'its zone is said');
await axe(page, 'month, light');

async function drag(from, to) {
    const a = await from.boundingBox();
    const b = await to.boundingBox();

    await page.mouse.move(a.x + 20, a.y + 8);
    await page.mouse.down();
    await page.mouse.move(b.x + 40, b.y + b.height - 12, { steps: 8 });
    await page.mouse.up();
}

await drag(cell('15').locator('.chip'), cell('17'));
ok(await until(async () => await at('Sale') === `${day('17')}T10:00:00Z`),
   'dragged to another day: the time stays');
await cell('17').locator('.chip').waitFor();
await page.getByRole('button', { name: 'Undo' }).click();
ok(await until(async () => await at('Sale') === `${day('15')}T10:00:00Z`),
   'and back');
await cell('15').locator('.chip').waitFor();
is(await page.locator('dialog[open]').count(), 0, 'a drag is no click');


/* ── by the keyboard alone ── */

await page.locator('body').click({ position: { x: 700, y: 20 } });
ok(await tabTo(page, '.chip', 80), 'the entry is reached by Tab');
ok(await focusIsVisible(page), 'and one sees where one is');
await page.keyboard.press('Enter');
await page.getByRole('dialog').waitFor();
await axe(page, 'an entry');
await page.getByRole('button', { name: /Move to/ }).focus();
await page.keyboard.press('Enter');
await page.getByLabel('Date').waitFor();
await page.getByLabel('Date').fill(day('18'));
await page.getByLabel('Time').fill('16:30');
await page.keyboard.press('Enter');
ok(await until(async () => await at('Sale') === `${day('18')}T16:30:00Z`),
   'moved by the dialog');
await page.locator('dialog[open]').waitFor({ state: 'detached' });


/* ── planned from a day ── */

await cell('20').hover();
await cell('20').getByRole('button', { name: /Plan something on/ }).click();
await page.getByRole('radio', { name: /Direct message/ }).waitFor();
await axe(page, 'planning: platform and type');
await page.getByRole('button', { name: 'Continue' }).click();
await page.getByLabel('To', { exact: true }).fill('Amina');
await page.locator('.flow-found button').first().click();
await page.getByLabel('Text', { exact: true })
    .fill('Your <b>order</b> is ready.');
ok(await page.locator('.flow-bubble').getByText('Your <b>order</b> is ready.')
    .isVisible(), 'the preview shows it as text');
await axe(page, 'planning: content');
await page.getByRole('button', { name: 'Continue' }).click();
is(await page.getByLabel('Date').inputValue(), day('20'), 'on that day');
await page.getByRole('button', { name: 'Next free slot' }).click();
await page.locator('.slot').first().waitFor();
await page.getByLabel('Repeats', { exact: true }).selectOption('WEEKLY');
ok(await page.locator('.flow-next strong').getByText(/^Every week on/)
    .isVisible(), 'the rule in words');
ok(await until(async () =>
    await page.locator('.flow-next li').count() === 4), 'its next dates');
await axe(page, 'planning: schedule');
await page.getByLabel('Repeats', { exact: true }).selectOption('');
await page.getByRole('button', { name: 'Plan it' }).click();

const made = await until(async () =>
    (await planned('&type=message'))[0]);

is(made?.at, `${day('20')}T09:00:00Z`, 'it is planned');
await cell('20').locator('.chip').waitFor();


/* ── left, filtered, seen by week and day ── */

await page.getByLabel('All types').selectOption('message');
ok(await until(() => page.url().includes('type=message')),
   'the filter is in the address');
await cell('18').locator('.chip').waitFor({ state: 'detached' });
is(await page.locator('.chip').count(), 1, 'messages only');
await page.reload();
await cell('20').locator('.chip').waitFor();
is(await page.locator('.chip').count(), 1, 'after a reload too');

await cell('20').locator('.chip').click();
await page.getByRole('button', { name: 'Delete', exact: true }).click();
await page.getByRole('button', { name: 'Delete', exact: true }).click();
ok(await until(async () => (await planned('&type=message')).length === 0),
   'deleted');

await page.goto(`/calendar?view=week&date=${day('18')}`);
await page.locator('.chip').waitFor();
await page.emulateMedia({ colorScheme: 'dark' });
await axe(page, 'week, dark');

const column = page.locator(`[data-day="${Date.parse(day('18'))}"]`);
const box = await column.boundingBox();
const chip = await page.locator('.chip').boundingBox();

await page.mouse.move(chip.x + 20, chip.y + 8);
await page.mouse.down();
await page.mouse.move(chip.x + 22, chip.y + 8 - box.height / 24 * 2,
                      { steps: 8 });
await page.mouse.up();
ok(await until(async () => await at('Sale') === `${day('18')}T14:30:00Z`),
   'two hours up is two hours earlier');

await page.setViewportSize(PHONE);
await page.goto(`/calendar?date=${day('18')}`);
await page.locator('.chip').waitFor();
await axe(page, 'month, phone');

is(seen.errors.join('\n'), '', 'nothing went wrong on the page');
is(seen.foreign.join('\n'), '', 'nobody else was asked');
await browser.close();
process.exit(done());

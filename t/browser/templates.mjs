/*
 * Templates as a person works with them, in a real browser against a real
 * server:
 *
 *   node t/browser/templates.mjs BASE_URL EMAIL PASSWORD
 *
 * From the library to a template of one's own, what WhatsApp would say while
 * it is written, versions, the bin, snippets; the way to it by keyboard alone.
 */

import { PHONE, WIDE, axe, fitsWidth, focusIsVisible, launch, tabTo, watch }
    from './chrome.mjs';
import { done, is, ok, until } from './tap.mjs';

const [base, email, password] = process.argv.slice(2);

if (password === undefined) {
    console.error('usage: templates.mjs BASE_URL EMAIL PASSWORD');
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

const text = (s) => page.locator(s).innerText();
const toast = (words) => page.locator('.toast', { hasText: words }).waitFor();


/* ── the library, by keyboard alone ── */

await page.goto('/templates/library');
await page.locator('.tpl-ready').first().waitFor();
await axe(page, 'the library');
await page.keyboard.press('/');
await page.keyboard.type('appointment confirmed');
await until(async () => await page.locator('.tpl-ready').count() < 5
            && /[?&]q=/.test(page.url()));
ok(await page.locator('.tpl-ready').count() >= 1, 'the library is searched');
await tabTo(page, '.tpl-ready .button');
ok(await focusIsVisible(page), 'the focus is seen');
await page.keyboard.press('Enter');
await page.locator('dialog').waitFor();
await axe(page, 'what is taken from the library');
await tabTo(page, 'dialog .button-main');
await page.keyboard.press('Enter');
await page.waitForURL(/\/templates\/[0-9a-f-]{36}$/);
await page.locator('.wa-body strong').first().waitFor();
ok(/Amina/.test(await text('.wa-body')), 'the preview has the samples');
is(await page.locator('.wa-buttons li').count(), 2, 'and the buttons');
await axe(page, 'a template');
await fitsWidth(page, 'a template');

const one = page.url();


/* ── the editor: what WhatsApp would say, where it would say it ── */

await page.keyboard.press('e');
await page.waitForURL(/\/edit$/);

const body = page.locator('.tpl-area textarea');

await body.waitFor();
await body.fill('{{first_name}} <b>you</b> come on {{day}}');
await page.locator('.tpl-body .form-fault').waitFor();
ok(/begin with a variable/.test(await text('.tpl-body .form-fault')),
   'a body that begins with a variable is marked at the body');
is(await body.getAttribute('aria-invalid'), 'true', 'and for who hears it');
ok((await text('.wa-body')).includes('<b>you</b>'), 'markup is only text');
await page.locator('.tpl-variables tr', { hasText: 'day' })
    .locator('.form-fault').first().waitFor();
ok(true, 'a variable without a sample is marked in its row');
await axe(page, 'the editor with marks');

await page.locator('.tpl-verdict li button', { hasText: 'sample for {{day}}' })
    .first().click();
ok(await page.evaluate(() => document.activeElement.dataset.at
                       === '/document/variables/day/sample'),
   'a finding leads to its field');
await page.keyboard.type('Tuesday');
await body.fill('Hello {{first_name}}, we are glad that you come to our shop '
                + 'on {{day}}. See you soon!');
await page.locator('.tpl-verdict .is-replied').waitFor();
ok(true, 'and nothing is left to find fault with');

await body.focus();
await body.evaluate((el) => el.setSelectionRange(0, 5));
await page.keyboard.press('Control+b');
ok((await body.inputValue()).startsWith('*Hello*'), 'Ctrl+B makes it bold');
is(await text('.wa-body strong'), 'Hello', 'and the phone shows it');

await page.getByLabel('Find a contact').fill('Grace');

const grace = page.locator('.tpl-side option', { hasText: 'Grace' }).first();

await grace.waitFor({ state: 'attached' });
await page.locator('.tpl-side select')
    .selectOption(await grace.getAttribute('value'));
await until(async () => /Grace/.test(await text('.wa-body')));
ok(/Grace/.test(await text('.wa-body')), 'with a contact\'s own values');
ok(!/Amina/.test(await text('.wa-body')), 'and not the samples');

await page.getByRole('button', { name: 'Save as new version' }).click();
await toast('version 2');
is(page.url(), one, 'saved');


/* ── versions ── */

await page.goto(`${one}/versions`);
await page.locator('.tpl-diff ins').first().waitFor();
ok(/Hello/.test(await text('.tpl-diff')), 'what changed is shown by words');
await axe(page, 'versions');
await page.getByRole('button', { name: 'Restore version 1' }).click();
await toast('Version 1 is the newest again');
await until(async () => await page.locator('.tpl-history li').count() === 3);
is(await page.locator('.tpl-history li').count(), 3, 'an old one is back');


/* ── submission ── */

await page.getByRole('button', { name: 'Submit for review' }).click();
await page.locator('dialog select').waitFor();
await axe(page, 'the submission');
await page.locator('dialog .button-main').click();
await Promise.race([page.locator('dialog .notice.is-failed').waitFor(),
                    toast('Submitted')]);
ok(true, 'the provider\'s answer is told');

if (await page.locator('dialog').count() > 0) {
    await page.keyboard.press('Escape');
}


/* ── the bin ── */

await page.getByRole('button', { name: 'Move to bin' }).click();
await page.locator('dialog .button-bad').click();
await toast('is in the bin');
await page.goto('/templates/bin');
await page.locator('.tpl-binned').waitFor();
await axe(page, 'the bin');
await page.getByRole('button', { name: 'Restore' }).click();
await toast('is back');
await page.locator('.state').waitFor();
ok(/empty/.test(await text('.state')), 'restored, the bin is empty');


/* ── snippets ── */

await page.goto('/templates/snippets');
await page.locator('.state').waitFor();
await page.keyboard.press('c');
await page.locator('dialog').waitFor();
await page.getByLabel('Shortcut').fill('hours');
await page.locator('dialog textarea').fill('We are open from eight to six.');
await page.locator('dialog .button-main').click();
await page.locator('.tpl-snippet').waitFor();
ok(/\/hours/.test(await text('.tpl-snippet')), 'a snippet');
await page.getByRole('button', { name: 'Delete /hours' }).click();
await page.locator('.state').waitFor();
await page.getByRole('button', { name: 'Undo' }).click();
await page.locator('.tpl-snippet').waitFor();
ok(true, 'deleted, and back by undo');
await axe(page, 'snippets');


/* ── dark, and on a phone ── */

await page.emulateMedia({ colorScheme: 'dark' });

for (const [name, path] of [['the list', '/templates'], ['a template', one],
                            ['the editor', `${one}/edit`]])
{
    await page.setViewportSize(WIDE);
    await page.goto(path);
    await page.locator('.tpl-row, .wa-body').first().waitFor();
    await axe(page, `${name}, dark`);
    await page.setViewportSize(PHONE);
    await fitsWidth(page, `${name} on a phone`);
    await axe(page, `${name} on a phone`);
}

is(seen.errors.filter((e) => !/422/.test(e)).join('; '), '',
   'nothing in the console');
is(seen.foreign.join('; '), '', 'and nobody else was asked');

await browser.close();
done();

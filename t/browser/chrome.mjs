/*
 * The browser: Debian's chromium, driven by the playwright-core and axe-core
 * that html/ has installed.  Every page is watched: what it logs, what it
 * throws, and whether it asks anyone but our own server.
 */

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { diag, ok } from './tap.mjs';

const require = createRequire(new URL('../../html/package.json',
                                      import.meta.url));
const { chromium } = require('playwright-core');
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };


export async function launch() {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: ['--headless', '--no-sandbox', '--disable-gpu',
               '--disable-quic', '--no-first-run',
               '--disable-background-networking',
               '--disable-component-update', '--disable-sync'],
    });
}


/* what went wrong on a page that no check asks for by itself */
export function watch(page, base) {
    const seen = { errors: [], foreign: [], expected: [
        /* a hint about speed, which on a slow machine comes before the text
         * that uses the font */
        /was preloaded using link preload but not used/,
    ] };
    const origin = new URL(base).origin;

    page.on('console', (m) => {
        if (m.type() !== 'error' && m.type() !== 'warning') {
            return;
        }

        /* chromium logs refusals that the test provokes on purpose */
        if (!seen.expected.some((p) => p.test(m.text()))) {
            seen.errors.push(`${m.text()} ${m.location().url}`);
        }
    });

    page.on('pageerror', (e) => seen.errors.push(e.stack ?? e.message));

    page.on('request', (r) => {
        if (new URL(r.url()).origin !== origin) {
            seen.foreign.push(r.url());
        }
    });

    return seen;
}


export async function axe(page, name) {
    /* colours that are still on their way from one theme to the other */
    await page.evaluate(() => Promise.all(document.getAnimations()
        .filter((a) => a.effect.getTiming().iterations !== Infinity)
        .map((a) => a.finished.catch(() => {}))));

    if (!await page.evaluate(() => 'axe' in globalThis)) {
        await page.evaluate(AXE);
    }

    const { violations } = await page.evaluate(() => globalThis.axe.run());

    ok(violations.length === 0, `axe: ${name}`,
       ...violations.map((v) => `${v.id} (${v.impact}): `
           + v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')));
}


export async function fitsWidth(page, name) {
    const over = await page.evaluate(() =>
        document.documentElement.scrollWidth - innerWidth);

    ok(over <= 0, `no sideways scroll: ${name}`, `${over} px too wide`);
}


/* the focus walks by Tab until it is on something that matches */
export async function tabTo(page, selector, limit = 40) {
    for (let i = 0; i < limit; i++) {
        await page.keyboard.press('Tab');

        if (await page.evaluate((s) =>
            document.activeElement?.matches(s) ?? false, selector))
        {
            return true;
        }
    }

    diag(`Tab does not reach ${selector}`);

    return false;
}


export async function focusIsVisible(page) {
    return page.evaluate(() => {
        const el = document.activeElement;

        if (el === null || el === document.body) {
            return false;
        }

        const style = (pseudo) => getComputedStyle(el, pseudo);
        const outlined = (s) => s.outlineStyle !== 'none'
                                && parseFloat(s.outlineWidth) >= 2;
        const next = el.nextElementSibling;

        return outlined(style(null)) || outlined(style('::after'))
               || (next !== null && outlined(getComputedStyle(next)));
    });
}

/*
 * Texts come from one catalog.  t() fills {places}; tn() picks the plural
 * form by the language's own rules, from "key.one", "key.other" and so on.
 * The shape is that of the usual catalogs, so a translation library can take
 * over without touching the views.
 */

import { en } from '../text/en';

export type TextKey = keyof typeof en;

export const locale = 'en';

/* the user's own variety of the language, for dates and numbers */
export const region = navigator.languages.find((l) =>
    l === locale || l.startsWith(`${locale}-`)) ?? locale;

export const direction: 'ltr' | 'rtl' = 'ltr';

const catalog: Record<string, string> = en;
const plural = new Intl.PluralRules(locale);


function fill(s: string, places?: Record<string, string | number>): string {
    return places === undefined ? s
        : s.replace(/\{(\w+)\}/g, (whole, k: string) =>
            k in places ? String(places[k]) : whole);
}


export function t(key: TextKey, places?: Record<string, string | number>) {
    return fill(en[key], places);
}


/* for keys that come from the server: undefined when there is no such text */
export function tMaybe(key: string, places?: Record<string, string | number>) {
    const s = catalog[key];

    return s === undefined ? undefined : fill(s, places);
}


export function tn(key: string, n: number,
    places?: Record<string, string | number>)
{
    const s = catalog[`${key}.${plural.select(n)}`]
              ?? catalog[`${key}.other`] ?? key;

    return fill(s, { n: new Intl.NumberFormat(locale).format(n), ...places });
}

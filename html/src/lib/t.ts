/*
 * Texts come from one catalog for each language (src/text), of which only the
 * user's is loaded.  t() fills {places}; tn() picks the plural form by the
 * language's own rules from "key.one", "key.few", "key.other" and so on.
 * What a language lacks is said in English.
 */

import i18next from 'i18next';
import type en from '../text/en';

export type TextKey = keyof typeof en;

interface Language {
    name: string;                      /* as its speakers call it */
    load: () => Promise<{ default: Record<string, string> }>;
}

export const LANGUAGES: Record<string, Language> = {
    'en': { name: 'English', load: () => import('../text/en') },
    'ar': { name: 'العربية', load: () => import('../text/ar') },
    'es': { name: 'Español', load: () => import('../text/es') },
    'hi': { name: 'हिन्दी', load: () => import('../text/hi') },
    'id': { name: 'Bahasa Indonesia', load: () => import('../text/id') },
    'pt-BR': { name: 'Português (Brasil)',
               load: () => import('../text/pt-BR') },
    'sw': { name: 'Kiswahili', load: () => import('../text/sw') },
};

const KEY = 'herald.language';


function stored(): string {
    try {
        return localStorage.getItem(KEY) ?? '';
    } catch {
        return '';
    }
}


/* the first of the user's languages that we have */
function wanted(): string {
    for (const l of [stored(), ...navigator.languages]) {
        const base = l.split('-')[0];
        const found = Object.keys(LANGUAGES).find((k) => k === l)
            ?? Object.keys(LANGUAGES).find((k) => k.split('-')[0] === base);

        if (l !== '' && found !== undefined) {
            return found;
        }
    }

    return 'en';
}

export const locale = wanted();

/* the user's own variety of the language, for dates and numbers */
export const region = navigator.languages.find((l) =>
    l === locale || l.startsWith(`${locale}-`)) ?? locale;

export const direction: 'ltr' | 'rtl' = locale === 'ar' ? 'rtl' : 'ltr';


/* the page is loaded anew: texts stand in what was computed long ago */
export function chooseLanguage(l: string): void {
    try {
        localStorage.setItem(KEY, l);
    } catch {
        /* it lasts as long as the browser's own choice */
    }

    location.reload();
}


/* before anything is drawn */
export async function startTexts(): Promise<void> {
    const [own, english] = await Promise.all([
        /* without a network it may be missing: English is in the shell */
        LANGUAGES[locale]!.load().catch(() => ({ default: {} })),
        LANGUAGES['en']!.load(),
    ]);

    await i18next.init({
        lng: locale,
        fallbackLng: 'en',
        resources: {
            en: { translation: english.default },
            [locale]: { translation: own.default },
        },
        keySeparator: false,
        nsSeparator: false,
        pluralSeparator: '.',
        interpolation: { prefix: '{', suffix: '}', escapeValue: false },
        returnNull: false,
        initAsync: false,
    });
}


export function t(key: TextKey, places?: Record<string, string | number>) {
    return i18next.t(key, places ?? {}) as string;
}


/* for keys that come from the server: undefined when there is no such text */
export function tMaybe(key: string, places?: Record<string, string | number>) {
    return i18next.exists(key) ? i18next.t(key, places ?? {}) as string
        : undefined;
}


export function tn(key: string, n: number,
    places?: Record<string, string | number>)
{
    return i18next.t(key, {
        count: n, n: new Intl.NumberFormat(region).format(n), ...places,
    }) as string;
}

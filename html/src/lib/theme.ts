/*
 * Light, dark, or whatever the system says.  The choice is an attribute on
 * <html>; the tokens follow it through color-scheme and light-dark().
 */

export type Theme = 'light' | 'dark' | 'system';

const KEY = 'herald.theme';


export function storedTheme(): Theme {
    try {
        const v = localStorage.getItem(KEY);

        return v === 'light' || v === 'dark' ? v : 'system';

    } catch {
        /* storage may be forbidden; the system's choice will do */
        return 'system';
    }
}


export function applyTheme(theme: Theme): void {
    document.documentElement.dataset.theme = theme;
}


export function chooseTheme(theme: Theme): void {
    applyTheme(theme);

    try {
        localStorage.setItem(KEY, theme);
    } catch {
        /* lasts until the page is left, then */
    }
}

/*
 * Numbers, shares, times: everything through Intl, in the catalog's locale.
 */

import { region, t } from './t';

const whole = new Intl.NumberFormat(region);
const one = new Intl.NumberFormat(region, {
    minimumFractionDigits: 1, maximumFractionDigits: 1,
});
const percent = new Intl.NumberFormat(region, {
    style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1,
});
const clockF = new Intl.DateTimeFormat(region, {
    hour: '2-digit', minute: '2-digit', hour12: false,
});
const clockSF = new Intl.DateTimeFormat(region, {
    hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false,
});
const dayF = new Intl.DateTimeFormat(region, {
    day: 'numeric', month: 'short',
});
const dayYearF = new Intl.DateTimeFormat(region, {
    day: 'numeric', month: 'short', year: 'numeric',
});
const weekdayF = new Intl.DateTimeFormat(region, {
    weekday: 'long', day: 'numeric', month: 'long',
});
const fullF = new Intl.DateTimeFormat(region, {
    dateStyle: 'medium', timeStyle: 'medium',
});

export const num = (n: number) => whole.format(n);


/* a share of nothing is nothing, not a division by zero */
export function share(part: number, all: number): string {
    return all > 0 ? percent.format(part / all) : '–';
}


export function rate(n: number): string {
    return n >= 10 ? whole.format(Math.round(n)) : one.format(n);
}


function sameDay(a: Date, b: Date): boolean {
    return a.toDateString() === b.toDateString();
}


export const clock = (d: Date) => clockF.format(d);
export const clockSeconds = (d: Date) => clockSF.format(d);
export const full = (s: string) => fullF.format(new Date(s));


/* short enough for a column: the time today, else the day */
export function when(s: string): string {
    const d = new Date(s);
    const now = new Date();

    if (sameDay(d, now)) {
        return clockF.format(d);
    }

    return (d.getFullYear() === now.getFullYear() ? dayF : dayYearF).format(d);
}


/* day and time; today goes without saying */
export function stamp(s: string): string {
    const d = new Date(s);

    return sameDay(d, new Date()) ? clockF.format(d)
        : `${when(s)}, ${clockF.format(d)}`;
}


/* day and time, for sentences */
export function moment(s: string): string {
    const d = new Date(s);

    return sameDay(d, new Date())
        ? t('time.today', { time: clockF.format(d) })
        : `${when(s)}, ${clockF.format(d)}`;
}


export function dayName(s: string): string {
    const d = new Date(s);
    const now = new Date();
    const yesterday = new Date(now);

    yesterday.setDate(now.getDate() - 1);

    if (sameDay(d, now)) {
        return t('time.todayOnly');
    }

    return sameDay(d, yesterday) ? t('time.yesterday') : weekdayF.format(d);
}


export function duration(seconds: number): string {
    const s = Math.max(0, Math.round(seconds));

    if (s < 60) {
        return t('time.s', { s });
    }

    if (s < 3600) {
        return t('time.ms', { m: Math.floor(s / 60), s: s % 60 });
    }

    return t('time.hm', {
        h: Math.floor(s / 3600), m: Math.floor(s % 3600 / 60),
    });
}


/* "opted_out" as a last resort when the catalog has no words for it */
export function humanise(code: string): string {
    const s = code.replace(/[_.-]+/g, ' ').trim();

    return s.charAt(0).toUpperCase() + s.slice(1);
}

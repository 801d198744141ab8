/*
 * Rules of RFC 5545 as far as people say them: every so many days, weeks,
 * months or years, on which days, until when.  What the editor cannot draw is
 * kept as it stands.
 */

import { region, t, tn } from '../../lib/t';
import {
    DAY, dayMonth, dayNumber, firstWeekday, weekdayLong, wallFrom, dayShort,
} from './wall';
import type { Wall } from './wall';

export type Freq = 'HOURLY' | 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY';

export interface Rule {
    freq: Freq;
    every: number;
    days: string[];                    /* of a week: MO, TU… */
    nth: string;                       /* of a month: "2TU", "-1FR"; '' */
    count: number;                     /* 0: no end */
    until: string;                     /* a day; '' */
}

const NAMES = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const SUNDAY = Date.UTC(2023, 0, 1);

export const FREQS: Freq[] = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY',
                              'HOURLY'];


export const weekdays = (): string[] =>
    NAMES.map((_, i) => NAMES[(i + firstWeekday()) % 7]!);

export const weekdayName = (d: string): string =>
    weekdayLong(SUNDAY + NAMES.indexOf(d) * DAY);

export const weekdayAt = (w: Wall): string => NAMES[new Date(w).getUTCDay()]!;


/* "2TU": the second Tuesday; in the fifth week it is the last */
export function nthAt(w: Wall): string {
    const n = Math.ceil(new Date(w).getUTCDate() / 7);

    return `${n > 4 ? -1 : n}${weekdayAt(w)}`;
}


export function newRule(freq: Freq, at: Wall): Rule {
    return {
        freq, every: 1, nth: '', count: 0, until: '',
        days: freq === 'WEEKLY' ? [weekdayAt(at)] : [],
    };
}


export function parseRule(text: string): Rule | null {
    const rule = newRule('DAILY', 0);

    for (const part of text.replace(/^RRULE:/i, '').split(';')) {
        const [name = '', value = ''] = part.split('=');

        switch (name.toUpperCase()) {
        case 'FREQ':
            if (!FREQS.includes(value as Freq)) {
                return null;
            }

            rule.freq = value as Freq;
            break;
        case 'INTERVAL':
            rule.every = Number(value);
            break;
        case 'COUNT':
            rule.count = Number(value);
            break;
        case 'UNTIL':
            rule.until = value.replace(
                /^(\d{4})(\d\d)(\d\d).*/, '$1-$2-$3');
            break;
        case 'BYDAY':
            if (/^-?[1-4][A-Z]{2}$/.test(value)) {
                rule.nth = value;
            } else if (/^[A-Z]{2}(,[A-Z]{2})*$/.test(value)) {
                rule.days = value.split(',');
            } else {
                return null;
            }

            break;
        case 'WKST':
            break;
        default:
            return null;
        }
    }

    return (rule.nth !== '' && rule.freq !== 'MONTHLY')
           || (rule.days.length > 0 && rule.freq !== 'WEEKLY') ? null : rule;
}


export function ruleText(r: Rule): string {
    return [
        `FREQ=${r.freq}`,
        r.every > 1 ? `INTERVAL=${r.every}` : '',
        r.freq === 'WEEKLY' && r.days.length > 0
            ? `BYDAY=${r.days.join(',')}` : '',
        r.freq === 'MONTHLY' && r.nth !== '' ? `BYDAY=${r.nth}` : '',
        r.count > 0 ? `COUNT=${r.count}` : '',
        r.count === 0 && r.until !== ''
            ? `UNTIL=${r.until.replaceAll('-', '')}T235959` : '',
    ].filter(Boolean).join(';');
}


export function nthWords(nth: string): string {
    const n = nth.slice(0, -2);

    return t(`calendar.nth.${n === '-1' ? 'last' : n as '1'}`, {
        day: weekdayName(nth.slice(-2)),
    });
}


/* the rule as a person says it */
export function ruleWords(text: string | null, at: Wall): string {
    const r = text === null ? null : parseRule(text);

    if (text === null) {
        return t('calendar.once');
    }

    if (r === null) {
        return t('calendar.customRule', { rule: text });
    }

    const list = new Intl.ListFormat(region);
    const days = r.days.length > 0 ? r.days : [weekdayAt(at)];
    const words = r.freq === 'HOURLY' ? tn('calendar.everyHours', r.every)
        : r.freq === 'DAILY' ? tn('calendar.everyDays', r.every)
        : r.freq === 'WEEKLY' ? tn('calendar.everyWeeks', r.every, {
            days: list.format(weekdays().filter((d) => days.includes(d))
                .map(weekdayName)),
        })
        : r.freq === 'YEARLY' ? tn('calendar.everyYears', r.every, {
            day: dayMonth(at),
        })
        : r.nth !== '' ? tn('calendar.everyMonthsNth', r.every, {
            nth: nthWords(r.nth),
        })
        : tn('calendar.everyMonths', r.every, { day: dayNumber(at) });

    return r.count > 0
        ? t('calendar.withCount', {
            rule: words, times: tn('calendar.times', r.count),
        })
        : r.until !== ''
        ? t('calendar.withUntil', {
            rule: words, day: dayShort(wallFrom(r.until)),
        })
        : words;
}

/*
 * The wall's clock.  The calendar is drawn by the clock of the organisation's
 * zone, not of the browser's.  A wall time is the number of milliseconds that
 * its reading would have in UTC, so days are plain arithmetic here and only
 * wallOf() and instantOf() know of zones.
 */

import { region } from '../../lib/t';

export type Wall = number;

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const clocks = new Map<string, Intl.DateTimeFormat>();


function clockOf(zone: string): Intl.DateTimeFormat {
    let f = clocks.get(zone);

    if (f === undefined) {
        f = new Intl.DateTimeFormat('en-US', {
            timeZone: zone, hourCycle: 'h23', calendar: 'gregory',
            numberingSystem: 'latn', year: 'numeric', month: 'numeric',
            day: 'numeric', hour: 'numeric', minute: 'numeric',
            second: 'numeric',
        });
        clocks.set(zone, f);
    }

    return f;
}


export function wallOf(ms: number, zone: string): Wall {
    const p: Record<string, number> = {};

    for (const { type, value } of clockOf(zone).formatToParts(ms)) {
        p[type] = Number(value);
    }

    return Date.UTC(p['year']!, p['month']! - 1, p['day']!, p['hour']!,
                    p['minute']!, p['second']!);
}


/* a time that the clock leaves out is as much later; of two it is the first */
export function instantOf(wall: Wall, zone: string): number {
    const before = wallOf(wall - DAY, zone) - (wall - DAY);
    const after = wallOf(wall + DAY, zone) - (wall + DAY);
    const first = wall - Math.max(before, after);

    return wallOf(first, zone) === wall ? first : wall - before;
}


export const dayOf = (w: Wall): Wall => Math.floor(w / DAY) * DAY;

/* as the API writes them */
export const wallText = (w: Wall) => new Date(w).toISOString().slice(0, 16);
export const dayText = (w: Wall) => new Date(w).toISOString().slice(0, 10);
export const timeText = (w: Wall) => new Date(w).toISOString().slice(11, 16);
export const instantText = (ms: number) =>
    new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');


/* of "2027-01-31" or "2027-01-31T09:00"; NaN is none */
export function wallFrom(text: string): Wall {
    return Date.parse(text.length <= 10 ? `${text}T00:00Z` : `${text}Z`);
}


export function addMonths(w: Wall, n: number): Wall {
    const d = new Date(w);

    return Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + n, 1);
}


/* 0 is Sunday; where weeks begin is for the region to say */
export function firstWeekday(): number {
    const l = new Intl.Locale(region) as Intl.Locale & {
        getWeekInfo?: () => { firstDay: number };
        weekInfo?: { firstDay: number };
    };

    return (l.getWeekInfo?.() ?? l.weekInfo)?.firstDay ?? 1;
}


export function weekOf(w: Wall): Wall {
    const back = (new Date(w).getUTCDay() - firstWeekday() + 14) % 7;

    return dayOf(w) - back * DAY;
}


const shaped = (o: Intl.DateTimeFormatOptions) => {
    const f = new Intl.DateTimeFormat(region, { timeZone: 'UTC', ...o });

    return (w: Wall) => f.format(w);
};

export const monthName = shaped({ month: 'long', year: 'numeric' });
export const dayLong = shaped({
    weekday: 'long', day: 'numeric', month: 'long', year: 'numeric',
});
export const dayShort = shaped({
    weekday: 'short', day: 'numeric', month: 'short',
});
/* a column's head */
export const dayColumn = shaped({ weekday: 'short', day: 'numeric' });
export const weekdayLong = shaped({ weekday: 'long' });
export const weekdayShort = shaped({ weekday: 'short' });
export const monthLong = shaped({ month: 'long' });
export const dayMonth = shaped({ day: 'numeric', month: 'long' });
export const dayNumber = shaped({ day: 'numeric' });
export const clockText = shaped({
    hour: '2-digit', minute: '2-digit', hour12: false,
});
export const momentText = shaped({
    weekday: 'short', day: 'numeric', month: 'short', year: 'numeric',
    hour: '2-digit', minute: '2-digit', hour12: false,
});

const weekF = new Intl.DateTimeFormat(region, {
    timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric',
});

export const weekText = (from: Wall) =>
    weekF.formatRange(from, from + 6 * DAY);


/* "GMT+3", as it is at that time */
export function offsetText(zone: string, ms: number): string {
    return new Intl.DateTimeFormat('en-US', {
        timeZone: zone, timeZoneName: 'shortOffset',
    }).formatToParts(ms).find((p) => p.type === 'timeZoneName')?.value ?? '';
}


export function zones(): string[] {
    const all = Intl.supportedValuesOf('timeZone');

    return all.includes('UTC') ? all : ['UTC', ...all];
}

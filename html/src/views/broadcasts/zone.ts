/*
 * Wall times of a zone: "2026-12-24T09:00" in Africa/Nairobi and the moment
 * that it names.  In the hour that a clock leaps over, the time after the
 * leap is meant.
 */

import { region } from '../../lib/t';


function parts(at: number, zone: string) {
    const f = new Intl.DateTimeFormat('en-GB', {
        timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit',
        hour: '2-digit', minute: '2-digit', second: '2-digit',
        hourCycle: 'h23',
    });

    return Object.fromEntries(f.formatToParts(at)
        .map((p) => [p.type, p.value])) as Record<string, string>;
}


function offset(at: number, zone: string): number {
    const p = parts(at, zone);

    return Date.UTC(Number(p['year']), Number(p['month']) - 1,
                    Number(p['day']), Number(p['hour']), Number(p['minute']),
                    Number(p['second']))
           - Math.floor(at / 1000) * 1000;
}


export function toWall(iso: string, zone: string): string {
    const p = parts(Date.parse(iso), zone);

    return `${p['year']}-${p['month']}-${p['day']}T${p['hour']}:`
           + `${p['minute']}`;
}


export function fromWall(wall: string, zone: string): string {
    const there = Date.parse(`${wall}:00Z`);

    if (Number.isNaN(there)) {
        return wall;
    }

    /* the offset of the first guess may be that of the other side of a leap */
    const guess = there - offset(there, zone);

    return new Date(there - offset(guess, zone)).toISOString();
}


export function zoned(iso: string, zone: string): string {
    return new Intl.DateTimeFormat(region, {
        timeZone: zone, weekday: 'short', day: 'numeric', month: 'short',
        hour: '2-digit', minute: '2-digit', hour12: false,
        timeZoneName: 'short',
    }).format(new Date(iso));
}


export const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

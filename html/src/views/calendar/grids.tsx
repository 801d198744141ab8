/*
 * The calendar's shapes: a month of days, a week or a day of hours, and for
 * narrow pages a list of days.
 */

import { useEffect, useRef, useState } from 'react';
import { Link, withQuery } from '../../lib/router';
import type { Place } from '../../lib/router';
import { t, tn } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { Chip, LOOK } from './chip';
import { keyOf } from './data';
import type { Entry } from './data';
import { timeAt } from './drag';
import type { Drag } from './drag';
import {
    DAY, HOUR, MINUTE, clockText, dayColumn, dayLong, dayNumber, dayOf,
    dayShort, dayText, monthName, wallOf, weekOf, weekdayLong, weekdayShort,
} from './wall';
import type { Wall } from './wall';

const FIT = 3;                         /* entries that a day of a month shows */
const LEAST = 30 * MINUTE;             /* as high as an entry is drawn */

export interface GridProps {
    place: Place;
    zone: string;
    today: Wall;
    entries: Entry[];
    drag: Drag;
    canSend: boolean;
    onOpen: (e: Entry) => void;
    onSlot: (at: Wall) => void;
}


export function byDay(entries: Entry[], zone: string): Map<Wall, Entry[]> {
    const days = new Map<Wall, Entry[]>();

    for (const e of entries) {
        const d = dayOf(wallOf(Date.parse(e.at), zone));
        const list = days.get(d);

        if (list === undefined) {
            days.set(d, [e]);
        } else {
            list.push(e);
        }
    }

    for (const list of days.values()) {
        list.sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
    }

    return days;
}


/* nine in the morning, or the next whole hour of today */
function slotOf(day: Wall, today: Wall, zone: string): Wall {
    if (day !== today) {
        return day + 9 * HOUR;
    }

    return (Math.floor(wallOf(Date.now(), zone) / HOUR) + 1) * HOUR;
}


function Add({ day, of }: { day: Wall; of: GridProps }) {
    return !of.canSend || day < of.today ? null
        : <button className="icon-button day-add"
            aria-label={t('calendar.addOn', { day: dayLong(day) })}
            title={t('calendar.add')}
            onClick={() => of.onSlot(slotOf(day, of.today, of.zone))}>
            <Icon.Plus />
        </button>;
}


function DayLink({ day, of, text }: {
    day: Wall; of: GridProps; text: string;
}) {
    return (
        <Link className="day-name"
            aria-current={day === of.today ? 'date' : undefined}
            to={withQuery(of.place, { view: 'day', date: dayText(day) })}>
            {text}<span className="sr">, {monthName(day)}</span>
        </Link>
    );
}


export function Month({ month, ...of }: GridProps & { month: Wall }) {
    const first = weekOf(month);
    const days = byDay(of.entries, of.zone);
    const name = new Date(month).getUTCMonth();
    const weeks = Array.from({ length: 6 }, (_, i) => first + i * 7 * DAY)
        .filter((w, i) => i === 0 || new Date(w).getUTCMonth() === name);

    return (
        <table className="month">
            <thead>
                <tr>
                    {Array.from({ length: 7 }, (_, i) => (
                        <th key={i} scope="col"
                            abbr={weekdayLong(first + i * DAY)}>
                            {weekdayShort(first + i * DAY)}
                        </th>
                    ))}
                </tr>
            </thead>
            <tbody>
                {weeks.map((w) => (
                    <tr key={w}>
                        {Array.from({ length: 7 }, (_, i) => {
                            const d = w + i * DAY;

                            return <MonthDay key={d} day={d} of={of}
                                list={days.get(d) ?? []}
                                other={new Date(d).getUTCMonth() !== name} />;
                        })}
                    </tr>
                ))}
            </tbody>
        </table>
    );
}


function MonthDay({ day, list, of, other }: {
    day: Wall; list: Entry[]; of: GridProps; other: boolean;
}) {
    const shown = list.length > FIT + 1 ? FIT : list.length;
    const over = of.drag.over !== undefined && dayOf(of.drag.over) === day;

    return (
        <td data-day={day} data-other={other ? '' : undefined}
            data-over={over ? '' : undefined}
            data-past={day < of.today ? '' : undefined}
            onClick={(e: MouseEvent) => {
                if (e.target === e.currentTarget && of.canSend
                    && day >= of.today)
                {
                    of.onSlot(slotOf(day, of.today, of.zone));
                }
            }}>
            <div className="day-head">
                <DayLink day={day} of={of} text={dayNumber(day)} />
                <Add day={day} of={of} />
            </div>
            {list.slice(0, shown).map((e) => (
                <Chip key={keyOf(e)} of={e} zone={of.zone} drag={of.drag}
                    onOpen={of.onOpen} />
            ))}
            {list.length > shown
                && <Link className="day-more"
                    to={withQuery(of.place, {
                        view: 'day', date: dayText(day),
                    })}>
                    {tn('calendar.more', list.length - shown)}
                </Link>}
        </td>
    );
}


/* a month on a narrow page: how much there is on a day, and the day below */
export function SmallMonth({ month, day, ...of }: GridProps & {
    month: Wall; day: Wall;
}) {
    const first = weekOf(month);
    const days = byDay(of.entries, of.zone);
    const name = new Date(month).getUTCMonth();
    const cells = Array.from({ length: 42 }, (_, i) => first + i * DAY);
    const rows = [0, 1, 2, 3, 4, 5].map((r) => cells.slice(r * 7, r * 7 + 7))
        .filter((r, i) => i === 0 || new Date(r[0]!).getUTCMonth() === name);

    return (
        <>
            <table className="month month-small">
                <thead>
                    <tr>
                        {rows[0]!.map((d) => (
                            <th key={d} scope="col" abbr={weekdayLong(d)}>
                                {weekdayShort(d)}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {rows.map((r) => (
                        <tr key={r[0]}>
                            {r.map((d) => {
                                const list = days.get(d) ?? [];

                                return (
                                    <td key={d} data-other={
                                        new Date(d).getUTCMonth() !== name
                                        ? '' : undefined}>
                                        <Link aria-current={d === day
                                            ? 'date' : undefined}
                                            data-today={d === of.today
                                                ? '' : undefined}
                                            aria-label={[dayLong(d),
                                                tn('calendar.entries',
                                                   list.length)].join(', ')}
                                            to={withQuery(of.place, {
                                                date: dayText(d),
                                            })}>
                                            {dayNumber(d)}
                                            <span className="dots">
                                                {list.slice(0, 3).map((e) => (
                                                    <i key={keyOf(e)}
                                                        className={`is-${
                                                        LOOK[e.status]}`} />
                                                ))}
                                            </span>
                                        </Link>
                                    </td>
                                );
                            })}
                        </tr>
                    ))}
                </tbody>
            </table>
            <Agenda {...of} from={day} days={1} all />
        </>
    );
}


export function Agenda({ from, days, all, ...of }: GridProps & {
    from: Wall; days: number; all?: boolean;
}) {
    const found = byDay(of.entries, of.zone);
    const list = Array.from({ length: days }, (_, i) => from + i * DAY)
        .filter((d) => all === true || found.has(d));

    return (
        <div className="agenda">
            {list.length === 0
                && <p className="soft agenda-none">{t('calendar.noneHere')}</p>}
            {list.map((d) => (
                <section key={d} aria-label={dayLong(d)} data-day={d}>
                    <div className="day-head">
                        <h3>{dayShort(d)}</h3>
                        <Add day={d} of={of} />
                    </div>
                    {(found.get(d) ?? []).map((e) => (
                        <Chip key={keyOf(e)} of={e} zone={of.zone}
                            onOpen={of.onOpen} className="chip-row" />
                    ))}
                    {!found.has(d)
                        && <p className="soft">{t('calendar.noneHere')}</p>}
                </section>
            ))}
        </div>
    );
}


interface Lane {
    e: Entry;
    from: number;
    to: number;
    lane: number;
    lanes: number;
}

/* those that overlap stand beside each other */
function lanesOf(list: Entry[], day: Wall, zone: string): Lane[] {
    const out: Lane[] = [];
    let group: Lane[] = [];
    let end = 0;

    const close = () => {
        const lanes = Math.max(0, ...group.map((g) => g.lane)) + 1;

        group.forEach((g) => { g.lanes = lanes; });
        out.push(...group);
        group = [];
    };

    for (const e of list) {
        const from = wallOf(Date.parse(e.at), zone) - day;
        const long = Date.parse(e.ends_at) - Date.parse(e.at);
        const to = Math.min(DAY, from + Math.max(LEAST, long));
        const busy = new Set<number>();
        let lane = 0;

        if (from >= end) {
            close();
            end = 0;
        }

        group.forEach((g) => g.to > from && busy.add(g.lane));

        while (busy.has(lane)) {
            lane++;
        }

        group.push({ e, from, to, lane, lanes: 1 });
        end = Math.max(end, to);
    }

    close();

    return out;
}


export function Hours({ from, days, ...of }: GridProps & {
    from: Wall; days: number;
}) {
    const scroll = useRef<HTMLDivElement>(null);
    const [now, setNow] = useState(() => wallOf(Date.now(), of.zone));
    const found = byDay(of.entries, of.zone);
    const all = Array.from({ length: days }, (_, i) => from + i * DAY);

    useEffect(() => {
        const timer = setInterval(
            () => setNow(wallOf(Date.now(), of.zone)), 30_000);

        return () => clearInterval(timer);
    }, [of.zone]);

    /* the working day first, not the night */
    useEffect(() => {
        const el = scroll.current!;

        el.scrollTop = el.scrollHeight * 7 / 24;
    }, [days]);

    return (
        <div className="hours" ref={scroll} data-days={days} tabIndex={0}
            role="region" aria-label={t('calendar.hours')}>
            <div className="hours-head">
                <span />
                {all.map((d) => (
                    <div key={d} className="day-head">
                        <DayLink day={d} of={of} text={dayColumn(d)} />
                        <Add day={d} of={of} />
                    </div>
                ))}
            </div>
            <div className="hours-body">
                <div className="hours-names" aria-hidden="true">
                    {Array.from({ length: 23 }, (_, i) => (
                        <span key={i}>{clockText((i + 1) * HOUR)}</span>
                    ))}
                </div>
                {all.map((d) => (
                    <div key={d} className="hours-day" data-day={d}
                        data-hours="" data-past={d < of.today ? '' : undefined}
                        onClick={(e: MouseEvent) => {
                            if (e.target === e.currentTarget && of.canSend
                                && !of.drag.wasDrag())
                            {
                                const at = d + timeAt(
                                    e.currentTarget as HTMLElement,
                                    e.clientY, 30 * MINUTE);

                                if (at > now) {
                                    of.onSlot(at);
                                }
                            }
                        }}>
                        {lanesOf(found.get(d) ?? [], d, of.zone).map((l) => (
                            <Chip key={keyOf(l.e)} of={l.e} zone={of.zone}
                                drag={of.drag} onOpen={of.onOpen}
                                className="chip-at" style={{
                                    insetBlockStart: `${100 * l.from / DAY}%`,
                                    blockSize:
                                        `${100 * (l.to - l.from) / DAY}%`,
                                    insetInlineStart:
                                        `${100 * l.lane / l.lanes}%`,
                                    inlineSize: `${100 / l.lanes}%`,
                                }} />
                        ))}
                        {of.drag.over !== undefined
                            && dayOf(of.drag.over) === d
                            && <i className="drop-at" style={{
                                insetBlockStart:
                                    `${100 * (of.drag.over - d) / DAY}%`,
                            }} />}
                        {d === of.today
                            && <i className="now" style={{
                                insetBlockStart: `${100 * (now - d) / DAY}%`,
                            }} />}
                    </div>
                ))}
            </div>
        </div>
    );
}

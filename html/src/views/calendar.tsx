/*
 * The calendar: what is planned and what was, as a month, a week or a day, by
 * the clock of the organisation.  The view, its date and its filters are the
 * address, so that what one sees can be sent to another.
 */

import { useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useLiveStatus } from '../api/live';
import { q } from '../api/queries';
import { useMedia } from '../lib/hooks';
import { num } from '../lib/format';
import { useKeys } from '../lib/keys';
import { Link, go, withQuery } from '../lib/router';
import type { Place } from '../lib/router';
import { direction, t, tMaybe } from '../lib/t';
import * as Icon from '../ui/icons';
import { Failed, Segments, Skeleton } from '../ui/parts';
import {
    GROUPS, KINDS, keyOf, moveEntry, refreshPlan, usePlan, usePlanAccounts,
    useZone,
} from './calendar/data';
import type { Entry, Plan } from './calendar/data';
import { useDrag } from './calendar/drag';
import { EntryDialog, MoveDialog } from './calendar/entry';
import { Feeds } from './calendar/feeds';
import { Flow } from './calendar/flow';
import { emptyDraft } from './calendar/draft';
import type { Draft } from './calendar/draft';
import { Agenda, Hours, Month, SmallMonth } from './calendar/grids';
import type { GridProps } from './calendar/grids';
import {
    DAY, addMonths, dayLong, dayOf, dayText, instantOf, monthName,
    offsetText, wallFrom, wallOf, weekOf, weekText,
} from './calendar/wall';
import type { Wall } from './calendar/wall';

type Shape = 'month' | 'week' | 'day';

const FILTERS = ['platform', 'type', 'status', 'account_id'] as const;

type Open = { entry: Entry } | { move: Entry } | { draft: Draft } | 'feeds';


export function Calendar({ place }: { place: Place }) {
    const settings = useZone();
    const zone = settings.data?.time_zone;

    if (zone === undefined) {
        return (
            <div className="page page-calendar">
                {settings.isError
                    ? <Failed error={settings.error}
                        retry={() => void settings.refetch()} />
                    : <Skeleton rows={8} kind="tall" />}
            </div>
        );
    }

    return <Planned place={place} zone={zone} />;
}


function shapeOf(place: Place): Shape {
    const s = place.query.get('view');

    return s === 'week' || s === 'day' ? s : 'month';
}


/* the days that are seen, those of other months at the edges too */
function span(shape: Shape, at: Wall): [Wall, number] {
    return shape === 'day' ? [at, 1]
        : shape === 'week' ? [weekOf(at), 7]
        : [weekOf(addMonths(at, 0)), 42];
}


function Planned({ place, zone }: { place: Place; zone: string }) {
    const qc = useQueryClient();
    const me = useQuery(q.me());
    const small = useMedia('(max-width: 47.99rem)');
    const live = useLiveStatus();
    const [open, setOpen] = useState<Open | null>(null);

    const shape = shapeOf(place);
    const today = dayOf(wallOf(Date.now(), zone));
    const asked = wallFrom(place.query.get('date') ?? '');
    const at = Number.isNaN(asked) ? today : dayOf(asked);
    const [from, days] = span(shape, at);
    const filter: Record<string, string> = {};

    for (const k of FILTERS) {
        const v = place.query.get(k);

        if (v !== null && v !== '') {
            filter[k] = v;
        }
    }

    const plan = usePlan({
        from: instantOf(from, zone), to: instantOf(from + days * DAY, zone),
        filter,
    }, true);

    const scopes = (me.data as unknown as { scopes?: string[] } | undefined)
        ?.scopes;
    const canSend = (scopes === undefined || scopes.includes('send'))
        && live !== 'offline';
    const drag = useDrag(zone, (e, to) =>
        void moveEntry(qc, e, instantOf(to, zone), zone));

    const turn = (n: number) => go(withQuery(place, {
        date: dayText(shape === 'month' ? addMonths(at, n)
            : at + n * days * DAY),
    }));
    const slot = (w: Wall) => setOpen({ draft: emptyDraft(zone, w) });
    const create = () => slot(Math.max(at, today) + 9 * 60 * 60_000
                              + (at <= today ? DAY : 0));

    useKeys({
        t: () => go(withQuery(place, { date: '' })),
        m: () => go(withQuery(place, { view: '' })),
        w: () => go(withQuery(place, { view: 'week' })),
        d: () => go(withQuery(place, { view: 'day' })),
        '[': () => turn(-1),
        ']': () => turn(1),
        ...(canSend ? { n: create } : {}),
    }, open === null);

    const title = shape === 'month' ? monthName(at)
        : shape === 'week' ? weekText(from) : dayLong(at);
    const grid: GridProps = {
        place, zone, today, drag, canSend,
        entries: plan.data?.data ?? [],
        onOpen: (entry) => setOpen({ entry }),
        onSlot: slot,
    };

    return (
        <div className="page page-calendar">
            <header className="calendar-head">
                <div className="calendar-turn">
                    <button className="icon-button"
                        aria-label={t(`calendar.before.${shape}`)}
                        onClick={() => turn(-1)}>
                        <Icon.Back />
                    </button>
                    <button className="icon-button"
                        aria-label={t(`calendar.after.${shape}`)}
                        onClick={() => turn(1)}>
                        <Icon.Back className="turned" />
                    </button>
                    <h2 aria-live="polite">{title}</h2>
                    <Link className="button button-small"
                        to={withQuery(place, { date: '' })}>
                        {t('calendar.today')}
                    </Link>
                </div>
                <div className="calendar-do">
                    <Segments<Shape> label={t('calendar.view')}
                        name="calendar-view" value={shape}
                        options={(['month', 'week', 'day'] as Shape[])
                            .map((value) => ({
                                value, label: t(`calendar.${value}`),
                            }))}
                        onChange={(v) => go(withQuery(place, {
                            view: v === 'month' ? '' : v,
                        }))} />
                    <button className="button button-main"
                        aria-disabled={canSend ? undefined : 'true'}
                        title={canSend ? undefined : t(live === 'offline'
                            ? 'calendar.offline' : 'calendar.mayNot')}
                        onClick={() => canSend && create()}>
                        <Icon.Plus />{t('calendar.plan')}
                    </button>
                </div>
            </header>
            <Filters place={place} plan={plan.data} />
            {plan.data === undefined
                ? plan.isError
                    ? <Failed error={plan.error}
                        retry={() => void plan.refetch()} />
                    : <Skeleton rows={6} kind="tall" />
                : <div className="calendar-body"
                    data-waiting={plan.isPlaceholderData ? '' : undefined}>
                    {plan.data.more
                        && <p className="notice is-unknown">
                            <Icon.Info /><span>{t('calendar.tooMany')}</span>
                        </p>}
                    {shape === 'month'
                        ? small
                            ? <SmallMonth {...grid} month={addMonths(at, 0)}
                                day={at} />
                            : <Month {...grid} month={addMonths(at, 0)} />
                        : small && shape === 'week'
                        ? <Agenda {...grid} from={from} days={days} />
                        : <Hours {...grid} from={from} days={days} />}
                    {plan.data.data.length === 0
                        && <p className="calendar-empty soft">
                            {t(Object.keys(filter).length > 0
                                ? 'calendar.noneFilter'
                                : canSend ? 'calendar.none'
                                : 'calendar.noneRead')}
                        </p>}
                </div>}
            <footer className="calendar-foot">
                <span className="soft">
                    <Icon.Globe />
                    {t('calendar.zone', {
                        zone: zone.replaceAll('_', ' '),
                        offset: offsetText(zone, instantOf(at, zone)),
                    })}
                </span>
                <button className="text-link" onClick={() => setOpen('feeds')}>
                    <Icon.Link />{t('calendar.feed')}
                </button>
            </footer>
            {open === 'feeds'
                && <Feeds canSend={canSend} onClose={() => setOpen(null)} />}
            {open !== null && open !== 'feeds' && 'entry' in open
                && <EntryDialog
                    entry={plan.data?.data.find(
                        (e) => keyOf(e) === keyOf(open.entry)) ?? open.entry}
                    zone={zone} canSend={canSend}
                    onMove={(e) => setOpen({ move: e })}
                    onDraft={(draft) => setOpen({ draft })}
                    onClose={() => setOpen(null)} />}
            {open !== null && open !== 'feeds' && 'move' in open
                && <MoveDialog entry={open.move} zone={zone}
                    onClose={() => setOpen(null)} />}
            {open !== null && open !== 'feeds' && 'draft' in open
                && <Flow start={open.draft} zone={zone}
                    onClose={() => setOpen(null)}
                    onDone={() => {
                        setOpen(null);
                        refreshPlan(qc);
                    }} />}
        </div>
    );
}


function Filters({ place, plan }: { place: Place; plan: Plan | undefined }) {
    const accounts = usePlanAccounts();
    const all = accounts.data?.data ?? [];
    const platforms = [...new Set(all.map((a) => a.provider))];
    const status = place.query.get('status') ?? '';
    const counts = plan?.counts;
    const total = counts === undefined ? undefined
        : Object.values(counts).reduce((a, b) => a + b, 0);

    const select = (name: string, label: string,
        options: { value: string; label: string }[]) => (
        <select aria-label={label} value={place.query.get(name) ?? ''}
            data-set={place.query.get(name) ? '' : undefined}
            onChange={(e: Event) => go(withQuery(place, {
                [name]: (e.currentTarget as HTMLSelectElement).value,
            }))}>
            <option value="">{label}</option>
            {options.map((o) => (
                <option key={o.value} value={o.value}>{o.label}</option>
            ))}
        </select>
    );

    return (
        <div className="calendar-filters" dir={direction}>
            <nav className="calendar-states"
                aria-label={t('calendar.byStatus')}>
                {['', ...GROUPS].map((g) => (
                    <Link key={g} className={`state-filter is-${
                        g === 'pending' ? 'paused' : g === 'posted' ? 'replied'
                        : g}`}
                        aria-current={status === g ? 'true' : undefined}
                        to={withQuery(place, { status: g })}>
                        {g !== '' && <i aria-hidden="true" />}
                        {g === '' ? t('calendar.all')
                            : t(`calendar.group.${g as 'posted'}`)}
                        <span className="n">
                            {counts === undefined ? ''
                                : num(g === '' ? total! : counts[
                                    g as 'posted'])}
                        </span>
                    </Link>
                ))}
            </nav>
            <div className="calendar-selects">
                {select('platform', t('calendar.anyPlatform'),
                    platforms.map((p) => ({
                        value: p, label: tMaybe(`calendar.platform.${p}`) ?? p,
                    })))}
                {select('type', t('calendar.anyType'), KINDS.map((k) => ({
                    value: k, label: t(`calendar.kind.${k}`),
                })))}
                {all.length > 1
                    && select('account_id', t('calendar.anyNumber'),
                        all.map((a) => ({ value: a.id, label: a.name })))}
            </div>
        </div>
    );
}

/*
 * When: a day and a time by a zone's clock, or the best hour of a day, once or
 * by a rule, which is said back in words with its next dates as the server
 * counts them.
 */

import { useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { asProblem, call } from '../../api/client';
import { region, t, tn } from '../../lib/t';
import { SelectField, TextField, Toggle } from '../../ui/form';
import * as Icon from '../../ui/icons';
import type { StepProps } from './flow';
import {
    FREQS, newRule, nthAt, nthWords, ruleText, ruleWords, weekdayName,
    weekdays,
} from './recur';
import type { Freq, Rule } from './recur';
import {
    HOUR, clockText, dayNumber, instantOf, instantText, momentText, wallFrom,
    wallOf, wallText, zones,
} from './wall';

const FREE = 3;


export function When({ draft, set, fault, zone }: StepProps & {
    zone: string;
}) {
    const [day = '', time = ''] = draft.at.split('T');
    const at = wallFrom(draft.at);
    const one = draft.edit?.scope === 'this';

    return (
        <>
            <div className="form-row">
                <TextField label={t('calendar.date')} type="date" value={day}
                    fault={fault('/starts_at')} required
                    onChange={(v) => set({ at: `${v}T${time}` })} />
                {!draft.best
                    && <TextField label={t('calendar.time')} type="time"
                        value={time} required
                        onChange={(v) => set({ at: `${day}T${v}` })} />}
            </div>
            {!one
                && <SelectField label={t('calendar.zoneField')}
                    value={draft.zone} fault={fault('/time_zone')}
                    onChange={(v) => set({ zone: v })}
                    options={[...new Set([zone, draft.zone, ...zones()])]
                        .map((z) => ({
                            value: z, label: z.replaceAll('_', ' '),
                        }))} />}
            <FreeSlots draft={draft} set={set} fault={fault} />
            {!one && draft.kind !== 'status'
                && <Best draft={draft} set={set} fault={fault} />}
            {!one && !Number.isNaN(at)
                && <Repeat draft={draft} set={set} fault={fault} at={at} />}
            {!one && draft.kind === 'message'
                && <Toggle label={t('calendar.ifReplied')}
                    on={draft.ifReplied}
                    onChange={(ifReplied) => set({ ifReplied })} />}
            {!one && draft.kind === 'status'
                && <SelectField label={t('calendar.deleteAfter')}
                    value={String(draft.deleteAfter)}
                    fault={fault('/delete_after_s')}
                    onChange={(v) => set({ deleteAfter: Number(v) })}
                    options={[0, 1, 3, 6, 12, 18].map((h) => ({
                        value: String(h),
                        label: h === 0 ? t('calendar.deleteNever')
                            : tn('calendar.deleteHours', h),
                    }))} />}
        </>
    );
}


function FreeSlots({ draft, set }: StepProps) {
    const [asked, setAsked] = useState('');
    const after = Math.max(Date.now(),
        instantOf(wallFrom(draft.at) || Date.now(), draft.zone));
    const slots = useQuery({
        queryKey: ['free-slot', draft.account, asked],
        enabled: asked !== '',
        queryFn: ({ signal }) => call<{ data: string[] }>('GET',
            `/calendar/free-slot?${new URLSearchParams({
                account_id: draft.account, after: asked, n: String(FREE),
            }).toString()}`, { signal }),
    });

    return (
        <div className="flow-slots">
            <button type="button" className="button button-small"
                onClick={() => setAsked(instantText(after))}>
                <Icon.Bolt />{t('calendar.freeSlot')}
            </button>
            <span role="status">
                {slots.isError
                    && <span className="bad">
                        {asProblem(slots.error).words}</span>}
                {slots.data?.data.length === 0 && t('calendar.noSlot')}
            </span>
            {slots.data?.data.map((s) => {
                const w = wallOf(Date.parse(s), draft.zone);

                return (
                    <button key={s} type="button"
                        className="button button-small slot"
                        aria-pressed={draft.at === wallText(w)}
                        onClick={() => set({ at: wallText(w), best: false })}>
                        {momentText(w)}
                    </button>
                );
            })}
        </div>
    );
}


function Best({ draft, set, fault }: StepProps) {
    const who = draft.kind === 'message' ? draft.contact?.id : undefined;
    const best = useQuery({
        queryKey: ['best-time', who ?? '', draft.audience],
        queryFn: ({ signal }) => call<{
            hour: number; source: string; reads: number; time_zone: string;
        }>('GET', `/best-time?${new URLSearchParams({
            ...(who !== undefined ? { contact_id: who } : {}),
            ...(draft.kind === 'broadcast' && draft.audience !== ''
                ? { tag: draft.audience } : {}),
        }).toString()}`, { signal }),
    });
    const b = best.data;

    return (
        <Toggle label={t('calendar.best')} on={draft.best}
            onChange={(v) => set({ best: v })}
            hint={fault('/best_time') ?? (b === undefined ? undefined
                : b.source === 'default'
                ? t('calendar.bestDefault', { time: clockText(b.hour * HOUR) })
                : tn('calendar.bestOf', b.reads, {
                    time: clockText(b.hour * HOUR),
                }))} />
    );
}


function Repeat({ draft, set, fault, at }: StepProps & { at: number }) {
    const r = draft.rule;
    const change = (c: Partial<Rule>) => set({ rule: { ...r!, ...c } });
    const value = r !== null ? r.freq : draft.custom !== '' ? 'custom' : '';
    const freqs = draft.best ? FREQS.filter((f) => f !== 'HOURLY') : FREQS;

    return (
        <fieldset className="flow-repeat">
            <legend className="sr">{t('calendar.repeats')}</legend>
            <SelectField label={t('calendar.repeats')} value={value as string}
                fault={fault('/rrule')}
                onChange={(v) => v !== 'custom' && set({
                    custom: '',
                    rule: v === '' ? null : newRule(v as Freq, at),
                })}
                options={[
                    { value: '', label: t('calendar.once') },
                    ...freqs.map((f) => ({
                        value: f, label: t(`calendar.freq.${f}`),
                    })),
                    ...(draft.custom !== '' ? [{
                        value: 'custom',
                        label: t('calendar.customRule',
                                 { rule: draft.custom }),
                    }] : []),
                ]} />
            {r !== null
                && <>
                    <div className="form-row">
                        <TextField label={t(`calendar.every.${r.freq}`)}
                            type="number" min={1} max={100}
                            value={String(r.every)}
                            onChange={(v) => change({
                                every: Math.max(1, Number(v) || 1),
                            })} />
                        <Ends rule={r} change={change} at={at} />
                    </div>
                    {r.freq === 'WEEKLY'
                        && <fieldset className="flow-days">
                            <legend>{t('calendar.onDays')}</legend>
                            {weekdays().map((d) => (
                                <label key={d}>
                                    <input type="checkbox"
                                        aria-label={weekdayName(d)}
                                        checked={r.days.includes(d)}
                                        onChange={() => change({
                                            days: r.days.includes(d)
                                                ? r.days.filter(
                                                    (x) => x !== d)
                                                : [...r.days, d],
                                        })} />
                                    <span aria-hidden="true">
                                        {short(d)}</span>
                                </label>
                            ))}
                        </fieldset>}
                    {r.freq === 'MONTHLY'
                        && <SelectField label={t('calendar.onDay')}
                            value={r.nth}
                            onChange={(nth) => change({ nth })}
                            options={[
                                { value: '', label: t('calendar.dayOfMonth', {
                                    day: dayNumber(at),
                                }) },
                                { value: nthAt(at),
                                  label: nthWords(nthAt(at)) },
                            ]} />}
                    {r.freq === 'MONTHLY' && r.nth === ''
                        && new Date(at).getUTCDate() > 28
                        && <SelectField label={t('calendar.monthEnd')}
                            value={draft.monthEnd}
                            onChange={(monthEnd) => set({ monthEnd })}
                            options={[
                                { value: 'skip',
                                  label: t('calendar.monthEndSkip') },
                                { value: 'last_day',
                                  label: t('calendar.monthEndLast') },
                            ]} />}
                </>}
            {value !== ''
                && <NextDates draft={draft} at={at}
                    rule={r !== null ? ruleText(r) : draft.custom} />}
        </fieldset>
    );
}


const shortF = new Intl.DateTimeFormat(region, {
    timeZone: 'UTC', weekday: 'narrow',
});

/* M, T, W: the whole name is the label */
function short(d: string): string {
    const i = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'].indexOf(d);

    return shortF.format(Date.UTC(2023, 0, 1 + i));
}


function Ends({ rule: r, change, at }: {
    rule: Rule; change: (c: Partial<Rule>) => void; at: number;
}) {
    const kind = r.count > 0 ? 'count' : r.until !== '' ? 'until' : 'never';

    return (
        <>
            <SelectField label={t('calendar.ends')} value={kind as string}
                onChange={(v) => change({
                    count: v === 'count' ? 10 : 0,
                    until: v === 'until'
                        ? wallText(at + 30 * 24 * HOUR).slice(0, 10) : '',
                })}
                options={['never', 'count', 'until'].map((value) => ({
                    value, label: t(`calendar.ends.${value as 'never'}`),
                }))} />
            {kind === 'count'
                && <TextField label={t('calendar.endsCount')} type="number"
                    min={1} value={String(r.count)}
                    onChange={(v) => change({
                        count: Math.max(1, Number(v) || 1),
                    })} />}
            {kind === 'until'
                && <TextField label={t('calendar.endsUntil')} type="date"
                    value={r.until} onChange={(until) => change({ until })} />}
        </>
    );
}


function NextDates({ draft, at, rule }: {
    draft: StepProps['draft']; at: number; rule: string;
}) {
    const next = useQuery({
        queryKey: ['rule', draft.at, draft.zone, draft.monthEnd, rule],
        queryFn: ({ signal }) => call<{ data: {
            starts_at: string; shifted: boolean; twice: boolean;
        }[] }>('POST', '/schedules/preview', {
            signal,
            body: {
                starts_at: draft.at, time_zone: draft.zone, rrule: rule,
                month_end: draft.monthEnd, limit: 4,
            },
        }),
        placeholderData: (before) => before,
    });

    return (
        <div className="flow-next" aria-live="polite">
            <strong>{ruleWords(rule, at)}</strong>
            {next.isError
                ? <p className="bad">{asProblem(next.error).words}</p>
                : <ul>
                    {next.data?.data.map((d) => (
                        <li key={d.starts_at}>
                            {momentText(wallFrom(d.starts_at))}
                            {d.shifted
                                && <span className="soft">
                                    {' '}{t('calendar.shifted')}</span>}
                            {d.twice
                                && <span className="soft">
                                    {' '}{t('calendar.twice')}</span>}
                        </li>
                    ))}
                </ul>}
        </div>
    );
}

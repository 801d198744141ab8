/*
 * How fast and how much a number may send.  Only what was changed is sent,
 * with the version that it was changed from: what somebody else changed in
 * the meantime is not written over unseen.
 */

import { useEffect, useMemo, useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { below } from '../../api/accounts';
import type { NumberDetail, Policy, Read } from '../../api/accounts';
import { refresh } from '../../api/accounts_live';
import { Problem, call } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { useMay } from '../../api/me';
import { num } from '../../lib/format';
import { t, tn } from '../../lib/t';
import { FormEnd, SelectField, TextField, Toggle, useFaultFocus, useFaults }
    from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card } from '../../ui/page';
import { toast } from '../../ui/toast';

const CATEGORIES = ['marketing', 'utility', 'authentication', 'service'];

/* what the form holds: text as it is typed, empty for none */
interface Form {
    rate: string;
    portfolio: string;
    pair: boolean;
    inbound: boolean;
    gapMin: string;
    gapMax: string;
    cap: string;
    hours: boolean;
    from: string;
    to: string;
    zone: string;
    warm: boolean;
    warmFrom: string;
    warmFirst: string;
    warmGrowth: string;
    policy: Record<string, Policy>;
}

const seconds = (ms: number | null | undefined) =>
    ms == null ? '' : String(ms / 1000);
const text = (n: number | null | undefined) => n == null ? '' : String(n);


function today(): string {
    const d = new Date();

    return [d.getFullYear(), String(d.getMonth() + 1).padStart(2, '0'),
            String(d.getDate()).padStart(2, '0')].join('-');
}


function formOf(a: NumberDetail): Form {
    const p = a.pacing;

    return {
        rate: String(a.rate_limit), portfolio: a.portfolio_id,
        pair: a.pair_limit, inbound: a.count_inbound,
        gapMin: seconds(p?.gap_min_ms), gapMax: seconds(p?.gap_max_ms),
        cap: text(p?.daily_cap),
        hours: p?.hours != null, from: p?.hours?.from ?? '09:00',
        to: p?.hours?.to ?? '18:00', zone: p?.hours?.zone ?? '',
        warm: p?.warmup != null, warmFrom: p?.warmup?.from ?? today(),
        warmFirst: text(p?.warmup?.first ?? 50),
        warmGrowth: text(p?.warmup?.growth ?? 20),
        policy: { ...a.unknown_policy },
    };
}


/* a number where it is one: what is not goes out as it is, to be refused */
function whole(s: string, factor = 1): number | string | null {
    const n = Number(s);

    return s.trim() === '' ? null
        : Number.isFinite(n) ? Math.round(n * factor) : s;
}


/* as PATCH takes it, in pieces that are compared one by one */
function bodyOf(f: Form): Record<string, unknown> {
    return {
        rate_limit: whole(f.rate) ?? 0,
        portfolio_id: f.portfolio.trim() === '' ? null : f.portfolio.trim(),
        pair_limit: f.pair,
        count_inbound: f.inbound,
        pacing: {
            gap_min_ms: whole(f.gapMin, 1000),
            gap_max_ms: whole(f.gapMax, 1000),
            daily_cap: whole(f.cap),
            hours: f.hours ? { from: f.from, to: f.to,
                ...(f.zone.trim() !== '' ? { zone: f.zone.trim() } : {}) }
                : null,
            warmup: f.warm ? { from: f.warmFrom,
                first: whole(f.warmFirst) ?? '',
                growth: whole(f.warmGrowth) } : null,
        },
        unknown_policy: f.policy,
    };
}


/* the members of b that differ from a; pairs that go together stay together */
function changes(a: Record<string, unknown>, b: Record<string, unknown>) {
    const out: Record<string, unknown> = {};
    const same = (x: unknown, y: unknown) =>
        JSON.stringify(x) === JSON.stringify(y);

    for (const k of Object.keys(b)) {
        if (k !== 'pacing') {
            if (!same(a[k], b[k])) {
                out[k] = b[k];
            }

            continue;
        }

        const was = a[k] as Record<string, unknown>;
        const is = b[k] as Record<string, unknown>;
        const p: Record<string, unknown> = {};

        for (const m of Object.keys(is)) {
            if (!same(was[m], is[m])) {
                p[m] = is[m];
            }
        }

        if ('gap_min_ms' in p || 'gap_max_ms' in p) {
            p['gap_min_ms'] = is['gap_min_ms'];
            p['gap_max_ms'] = is['gap_max_ms'];
        }

        if (Object.keys(p).length > 0) {
            out[k] = p;
        }
    }

    return out;
}


export function Limits({ read }: { read: Read }) {
    const qc = useQueryClient();
    const a = read.number;
    const [base, setBase] = useState(read);
    const [f, setForm] = useState(() => formOf(a));
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const admin = useMay('admin');
    const away = useLiveStatus() === 'offline';
    const faults = useFaults(error);
    const form = useFaultFocus(error);
    const set = (change: Partial<Form>) => setForm({ ...f, ...change });
    const wanted = useMemo(() => changes(bodyOf(formOf(base.number)),
                                         bodyOf(f)), [base, f]);
    const dirty = Object.keys(wanted).length > 0;
    const moved = error instanceof Problem && error.status === 412;

    /* what came anew is taken while nothing was typed */
    useEffect(() => {
        if (!dirty && read.tag !== base.tag) {
            setBase(read);
            setForm(formOf(read.number));
        }
    }, [read, dirty, base.tag]);

    useEffect(() => {
        if (!dirty) {
            return;
        }

        const leave = (e: BeforeUnloadEvent) => e.preventDefault();

        addEventListener('beforeunload', leave);

        return () => removeEventListener('beforeunload', leave);
    }, [dirty]);

    const save = async () => {
        setBusy(true);
        setError(null);

        try {
            let tag: string | null = null;
            const number = await call<NumberDetail>('PATCH', below(a.id), {
                body: wanted,
                headers: base.tag === null ? {} : { 'If-Match': base.tag },
                onTag: (e) => {
                    tag = e;
                },
            });

            setBase({ number, tag });
            setForm(formOf(number));
            toast({ text: t('form.saved') });
            refresh(qc, a.id);
        } catch (e) {
            setError(e);
        }

        setBusy(false);
    };

    const adopt = () => {
        setBase(read);
        setForm(formOf(read.number));
        setError(null);
        refresh(qc, a.id);
    };

    const off = !admin;

    return (
        <form className="stack acc-form" ref={form} noValidate
            onSubmit={(e: Event) => {
                e.preventDefault();

                if (dirty && !busy && !away && admin) {
                    void save();
                }
            }}>
            {off && <p className="notice"><Icon.Info />
                <span>{t('accounts.readOnly')}</span>
            </p>}
            <fieldset disabled={off} className="stack">
                <legend className="sr">{t('accounts.tab.limits')}</legend>
                <Speed f={f} set={set} fault={faults.of} a={a} />
                <Human f={f} set={set} fault={faults.of} />
                <Unknown f={f} set={set} fault={faults.of} />
            </fieldset>
            {moved && <div className="notice is-unknown" role="alert">
                <Icon.Alert />
                <div>
                    <p>{t('accounts.moved')}</p>
                    <button type="button" className="text-link"
                        onClick={adopt}>
                        {t('accounts.movedTake')}
                    </button>
                </div>
            </div>}
            {!off && <div className="acc-save">
                <FormEnd error={moved ? null : error}
                    busy={busy} off={!dirty || away}
                    save={t('form.save')} onCancel={dirty ? () => {
                        setForm(formOf(base.number));
                        setError(null);
                    } : undefined}>
                    <span className="soft" role="status">
                        {busy ? t('form.saving')
                            : dirty ? t('accounts.unsaved')
                            : t('accounts.allSaved')}
                    </span>
                </FormEnd>
            </div>}
        </form>
    );
}


interface Part {
    f: Form;
    set: (change: Partial<Form>) => void;
    fault: (pointer: string) => string | undefined;
}


function Speed({ f, set, fault, a }: Part & { a: NumberDetail }) {
    return (
        <Card title={t('accounts.speed')} hint={t('accounts.speedHint')}>
            <div className="form">
                <div className="form-row">
                    <TextField label={t('accounts.rate')} type="number"
                        min="0" max="1000" inputMode="numeric" value={f.rate}
                        onChange={(rate) => set({ rate })}
                        hint={t('accounts.rateHint')}
                        fault={fault('/rate_limit')} />
                    <TextField label={t('accounts.portfolio')} optional
                        value={f.portfolio} dir="ltr"
                        onChange={(portfolio) => set({ portfolio })}
                        hint={t('accounts.portfolioHint')}
                        fault={fault('/portfolio_id')} />
                </div>
                <Toggle label={t('accounts.pair')} on={f.pair}
                    hint={t('accounts.pairHint')}
                    onChange={(pair) => set({ pair })} />
                {a.provider === 'cloud_api'
                    && <Toggle label={t('accounts.inbound')} on={f.inbound}
                        hint={t('accounts.inboundHint')}
                        onChange={(inbound) => set({ inbound })} />}
            </div>
        </Card>
    );
}


/* the first days of a warm-up, as the server counts them */
function days(f: Form): string {
    const first = Number(f.warmFirst);
    const growth = Number(f.warmGrowth === '' ? 20 : f.warmGrowth);
    const cap = f.cap === '' ? Infinity : Number(f.cap);

    if (!(first > 0) || !(growth > 0)) {
        return '';
    }

    return Array.from({ length: 7 }, (_, d) => num(Math.min(cap, 1000000,
        Math.round(first * (1 + growth / 100) ** d)))).join(', ');
}


function Human({ f, set, fault }: Part) {
    const zones = useMemo(() => Intl.supportedValuesOf('timeZone'), []);

    return (
        <Card title={t('accounts.human')} hint={t('accounts.humanHint')}>
            <div className="form">
                <div className="form-row">
                    <TextField label={t('accounts.gapMin')} optional
                        type="number" min="0" max="3600" step="any"
                        value={f.gapMin}
                        onChange={(gapMin) => set({ gapMin })}
                        fault={fault('/pacing/gap_min_ms')} />
                    <TextField label={t('accounts.gapMax')} optional
                        type="number" min="0" max="3600" step="any"
                        value={f.gapMax}
                        onChange={(gapMax) => set({ gapMax })}
                        fault={fault('/pacing/gap_max_ms')} />
                    <TextField label={t('accounts.cap')} optional
                        type="number" min="1" inputMode="numeric"
                        value={f.cap} onChange={(cap) => set({ cap })}
                        fault={fault('/pacing/daily_cap')} />
                </div>
                <Toggle label={t('accounts.hoursOn')} on={f.hours}
                    hint={t('accounts.hoursHint')}
                    onChange={(hours) => set({ hours })} />
                {f.hours && <div className="form-row acc-inset">
                    <TextField label={t('accounts.from')} type="time"
                        value={f.from} onChange={(from) => set({ from })}
                        fault={fault('/pacing/hours/from')} />
                    <TextField label={t('accounts.to')} type="time"
                        value={f.to} onChange={(to) => set({ to })}
                        fault={fault('/pacing/hours/to')} />
                    <TextField label={t('accounts.zone')} optional
                        value={f.zone} dir="ltr" list="acc-zones"
                        onChange={(zone) => set({ zone })}
                        hint={t('accounts.zoneHint')}
                        fault={fault('/pacing/hours/zone')} />
                    <datalist id="acc-zones">
                        {zones.map((z) => <option key={z} value={z} />)}
                    </datalist>
                </div>}
                <Toggle label={t('accounts.warm')} on={f.warm}
                    hint={t('accounts.warmHint')}
                    onChange={(warm) => set({ warm })} />
                {f.warm && <div className="form acc-inset">
                    <div className="form-row">
                        <TextField label={t('accounts.warmFrom')}
                            type="date" value={f.warmFrom}
                            onChange={(warmFrom) => set({ warmFrom })}
                            fault={fault('/pacing/warmup/from')} />
                        <TextField label={t('accounts.warmFirst')}
                            type="number" min="1" value={f.warmFirst}
                            onChange={(warmFirst) => set({ warmFirst })}
                            fault={fault('/pacing/warmup/first')} />
                        <TextField label={t('accounts.warmGrowth')}
                            type="number" min="1" max="1000"
                            value={f.warmGrowth}
                            onChange={(warmGrowth) => set({ warmGrowth })}
                            fault={fault('/pacing/warmup/growth')} />
                    </div>
                    {days(f) !== '' && <p className="form-hint">
                        {tn('accounts.warmDays', 7, { days: days(f) })}
                    </p>}
                </div>}
            </div>
        </Card>
    );
}


function Unknown({ f, set, fault }: Part) {
    return (
        <Card title={t('accounts.unknown')} hint={t('accounts.unknownHint')}>
            <div className="form-row">
                {CATEGORIES.map((c) => (
                    <SelectField<Policy> key={c}
                        label={t(`accounts.category.${c}` as
                                 'accounts.category.marketing')}
                        value={f.policy[c] ?? 'hold'}
                        onChange={(v) => set({
                            policy: { ...f.policy, [c]: v },
                        })}
                        options={[
                            { value: 'hold', label: t('accounts.hold') },
                            { value: 'retry', label: t('accounts.retry') },
                        ]}
                        fault={fault(`/unknown_policy/${c}`)} />
                ))}
            </div>
        </Card>
    );
}

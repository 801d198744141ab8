/*
 * Controls of a sandbox number: what its simulated people write, an outage
 * of its provider, a drop of its quality, and how well it delivers.
 */

import { useEffect, useState } from 'react';
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import type { NumberDetail } from '../../api/accounts';
import { refresh } from '../../api/accounts_live';
import { Problem } from '../../api/client';
import { number, sandbox } from '../../api/sandbox';
import type { SandboxSettings } from '../../api/sandbox';
import { num, share } from '../../lib/format';
import { t, tMaybe, tn } from '../../lib/t';
import { Field, SelectField, TextField } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card, Stat } from '../../ui/page';
import { Empty, Failed, Notice, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { Quality } from './words';


function settings(id: string) {
    return queryOptions({
        queryKey: ['sandbox', id],
        queryFn: () => sandbox<SandboxSettings>('GET', number(id)),
        retry: false,
        refetchInterval: 2000,
    });
}


export function SandboxTab({ of: a }: { of: NumberDetail }) {
    const qc = useQueryClient();
    const now = useQuery(settings(a.number_id));
    const again = () => {
        void qc.invalidateQueries({ queryKey: ['sandbox', a.number_id] });
        refresh(qc, a.id);
    };

    if (now.data === undefined) {
        const away = now.error instanceof Problem
            && (now.error.code === 'sandbox_away' || now.error.status === 403);

        return now.isPending ? <Skeleton rows={4} kind="detail" />
            : away ? <Empty icon={<Icon.Bolt />}
                title={t('accounts.sandbox.away')}
                next={t('accounts.sandbox.awayNext')}>
                <button className="button"
                    onClick={() => void now.refetch()}>
                    {t('state.retry')}
                </button>
            </Empty>
            : <Failed error={now.error} retry={() => void now.refetch()} />;
    }

    const c = now.data.counters;

    return (
        <div className="stack">
            <div className="stats">
                <Stat label={t('accounts.sandbox.accepted')}
                    value={num(c['accepted'] ?? 0)}
                    note={t('accounts.sandbox.ofRequests',
                            { n: num(c['requests'] ?? 0) })} />
                <Stat label={t('accounts.sandbox.rejected')}
                    value={num(c['rejected'] ?? 0)}
                    note={t('accounts.sandbox.rejectedNote')} />
                <Stat label={t('accounts.sandbox.webhooks')}
                    value={num(c['webhooks_sent'] ?? 0)}
                    note={t('accounts.sandbox.pending',
                            { n: num(c['webhooks_pending'] ?? 0) })} />
            </div>
            <div className="acc-two">
                <Say of={a} />
                <Outage of={a} now={now.data} again={again} />
                {a.provider === 'waha' ? <PhoneCard of={a} again={again} />
                    : <QualityCard of={a} now={now.data} again={again} />}
                <Delivery of={a} now={now.data} again={again} />
            </div>
        </div>
    );
}


/* does one thing at a time and says how it went */
function useDo(again: () => void) {
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);

    return {
        busy, error, clear: () => setError(null),
        run: async (what: () => Promise<unknown>, said: string) => {
            if (busy) {
                return;
            }

            setBusy(true);
            setError(null);

            try {
                await what();
                toast({ text: said });
            } catch (e) {
                setError(e);
            }

            setBusy(false);
            again();
        },
    };
}


function Say({ of: a }: { of: NumberDetail }) {
    const qc = useQueryClient();
    const [from, setFrom] = useState('+254712345678');
    const [name, setName] = useState('Amina');
    const [text, setText] = useState('');
    const job = useDo(() => void qc.invalidateQueries(
        { queryKey: ['messages'] }));
    const ready = text.trim() !== '' && /\d{5}/.test(from);

    return (
        <Card title={t('accounts.sandbox.say')}
            hint={t('accounts.sandbox.sayHint')}>
            <form className="form" onSubmit={(e: Event) => {
                e.preventDefault();

                if (!ready) {
                    return;
                }

                const digits = from.replace(/\D/g, '');
                const waha = a.provider === 'waha';

                void job.run(async () => {
                    await sandbox('POST', waha
                        ? `/waha/${encodeURIComponent(a.number_id)}/say`
                        : `${number(a.number_id)}/inbound`,
                    { from: waha ? `+${digits}` : digits, name, text });
                    setText('');
                }, t('accounts.sandbox.said'));
            }}>
                <div className="form-row">
                    <TextField label={t('accounts.sandbox.from')} type="tel"
                        value={from} onChange={setFrom} dir="ltr"
                        autoComplete="off" />
                    <TextField label={t('accounts.sandbox.name')}
                        value={name} onChange={setName} dir="auto"
                        autoComplete="off" />
                </div>
                <TextField label={t('accounts.sandbox.text')} area rows={2}
                    value={text} onChange={setText} dir="auto" />
                {job.error !== null
                    && <Notice error={job.error} onClose={job.clear} />}
                <div className="card-actions">
                    <button className="button button-main"
                        aria-disabled={ready && !job.busy ? undefined
                            : 'true'}>
                        <Icon.Reply />{t('accounts.sandbox.play')}
                    </button>
                    {['yes', 'stop', 'thanks'].map((k) => (
                        <button key={k} type="button" className="button"
                            onClick={() => setText(
                                tMaybe(`accounts.sandbox.quick.${k}`)!)}>
                            {tMaybe(`accounts.sandbox.quick.${k}`)}
                        </button>
                    ))}
                </div>
            </form>
        </Card>
    );
}


function Outage({ of: a, now, again }: {
    of: NumberDetail; now: SandboxSettings; again: () => void;
}) {
    const [seconds, setSeconds] = useState('30');
    const [until, setUntil] = useState(0);
    const [left, setLeft] = useState(0);
    const job = useDo(again);
    const set = (faults: unknown[]) =>
        sandbox('PUT', number(a.number_id), { faults });

    useEffect(() => {
        const tick = () => setLeft(Math.max(0,
            Math.ceil((until - Date.now()) / 1000)));

        tick();

        const timer = setInterval(tick, 500);

        return () => clearInterval(timer);
    }, [until]);

    return (
        <Card title={t('accounts.sandbox.outage')}
            hint={t('accounts.sandbox.outageHint')}>
            <div className="form">
                <SelectField label={t('accounts.sandbox.howLong')}
                    value={seconds} onChange={setSeconds}
                    options={['10', '30', '60', '300'].map((s) => ({
                        value: s, label: tn('accounts.sandbox.seconds', +s),
                    }))} />
                {left > 0 && <p className="notice is-failed" role="status">
                    <Icon.Bolt />
                    <span>{tn('accounts.sandbox.outageOn', left)}</span>
                </p>}
                {job.error !== null
                    && <Notice error={job.error} onClose={job.clear} />}
                <div className="card-actions">
                    <button className="button"
                        aria-disabled={job.busy ? 'true' : undefined}
                        onClick={() => void job.run(async () => {
                            await set([{ kind: 'http', status: 503,
                                         for_ms: Number(seconds) * 1000 }]);
                            setUntil(Date.now() + Number(seconds) * 1000);
                        }, t('accounts.sandbox.outageBegan'))}>
                        <Icon.Bolt />{t('accounts.sandbox.outageBegin')}
                    </button>
                    {(left > 0 || now.faults.length > 0)
                        && <button className="button"
                            onClick={() => void job.run(async () => {
                                await set([]);
                                setUntil(0);
                            }, t('accounts.sandbox.outageEnded'))}>
                            <Icon.Undo />{t('accounts.sandbox.outageEnd')}
                        </button>}
                </div>
            </div>
        </Card>
    );
}


function QualityCard({ of: a, now, again }: {
    of: NumberDetail; now: SandboxSettings; again: () => void;
}) {
    const job = useDo(again);
    const [tier, setTier] = useState('1000');
    const tell = (body: unknown) =>
        sandbox('POST', `${number(a.number_id)}/events`, body);

    return (
        <Card title={t('accounts.sandbox.quality')}
            hint={t('accounts.sandbox.qualityHint')}>
            <div className="form">
                <p className="acc-pair">
                    <span className="soft">
                        {t('accounts.sandbox.qualityNow')}
                    </span>
                    <Quality of={now.quality_rating} />
                </p>
                <div className="card-actions">
                    <button className="button"
                        onClick={() => void job.run(() => tell({
                            field: 'phone_number_quality_update',
                            event: 'FLAGGED', quality: 'RED',
                        }), t('accounts.sandbox.dropped'))}>
                        <Icon.Alert />{t('accounts.sandbox.drop')}
                    </button>
                    <button className="button"
                        onClick={() => void job.run(() => tell({
                            field: 'phone_number_quality_update',
                            event: 'UNFLAGGED', quality: 'GREEN',
                        }), t('accounts.sandbox.mended'))}>
                        <Icon.Check />{t('accounts.sandbox.mend')}
                    </button>
                </div>
                <SelectField label={t('accounts.sandbox.tier')} value={tier}
                    hint={t('accounts.sandbox.tierHint')}
                    onChange={(v) => {
                        setTier(v);
                        void job.run(() => tell({
                            field: 'business_capability_update',
                            tier: Number(v),
                        }), t('accounts.sandbox.tierSet'));
                    }}
                    options={['250', '1000', '10000', '100000', '-1'].map(
                        (v) => ({ value: v, label: v === '-1'
                            ? t('accounts.noLimit')
                            : tn('accounts.people', Number(v)) }))} />
                {job.error !== null
                    && <Notice error={job.error} onClose={job.clear} />}
            </div>
        </Card>
    );
}


const PHONE_VERBS = ['logout', 'fail', 'dead', 'alive'] as const;

function PhoneCard({ of: a, again }: {
    of: NumberDetail; again: () => void;
}) {
    const job = useDo(again);

    return (
        <Card title={t('accounts.sandbox.phone')}
            hint={t('accounts.sandbox.phoneHint')}>
            <div className="card-actions">
                {PHONE_VERBS.map((v) => (
                    <button key={v} className="button"
                        onClick={() => void job.run(() => sandbox('POST',
                            `/waha/${encodeURIComponent(a.number_id)}/${v}`,
                            {}), t(`accounts.sandbox.done.${v}`))}>
                        {t(`accounts.sandbox.phone.${v}`)}
                    </button>
                ))}
            </div>
            {job.error !== null
                && <Notice error={job.error} onClose={job.clear} />}
        </Card>
    );
}


const RATES = ['delivered_rate', 'read_rate', 'reply_rate'] as const;

function Delivery({ of: a, now, again }: {
    of: NumberDetail; now: SandboxSettings; again: () => void;
}) {
    const [typed, setTyped] = useState<Partial<Record<string, number>>>({});
    const job = useDo(again);
    const value = (k: typeof RATES[number]) => typed[k] ?? now[k];

    return (
        <Card title={t('accounts.sandbox.delivery')}
            hint={t('accounts.sandbox.deliveryHint')}>
            <form className="form" onSubmit={(e: Event) => {
                e.preventDefault();
                void job.run(async () => {
                    await sandbox('PUT', number(a.number_id), typed);
                    setTyped({});
                }, t('form.saved'));
            }}>
                {RATES.map((k) => (
                    <Field key={k} label={t(`accounts.sandbox.${k}`)}>
                        {(ids) => <span className="acc-range">
                            <input {...ids} type="range" min="0" max="1"
                                step="0.01" value={value(k)}
                                onInput={(e: Event) => setTyped({
                                    ...typed, [k]: Number((e.currentTarget as
                                        HTMLInputElement).value),
                                })} />
                            <output>{share(value(k), 1)}</output>
                        </span>}
                    </Field>
                ))}
                {job.error !== null
                    && <Notice error={job.error} onClose={job.clear} />}
                <div className="card-actions">
                    <button className="button"
                        aria-disabled={Object.keys(typed).length === 0
                            || job.busy ? 'true' : undefined}>
                        {t('form.save')}
                    </button>
                </div>
            </form>
        </Card>
    );
}


/* at the code of a sandbox session: nobody has a phone to hold up */
export function ScanItself({ of: a }: { of: NumberDetail }) {
    const qc = useQueryClient();
    const job = useDo(() => refresh(qc, a.id));

    return (
        <div className="acc-scan">
            <p className="soft">{t('accounts.sandbox.scanHint')}</p>
            <button className="button" type="button"
                aria-disabled={job.busy ? 'true' : undefined}
                onClick={() => void job.run(() => sandbox('POST',
                    `/waha/${encodeURIComponent(a.number_id)}/scan`, {}),
                t('accounts.sandbox.scanned'))}>
                <Icon.Phone />{t('accounts.sandbox.scan')}
            </button>
            {job.error !== null
                && <Notice error={job.error} onClose={job.clear} />}
        </div>
    );
}

/*
 * How a number is tied to its provider: what is wrong with that, where its
 * webhooks go, its tokens, and what happened to it so far.
 */

import { useState } from 'react';
import { infiniteQueryOptions, useInfiniteQuery, useQuery, useQueryClient }
    from '@tanstack/react-query';
import { below, qn, useAct } from '../../api/accounts';
import type { Check, Happening, NumberDetail } from '../../api/accounts';
import { refresh } from '../../api/accounts_live';
import { call } from '../../api/client';
import { useMay } from '../../api/me';
import { rowsOf } from '../../api/queries';
import type { Page } from '../../api/types';
import { humanise, moment } from '../../lib/format';
import { Link } from '../../lib/router';
import { t, tMaybe } from '../../lib/t';
import { CopyButton, Field, FormEnd, TextField, TypedConfirm, useFaultFocus,
    useFaults } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card, Facts } from '../../ui/page';
import { Dialog, Empty, Failed, Notice, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { namesRoute } from './words';


export function Connection({ of: a }: { of: NumberDetail }) {
    const admin = useMay('admin');

    return (
        <div className="acc-connection">
            <div className="stack">
                <Troubles of={a} />
                {admin && <Webhook of={a} />}
                {admin && <Tokens of={a} />}
            </div>
            <History of={a} />
        </div>
    );
}


/* ── what is wrong ── */

function Troubles({ of: a }: { of: NumberDetail }) {
    const checks = useQuery(qn.checks(a.id));
    const rows = checks.data?.data ?? [];
    const bad = rows.filter((c) => !c.ok).length;

    return (
        <Card title={t('accounts.troubleshoot')}
            hint={checks.data === undefined ? t('accounts.troubleHint')
                : bad === 0 ? t('accounts.troubleNone')
                : t('accounts.troubleSome')}
            actions={<button className="button button-small"
                aria-disabled={checks.isFetching ? 'true' : undefined}
                onClick={() => void checks.refetch()}>
                <Icon.Undo />{t(checks.isFetching ? 'accounts.asking'
                    : 'accounts.lookAgain')}
            </button>}>
            {checks.data === undefined
                ? checks.isPending ? <Skeleton rows={4} kind="lines" />
                    : <Failed error={checks.error}
                        retry={() => void checks.refetch()} />
                : <ol className="acc-checks">
                    {rows.map((c, i) => <One key={i} of={c} a={a} />)}
                </ol>}
        </Card>
    );
}


function One({ of: c, a }: { of: Check; a: NumberDetail }) {
    const act = useAct(a.id);
    /* a session goes on by itself, so there is nothing to resume */
    const resumes = a.provider !== 'waha' || a.status_reason === 'user';
    const may = useMay('send');
    const [error, setError] = useState<unknown>(null);
    const [busy, setBusy] = useState(false);
    const own = tMaybe(`accounts.fix.${c.check}`);
    const verb = c.check === 'sending' && resumes ? '/resume'
        : c.check === 'phone' ? '/session/restart' : undefined;

    return (
        <li className={c.ok ? 'is-replied' : 'is-failed'}
            data-check={c.check}>
            {c.ok ? <Icon.Check /> : <Icon.Alert />}
            <div>
                <h4>
                    {tMaybe(`accounts.check.${c.check}`)
                     ?? humanise(c.check)}
                    <span className="sr">{t(c.ok ? 'accounts.checkOk'
                        : 'accounts.checkBad')}</span>
                </h4>
                <p>{c.words}</p>
                {!c.ok && (namesRoute(c.fix) ? own : c.fix)
                    && <p className="acc-fix">
                        {namesRoute(c.fix) ? own : c.fix}
                    </p>}
                {error !== null && <Notice error={error} />}
                {!c.ok && verb !== undefined && may
                    && <button className="button button-small"
                        aria-disabled={busy ? 'true' : undefined}
                        onClick={() => {
                            setBusy(true);
                            act(verb).catch(setError)
                                .finally(() => setBusy(false));
                        }}>
                        {t(c.check === 'sending' ? 'accounts.resume'
                            : 'accounts.session.restart')}
                    </button>}
                {!c.ok && c.check === 'session'
                    && <Link to={`/accounts/${a.id}`}
                        className="button button-small">
                        {t('accounts.toSession')}
                    </Link>}
            </div>
        </li>
    );
}


/* ── where webhooks go ── */

export function CopyLine({ label, value, hint }: {
    label: string; value: string; hint?: string;
}) {
    return (
        <Field label={label} hint={hint}>
            {(ids) => <span className="acc-copy">
                <input {...ids} readOnly value={value} dir="ltr"
                    onFocus={(e: Event) =>
                        (e.currentTarget as HTMLInputElement).select()} />
                <CopyButton text={value} />
            </span>}
        </Field>
    );
}


export function hookAddress(path: string): string {
    return location.origin + path;
}


function Webhook({ of: a }: { of: NumberDetail }) {
    return (
        <Card title={t('accounts.webhook')}
            hint={tMaybe(`accounts.webhookHint.${a.provider}`)
                ?? t('accounts.webhookHint')}>
            {a.webhook_path
                ? <CopyLine label={t('accounts.webhookAddress')}
                    value={hookAddress(a.webhook_path)}
                    hint={t('accounts.webhookSecret')} />
                : <p>{t('accounts.webhookNone')}</p>}
            <WebhookButtons of={a} />
        </Card>
    );
}


export function WebhookButtons({ of: a }: { of: NumberDetail }) {
    const act = useAct(a.id);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const [asks, setAsks] = useState<'register' | 'deregister'>();

    if (a.provider !== 'cloud_api') {
        return null;
    }

    return (
        <>
            {error !== null
                && <Notice error={error} onClose={() => setError(null)} />}
            <div className="card-actions">
                <button className="button button-small" type="button"
                    aria-disabled={busy ? 'true' : undefined}
                    onClick={() => {
                        setBusy(true);
                        setError(null);
                        act('/subscribe', {}).then(
                            () => toast({ text: t('accounts.subscribed') }),
                            setError).finally(() => setBusy(false));
                    }}>
                    <Icon.Link />
                    {t(busy ? 'accounts.asking' : 'accounts.subscribe')}
                </button>
                <button className="button button-small" type="button"
                    onClick={() => setAsks('register')}>
                    <Icon.Phone />{t('accounts.register')}
                </button>
                <button className="button button-small" type="button"
                    onClick={() => setAsks('deregister')}>
                    <Icon.Out />{t('accounts.deregister')}
                </button>
            </div>
            {asks === 'register'
                && <Register of={a} onClose={() => setAsks(undefined)} />}
            {asks === 'deregister' && <TypedConfirm
                title={t('accounts.deregisterTitle')} word={a.name}
                action={t('accounts.deregister')}
                onDone={async () => {
                    await act('/deregister');
                }}
                onClose={() => setAsks(undefined)}>
                <p>{t('accounts.deregisterWhat')}</p>
            </TypedConfirm>}
        </>
    );
}


function Register({ of: a, onClose }: {
    of: NumberDetail; onClose: () => void;
}) {
    const act = useAct(a.id);
    const [pin, setPin] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const faults = useFaults(error);

    return (
        <Dialog title={t('accounts.registerTitle')} onClose={onClose}>
            <form className="form" onSubmit={(e: Event) => {
                e.preventDefault();

                if (busy) {
                    return;
                }

                setBusy(true);
                setError(null);
                act('/register', { pin }).then(() => {
                    toast({ text: t('accounts.registered') });
                    onClose();
                }, (x) => {
                    setError(x);
                    setBusy(false);
                });
            }}>
                <p>{t('accounts.registerWhat')}</p>
                <TextField label={t('accounts.pin')} value={pin}
                    onChange={setPin} inputMode="numeric" maxLength={6}
                    pattern="[0-9]{6}" required autoFocus dir="ltr"
                    autoComplete="one-time-code" hint={t('accounts.pinHint')}
                    fault={faults.of('/pin')} />
                <FormEnd error={error} busy={busy}
                    save={t('accounts.register')} onCancel={onClose} />
            </form>
        </Dialog>
    );
}


/* ── tokens, and the name ── */

function Tokens({ of: a }: { of: NumberDetail }) {
    const qc = useQueryClient();
    const [name, setName] = useState(a.name);
    const [token, setToken] = useState('');
    const [secret, setSecret] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const faults = useFaults(error);
    const form = useFaultFocus(error);
    const dirty = name !== a.name || token !== '' || secret !== '';

    return (
        <Card title={t('accounts.access')} hint={t('accounts.accessHint')}>
            <Facts of={[
                [t(`accounts.numberId.${a.provider}` as
                   'accounts.numberId.cloud_api'),
                 <bdi className="acc-id">{a.number_id}</bdi>],
                ...(a.business_id ? [[
                    t(a.provider === 'twilio' ? 'accounts.accountSid'
                        : 'accounts.businessId'),
                    <bdi className="acc-id">{a.business_id}</bdi>,
                ] as [string, unknown]] : []) as [],
                [t('accounts.server'),
                 <bdi className="acc-id">{a.base_url}</bdi>],
                [t('accounts.added'), moment(a.created_at)],
            ]} />
            <form className="form" ref={form} noValidate
                onSubmit={(e: Event) => {
                    e.preventDefault();

                    if (!dirty || busy) {
                        return;
                    }

                    setBusy(true);
                    setError(null);
                    call<NumberDetail>('PATCH', below(a.id), { body: {
                        ...(name !== a.name ? { name } : {}),
                        ...(token !== '' ? { token } : {}),
                        ...(secret !== '' ? { app_secret: secret } : {}),
                    } }).then(() => {
                        setToken('');
                        setSecret('');
                        toast({ text: t('form.saved') });
                        refresh(qc, a.id);
                    }, setError).finally(() => setBusy(false));
                }}>
                <TextField label={t('accounts.name')} value={name} dir="auto"
                    maxLength={100} onChange={setName}
                    fault={faults.of('/name')} />
                <div className="form-row">
                    <TextField label={t('accounts.newToken')} type="password"
                        optional value={token} onChange={setToken}
                        autoComplete="off" fault={faults.of('/token')} />
                    {a.provider !== 'twilio'
                        && <TextField label={t('accounts.newSecret')}
                            type="password" optional value={secret}
                            onChange={setSecret} autoComplete="off"
                            fault={faults.of('/app_secret')} />}
                </div>
                <FormEnd error={error} busy={busy} off={!dirty} />
            </form>
        </Card>
    );
}


/* ── what happened ── */

const LOOK: Record<string, string> = {
    WORKING: 'replied', FAILED: 'failed', down: 'failed', alive: 'replied',
    silent: 'unknown', available: 'replied', limited: 'unknown',
    blocked: 'failed',
};


function History({ of: a }: { of: NumberDetail }) {
    const list = useInfiniteQuery(infiniteQueryOptions({
        queryKey: ['history', a.id],
        initialPageParam: '',
        queryFn: ({ pageParam, signal }) => call<Page<Happening>>('GET',
            below(a.id, '/history?limit=50' + (pageParam === '' ? ''
                : `&cursor=${encodeURIComponent(pageParam)}`)), { signal }),
        getNextPageParam: (last: Page<Happening>) =>
            last.next_cursor ?? undefined,
        retry: false,
    }));
    const rows = rowsOf(list.data);

    return (
        <Card title={t('accounts.history')} hint={t('accounts.historyHint')}>
            {list.data === undefined
                ? list.isPending ? <Skeleton rows={5} kind="lines" />
                    : <Failed error={list.error}
                        retry={() => void list.refetch()} />
                : rows.length === 0
                ? <Empty icon={<Icon.Clock />}
                    title={t('accounts.historyNone')}
                    next={t('accounts.historyNoneNext')} />
                : <ol className="acc-history">
                    {rows.map((h) => (
                        <li key={h.id}
                            className={`is-${LOOK[h.state ?? '']
                                ?? 'skipped'}`}>
                            <i aria-hidden="true" />
                            <div>
                                <strong>{happened(h)}</strong>
                                {h.reason !== null && h.reason !== ''
                                    && <span className="soft">
                                        <bdi>{h.reason}</bdi>
                                    </span>}
                            </div>
                            <time dateTime={h.at}>{moment(h.at)}</time>
                        </li>
                    ))}
                </ol>}
            {list.hasNextPage && <button className="button"
                onClick={() => void list.fetchNextPage()}>
                {t('accounts.older')}
            </button>}
        </Card>
    );
}


function happened(h: Happening): string {
    const what = tMaybe(`accounts.event.${h.event}`) ?? humanise(h.event);

    if (h.state === null || h.state === '') {
        return what;
    }

    /* of a phone: whether it tells us; of others: whether they may send */
    const can = tMaybe(`accounts.can.${h.state}`);

    return t('accounts.eventState', {
        event: h.event === 'health' && can !== undefined
            ? t('accounts.event.can') : what,
        state: tMaybe(`accounts.session.${h.state}`) ?? can
            ?? tMaybe(`accounts.verdict.${h.state}`)
            ?? humanise(h.state.toLowerCase()),
    });
}

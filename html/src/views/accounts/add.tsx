/*
 * Adding a number: which way, then that way's steps, then what is left to do
 * at the provider.
 *
 *   /accounts/new ─> /accounts/new/<way> ─> (made) ─> /accounts/new/<way>/<id>
 *
 * The ways are in ways.ts; the forms of all are made from it.
 */

import { useEffect, useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { qn } from '../../api/accounts';
import type { NumberDetail } from '../../api/accounts';
import { refresh } from '../../api/accounts_live';
import { asProblem, call } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { loopback, number, sandbox, sandboxNumber } from '../../api/sandbox';
import { Link, go } from '../../lib/router';
import { t, tMaybe } from '../../lib/t';
import { FormEnd, SelectField, TextField, useFaultFocus, useFaults }
    from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card, Head, Steps } from '../../ui/page';
import { Empty, Failed, Phone, Skeleton } from '../../ui/parts';
import { CopyLine, WebhookButtons, hookAddress } from './connection';
import { SessionCard } from './session';
import { SignUp } from './signup';
import { WAYS, bodyOf, start } from './ways';
import type { Values, Way } from './ways';
import { StatusPill } from './words';

/* shown once, when a number was made; gone with the page */
const verifyTokens = new Map<string, string>();


export function Add({ provider, made }: {
    provider: string | undefined; made: string | undefined;
}) {
    const way = WAYS.find((w) => w.key === provider);

    if (way === undefined) {
        return <Choose />;
    }

    return (
        <div className="page page-narrow">
            <Head title={t(`accounts.way.${way.key}`)}
                lead={t(`accounts.way.${way.key}.lead`)}
                back={made === undefined
                    ? { to: '/accounts/new', text: t('accounts.add') }
                    : { to: '/accounts', text: t('nav.accounts') }} />
            {made !== undefined ? <Last way={way} id={made} />
                : way.key === 'sign-up' ? <SignUp onMade={(a) => done(way, a)} />
                : <Wizard key={way.key} way={way} />}
        </div>
    );
}


function Choose() {
    return (
        <div className="page">
            <Head title={t('accounts.add')} lead={t('accounts.addLead')}
                back={{ to: '/accounts', text: t('nav.accounts') }} />
            <ul className="acc-ways">
                {WAYS.map((w) => (
                    <li key={w.key}>
                        <Link to={`/accounts/new/${w.key}`}
                            className="acc-way">
                            <span className="acc-way-icon"><w.icon /></span>
                            <strong>{t(`accounts.way.${w.key}`)}</strong>
                            <span>{t(`accounts.way.${w.key}.lead`)}</span>
                            <span className="acc-way-needs">
                                {t(`accounts.way.${w.key}.needs`)}
                            </span>
                        </Link>
                    </li>
                ))}
            </ul>
        </div>
    );
}


function done(way: Way, a: NumberDetail): void {
    if (a.verify_token) {
        verifyTokens.set(a.id, a.verify_token);
    }

    go(`/accounts/new/${way.key}/${a.id}`, true);
}


/* a number of the sandbox is made there first, and told where we are */
async function makeInSandbox(v: Values): Promise<NumberDetail> {
    const qr = v['kind'] === 'waha';
    const own = sandboxNumber(qr);
    const base = `${loopback()}/sandbox`;

    await sandbox('PUT', number(own.number_id), {
        token: own.token, app_secret: own.app_secret,
        verified_name: v['name'],
    });

    const a = await call<NumberDetail>('POST', '/accounts', { body: {
        name: v['name'], provider: qr ? 'waha' : 'cloud_api',
        number_id: own.number_id, token: own.token, base_url: base,
        app_secret: own.app_secret,
        ...(qr ? {} : { phone: v['phone'], verify_token: own.verify_token }),
    } });

    if (!qr) {
        await sandbox('PUT', number(own.number_id), {
            verify_token: own.verify_token,
            display_phone_number: v['phone'],
            webhook_url: loopback() + (a.webhook_path ?? ''),
        });
    }

    return a;
}


function Wizard({ way }: { way: Way }) {
    const qc = useQueryClient();
    const [v, setValues] = useState<Values>(() => start(way));
    const [step, setStep] = useState(0);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const away = useLiveStatus() === 'offline';
    const faults = useFaults(error);
    const form = useFaultFocus(error);
    const now = way.steps[step]!;
    const last = step === way.steps.length - 1;
    const fields = way.fields.filter((f) => f.step === now);

    /* the cursor waits in the first field of each step */
    useEffect(() => {
        if (error === null) {
            form.current?.querySelector<HTMLElement>('input, select')
                ?.focus();
        }
    }, [step]);

    const make = async () => {
        setBusy(true);
        setError(null);

        try {
            const a = way.key === 'sandbox' ? await makeInSandbox(v)
                : await call<NumberDetail>('POST', '/accounts',
                                           { body: bodyOf(way, v) });

            refresh(qc, a.id);
            done(way, a);
        } catch (e) {
            /* back to the step that has the first field refused */
            const at = asProblem(e).fields.map((x) => way.fields.find(
                (f) => `/${f.name}` === x.pointer)?.step).find(Boolean);

            if (at !== undefined) {
                setStep(way.steps.indexOf(at));
            }

            setError(e);
        }

        setBusy(false);
    };

    return (
        <>
            {way.steps.length > 1 && <Steps label={t('accounts.steps')}
                at={step} onGo={setStep}
                items={[...way.steps.map((s) =>
                    t(`accounts.step.${s}`)), t('accounts.step.finish')]} />}
            <Card title={t(`accounts.step.${now}`)}
                hint={tMaybe(`accounts.step.${now}.${way.key}`)}>
                <form className="form" ref={form} onSubmit={(e: Event) => {
                    e.preventDefault();

                    if (busy || away) {
                        return;
                    }

                    if (!last) {
                        setStep(step + 1);
                        return;
                    }

                    void make();
                }}>
                    {fields.map((f) => f.options !== undefined
                        ? <SelectField key={f.name} label={t(f.label)}
                            value={v[f.name] ?? ''}
                            hint={f.hint !== undefined ? t(f.hint)
                                : undefined}
                            onChange={(x) => setValues({ ...v, [f.name]: x })}
                            options={f.options.map((o) => ({
                                value: o.value, label: t(o.label),
                            }))}
                            fault={faults.of(`/${f.name}`)} />
                        : (f.when === undefined || f.when(v))
                        && <TextField key={f.name} label={t(f.label)}
                            hint={f.hint !== undefined ? t(f.hint)
                                : undefined}
                            type={f.type ?? 'text'} name={f.name}
                            value={v[f.name] ?? ''}
                            onChange={(x) => setValues({ ...v, [f.name]: x })}
                            optional={f.optional} required={!f.optional}
                            dir={f.name === 'name' ? 'auto' : 'ltr'}
                            placeholder={f.placeholder} autoComplete="off"
                            spellCheck={false}
                            fault={faults.of(`/${f.name}`)} />)}
                    <FormEnd error={error} busy={busy} off={away}
                        save={last ? t('accounts.connect')
                            : t('accounts.next')}
                        onCancel={step > 0 ? () => setStep(step - 1)
                            : undefined} />
                </form>
            </Card>
        </>
    );
}


/* ── it is there: what is left to do ── */

function Last({ way, id }: { way: Way; id: string }) {
    const read = useQuery(qn.one(id));
    const a = read.data?.number;

    if (a === undefined) {
        return read.isPending ? <Skeleton rows={4} kind="detail" />
            : <Failed error={read.error}
                retry={() => void read.refetch()} />;
    }

    const ready = a.status === 'connected';

    return (
        <div className="stack">
            {way.steps.length > 1 && <Steps label={t('accounts.steps')}
                at={way.steps.length}
                items={[...way.steps.map((s) =>
                    t(`accounts.step.${s}`)), t('accounts.step.finish')]} />}
            {a.provider === 'waha' ? <SessionCard of={a} />
                : way.key !== 'sandbox' && <AtProvider of={a} />}
            <Card className="acc-ready">
                <Empty icon={ready ? <Icon.Check /> : <Icon.Clock />}
                    title={t(ready ? 'accounts.ready' : 'accounts.almost')}
                    next={t(ready ? 'accounts.readyNext'
                        : 'accounts.almostNext')}>
                    <p className="acc-ready-who">
                        <bdi>{a.name}</bdi>
                        <Phone of={a.phone} />
                        <StatusPill of={a.status} />
                    </p>
                    <div className="card-actions">
                        {ready && <Link to="/messages/new"
                            className="button button-main">
                            <Icon.Send />{t('accounts.writeFirst')}
                        </Link>}
                        <Link to={`/accounts/${a.id}`} className="button">
                            {t('accounts.toNumber')}
                        </Link>
                        {!ready && <Link className="button"
                            to={`/accounts/${a.id}/connection`}>
                            {t('accounts.troubleshoot')}
                        </Link>}
                    </div>
                </Empty>
            </Card>
        </div>
    );
}


function AtProvider({ of: a }: { of: NumberDetail }) {
    const verify = verifyTokens.get(a.id);

    return (
        <Card title={t('accounts.atProvider')}
            hint={t(a.provider === 'twilio' ? 'accounts.atTwilio'
                : 'accounts.atMeta')}>
            <div className="form">
                {a.webhook_path
                    && <CopyLine label={t('accounts.webhookAddress')}
                        value={hookAddress(a.webhook_path)} />}
                {a.provider === 'cloud_api' && (verify !== undefined
                    ? <CopyLine label={t('accounts.verifyToken')}
                        value={verify} hint={t('accounts.verifyOnce')} />
                    : <p className="soft">{t('accounts.verifyGone')}</p>)}
                <WebhookButtons of={a} />
            </div>
        </Card>
    );
}

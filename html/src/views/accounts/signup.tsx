/*
 * Meta's embedded sign-up.  Its window is opened as a page of its own, since
 * no script of others runs here; it comes back to /accounts/sign-up, which
 * passes the code on to the page that asked, and that asks the API.
 *
 *   app, configuration ─> Meta's window ─> code ─> POST /accounts/sign-up
 *
 * `state` ties the answer to the page that asked.
 */

import { useEffect, useRef, useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import type { NumberDetail } from '../../api/accounts';
import { refresh } from '../../api/accounts_live';
import { call, uuid } from '../../api/client';
import type { Place } from '../../lib/router';
import { t } from '../../lib/t';
import { FormEnd, TextField, useFaultFocus, useFaults } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card, Steps } from '../../ui/page';
import { Empty } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { CopyLine } from './connection';

const CHANNEL = 'herald.sign-up';
const VERSION = 'v23.0';

interface Came {
    state: string;
    code: string;
    error: string;
}

interface Made extends NumberDetail {
    subscribed?: boolean;
    registered?: boolean;
    failed?: { step: string; detail: string; fix: string }[];
}

const returnTo = () => `${location.origin}/accounts/sign-up`;


/* where Meta's window comes back to */
export function SignedUp({ place }: { place: Place }) {
    const code = place.query.get('code') ?? '';
    const error = place.query.get('error_description')
        ?? place.query.get('error') ?? '';

    useEffect(() => {
        const c = new BroadcastChannel(CHANNEL);

        c.postMessage({ state: place.query.get('state') ?? '', code, error });
        c.close();
        /* the code is good once: it does not stay in the address */
        history.replaceState(null, '', '/accounts/sign-up');
    }, []);

    const [ok] = useState(code !== '');

    return (
        <div className="page">
            <Empty icon={ok ? <Icon.Check /> : <Icon.Alert />}
                title={t(ok ? 'accounts.signup.back'
                    : 'accounts.signup.refused')}
                next={ok ? t('accounts.signup.backNext')
                    : error || t('accounts.signup.refusedNext')}>
                <button className="button" onClick={() => window.close()}>
                    {t('accounts.signup.close')}
                </button>
            </Empty>
        </div>
    );
}


export function SignUp({ onMade }: { onMade: (a: NumberDetail) => void }) {
    const qc = useQueryClient();
    const [app, setApp] = useState('');
    const [config, setConfig] = useState('');
    const [secret, setSecret] = useState('');
    const [code, setCode] = useState('');
    const [pin, setPin] = useState('');
    const [name, setName] = useState('');
    const [step, setStep] = useState(0);
    const [busy, setBusy] = useState(false);
    const [refused, setRefused] = useState('');
    const [error, setError] = useState<unknown>(null);
    const state = useRef(uuid());
    const faults = useFaults(error);
    const form = useFaultFocus(error);

    useEffect(() => {
        const c = new BroadcastChannel(CHANNEL);

        c.onmessage = (e: MessageEvent<Came>) => {
            if (e.data.state !== state.current) {
                return;
            }

            if (e.data.code === '') {
                setRefused(e.data.error || t('accounts.signup.refusedNext'));
                return;
            }

            setRefused('');
            setCode(e.data.code);
        };

        return () => c.close();
    }, []);

    const open = () => {
        const u = new URL(`https://www.facebook.com/${VERSION}/dialog/oauth`);

        u.search = new URLSearchParams({
            client_id: app.trim(), config_id: config.trim(),
            response_type: 'code', override_default_response_type: 'true',
            redirect_uri: returnTo(), state: state.current,
        }).toString();
        window.open(u, '_blank', 'noopener,width=720,height=800');
    };

    const finish = async () => {
        setBusy(true);
        setError(null);

        try {
            const a = await call<Made>('POST', '/accounts/sign-up', { body: {
                code: code.trim(), app_id: app.trim(), app_secret: secret,
                redirect_uri: returnTo(),
                ...(pin !== '' ? { pin } : {}),
                ...(name.trim() !== '' ? { name: name.trim() } : {}),
            } });

            for (const f of a.failed ?? []) {
                toast({ text: f.fix || f.detail, kind: 'failed', ms: 15000 });
            }

            refresh(qc, a.id);
            onMade(a);
        } catch (e) {
            if (faultsOf(e, '/app_id', '/app_secret')) {
                setStep(0);
            }

            setError(e);
        }

        setBusy(false);
    };

    return (
        <>
            <Steps label={t('accounts.steps')} at={step} onGo={setStep}
                items={[t('accounts.signup.app'), t('accounts.signup.window'),
                        t('accounts.step.finish')]} />
            <Card title={t(step === 0 ? 'accounts.signup.app'
                : 'accounts.signup.window')}
                hint={t(step === 0 ? 'accounts.signup.appHint'
                    : 'accounts.signup.windowHint')}>
                <form className="form" ref={form} onSubmit={(e: Event) => {
                    e.preventDefault();

                    if (step === 0) {
                        setStep(1);
                    } else if (!busy) {
                        void finish();
                    }
                }}>
                    {step === 0 ? <>
                        <CopyLine label={t('accounts.signup.returnTo')}
                            value={returnTo()}
                            hint={t('accounts.signup.returnToHint')} />
                        <div className="form-row">
                            <TextField label={t('accounts.signup.appId')}
                                value={app} onChange={setApp} required
                                dir="ltr" inputMode="numeric"
                                fault={faults.of('/app_id')} />
                            <TextField label={t('accounts.signup.config')}
                                value={config} onChange={setConfig} required
                                dir="ltr" inputMode="numeric"
                                hint={t('accounts.signup.configHint')} />
                        </div>
                        <TextField label={t('accounts.appSecret')}
                            type="password" value={secret} required
                            onChange={setSecret} autoComplete="off"
                            hint={t('accounts.appSecretHint')}
                            fault={faults.of('/app_secret')} />
                    </> : <>
                        <div className="acc-signup">
                            <button type="button"
                                className="button button-main"
                                onClick={open}>
                                <Icon.Out />{t('accounts.signup.open')}
                            </button>
                            <span className="soft" role="status">
                                {code !== '' ? t('accounts.signup.came')
                                    : t('accounts.signup.waiting')}
                            </span>
                        </div>
                        {refused !== '' && <p className="notice is-failed"
                            role="alert"><span>{refused}</span></p>}
                        <TextField label={t('accounts.signup.code')}
                            value={code} onChange={setCode} required
                            dir="ltr" autoComplete="off"
                            hint={t('accounts.signup.codeHint')}
                            fault={faults.of('/code')} />
                        <div className="form-row">
                            <TextField label={t('accounts.pin')} optional
                                value={pin} onChange={setPin} dir="ltr"
                                inputMode="numeric" maxLength={6}
                                hint={t('accounts.pinHint')}
                                fault={faults.of('/pin')} />
                            <TextField label={t('accounts.name')} optional
                                value={name} onChange={setName} dir="auto"
                                hint={t('accounts.signup.nameHint')}
                                fault={faults.of('/name')} />
                        </div>
                    </>}
                    <FormEnd error={error} busy={busy}
                        save={t(step === 0 ? 'accounts.next'
                            : 'accounts.connect')}
                        onCancel={step > 0 ? () => setStep(0) : undefined} />
                </form>
            </Card>
        </>
    );
}


function faultsOf(e: unknown, ...pointers: string[]): boolean {
    const errors = (e as { errors?: { pointer?: string }[] }).errors ?? [];

    return errors.some((x) => pointers.includes(x.pointer ?? ''));
}

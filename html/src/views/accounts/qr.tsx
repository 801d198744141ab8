/*
 * The code to scan: large, on white in either theme, with the time that it
 * lives; the code to type instead; and what to do when there is none.
 *
 *   off ── start ──> starting ──> code 1 … code n ── scanned ──> connected
 *                                      └─ nobody scanned ──> failed ── again
 *
 * A code is a way into the number: it is not kept in the cache, and its
 * picture is asked for anew each time.
 */

import { useEffect, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { qn, useAct } from '../../api/accounts';
import type { NumberDetail, Qr, Session } from '../../api/accounts';
import { Problem } from '../../api/client';
import { num } from '../../lib/format';
import { vars } from '../../lib/hooks';
import { t } from '../../lib/t';
import { CopyButton, TextField, useFaults } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Notice } from '../../ui/parts';
import { ScanItself } from './sandbox';
import { isSandbox } from './words';

const SOON_MS = 2000;


export function QrPanel({ id, of, session }: {
    id: string; of: NumberDetail; session: Session;
}) {
    const act = useAct(id);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const [typing, setTyping] = useState(false);
    const off = session.state === null || session.state === 'STOPPED'
        || session.state === 'DELETED';

    const qr = useQuery({
        ...qn.qr(id),
        enabled: !off,
        refetchInterval: (self) => {
            const d = self.state.data;

            /* the next one a moment after this one's end */
            return d !== undefined && self.state.error === null
                ? Math.max(1000, Date.parse(d.expires_at) - Date.now() + 500)
                : SOON_MS;
        },
    });

    const run = (verb: 'start' | 'restart') => () => {
        setBusy(true);
        setError(null);
        act(`/session/${verb}`).catch(setError)
            .finally(() => setBusy(false));
    };

    if (off || session.state === 'FAILED') {
        const verb = off ? 'start' : 'restart';

        return (
            <div className="acc-qr-none">
                <h4>{t(off ? 'accounts.qr.off' : 'accounts.qr.failed')}</h4>
                <p className="soft">
                    {t(off ? 'accounts.qr.offNext'
                        : 'accounts.qr.failedNext')}
                </p>
                {error !== null && <Notice error={error} />}
                <button className="button button-main" type="button"
                    aria-disabled={busy ? 'true' : undefined}
                    onClick={run(verb)}>
                    {t(busy ? 'accounts.session.busy'
                        : off ? 'accounts.qr.show' : 'accounts.qr.again')}
                </button>
            </div>
        );
    }

    const code = qr.error === null ? qr.data : undefined;
    const hard = qr.error instanceof Problem && qr.error.status !== 409;

    return (
        <div className="acc-qr">
            {hard ? <Notice error={qr.error} />
                : <Picture code={code} />}
            <div className="acc-qr-how">
                <h4>{t(typing ? 'accounts.qr.typeTitle'
                    : 'accounts.qr.title')}</h4>
                <ol>
                    <li>{t('accounts.qr.step1')}</li>
                    <li>{t('accounts.qr.step2')}</li>
                    <li>{t(typing ? 'accounts.qr.step3type'
                        : 'accounts.qr.step3')}</li>
                </ol>
                {typing ? <Pairing id={id} phone={of.phone} />
                    : <button type="button" className="text-link"
                        onClick={() => setTyping(true)}>
                        {t('accounts.qr.noCamera')}
                    </button>}
                {isSandbox(of) && <ScanItself of={of} />}
            </div>
        </div>
    );
}


function useSeconds(until: string | undefined): number {
    const [now, setNow] = useState(Date.now());

    useEffect(() => {
        setNow(Date.now());

        const timer = setInterval(() => setNow(Date.now()), 500);

        return () => clearInterval(timer);
    }, [until]);

    return until === undefined ? 0
        : Math.max(0, Math.ceil((Date.parse(until) - now) / 1000));
}


function Picture({ code }: { code: Qr | undefined }) {
    const left = useSeconds(code?.expires_at);
    const whole = code?.n === 1 ? 60 : 20;

    return (
        <figure className={`acc-qr-frame${code === undefined || left === 0
            ? ' is-old' : ''}`}>
            <div className="acc-qr-paper">
                {code !== undefined
                    ? <svg viewBox={code.box} role="img"
                        aria-label={t('accounts.qr.alt')}
                        shape-rendering="crispEdges">
                        <path d={code.path} />
                    </svg>
                    : <span className="acc-qr-wait" aria-hidden="true" />}
            </div>
            <figcaption>
                <span className="acc-qr-time" role="timer" aria-live="off">
                    {code === undefined ? t('accounts.qr.coming')
                        : left === 0 ? t('accounts.qr.next')
                        : t('accounts.qr.left', { s: num(left) })}
                </span>
                {code !== undefined && <span className="soft">
                    {t('accounts.qr.nth', { n: num(code.n),
                                            of: num(code.of) })}
                </span>}
                <span className="acc-qr-bar" aria-hidden="true">
                    <i style={vars({ '--p': Math.min(1, left / whole) })} />
                </span>
            </figcaption>
        </figure>
    );
}


function Pairing({ id, phone }: { id: string; phone: string | null }) {
    const act = useAct(id);
    const [of, setOf] = useState(phone ?? '');
    const [code, setCode] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const faults = useFaults(error);

    return (
        <form className="form" onSubmit={(e: Event) => {
            e.preventDefault();

            if (busy) {
                return;
            }

            setBusy(true);
            setError(null);
            act<{ code: string }>('/pairing-code', { phone: of })
                .then((r) => setCode(r.code), setError)
                .finally(() => setBusy(false));
        }}>
            <TextField label={t('accounts.qr.phone')} type="tel" value={of}
                onChange={setOf} required dir="ltr" autoComplete="tel"
                placeholder="+254 712 345678"
                fault={faults.of('/phone')} />
            {error !== null && !faults.any && <Notice error={error} />}
            {code === ''
                ? <button className="button"
                    aria-disabled={busy ? 'true' : undefined}>
                    <Icon.Key />
                    {t(busy ? 'accounts.asking' : 'accounts.qr.getCode')}
                </button>
                : <p className="acc-code" role="status">
                    <output dir="ltr">{code}</output>
                    <CopyButton text={code} />
                </p>}
        </form>
    );
}

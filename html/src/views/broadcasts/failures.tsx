/*
 * What went wrong, by cause: how many, what to do about it, and sending again
 * to those for whom it may help.  Who may have got it is asked about apart.
 */

import { useEffect, useState } from 'react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call, uuid } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { num } from '../../lib/format';
import { t, tMaybe, tn } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { Toggle } from '../../ui/form';
import { Dialog, Notice } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { pathOf, usePart } from './model';
import type { Cause, Full } from './model';

interface Resent {
    resent: number;
    left: Cause[];
    warning: string | null;
}


function wordsOf(c: Cause): string {
    return (c.code !== null ? tMaybe(`error.${c.code}`) : undefined)
           ?? (c.reason !== null ? tMaybe(`cause.${c.reason}`) : undefined)
           ?? c.words;
}


export function Failures({ of: b, send }: { of: Full; send: boolean }) {
    const c = b.counters;
    const some = c.failed + c.unknown > 0;
    const list = usePart<Cause>(b.id, 'failures', b.status === 'sending',
                                some);
    const [ask, setAsk] = useState(false);
    const offline = useLiveStatus() === 'offline';
    const rows = list.data ?? [];
    const again = rows.filter((x) => x.may_resend)
        .reduce((n, x) => n + x.count, 0);
    const held = rows.filter((x) => x.class === 'unknown')
        .reduce((n, x) => n + x.count, 0);

    /* the counters say that there are others now */
    useEffect(() => {
        if (some) {
            void list.refetch();
        }
    }, [c.failed, c.unknown]);

    if (!some || rows.length === 0) {
        return null;
    }

    const open = send && b.status !== 'cancelled' && again + held > 0;

    return (
        <section className="results failures"
            aria-labelledby="failures-title">
            <header className="results-head">
                <h3 id="failures-title" className="section-title">
                    {t('failures.title')}
                </h3>
                {open
                    && <button className="button button-small"
                        aria-disabled={offline ? 'true' : undefined}
                        title={offline ? t('new.offline') : undefined}
                        onClick={() => {
                            if (!offline) {
                                setAsk(true);
                            }
                        }}>
                        <Icon.Undo />
                        {again > 0 ? tn('failures.resend', again)
                            : t('failures.resendUnknown')}
                    </button>}
            </header>
            <ul className="causes">
                {rows.map((x) => (
                    <li key={`${x.code ?? x.reason}${x.class}`}
                        className={`cause ${x.class === 'unknown'
                            ? 'is-unknown' : 'is-failed'}`}
                        data-cause={x.code ?? x.reason}>
                        <strong className="cause-count">
                            {num(x.count)}</strong>
                        <div className="cause-text">
                            <p>
                                <strong>{wordsOf(x)}</strong>
                                {x.code !== null
                                    && <span className="soft">
                                        {' '}{t('recipients.code', {
                                            code: x.code,
                                        })}</span>}
                            </p>
                            <p className="soft">
                                <bdi>{tMaybe(`fix.${x.code ?? x.reason}`)
                                    ?? x.fix}</bdi>
                            </p>
                        </div>
                        <span className={`cause-may ${x.may_resend
                            ? 'is-replied' : ''}`}
                            title={x.why ?? undefined}>
                            {x.may_resend ? <Icon.Check /> : <Icon.Skip />}
                            {t(x.may_resend ? 'failures.may'
                                : x.class === 'unknown' ? 'failures.held'
                                : 'failures.mayNot')}
                        </span>
                    </li>
                ))}
            </ul>
            {ask
                && <Resend of={b} again={again} held={held}
                    onClose={() => setAsk(false)} />}
        </section>
    );
}


function Resend({ of: b, again, held, onClose }: {
    of: Full; again: number; held: number; onClose: () => void;
}) {
    const qc = useQueryClient();
    const [unknown, setUnknown] = useState(false);
    const n = again + (unknown ? held : 0);

    const resend = useMutation({
        mutationFn: (all: boolean) => call<Resent>('POST', `${pathOf(b.id)}/resend`, {
            body: all ? { include_unknown: true } : {},
            headers: { 'Idempotency-Key': uuid() },
        }),
        onSuccess: (r) => {
            void qc.invalidateQueries({ queryKey: ['broadcast', b.id] });
            void qc.invalidateQueries({ queryKey: ['broadcasts'] });
            void qc.invalidateQueries({ queryKey: ['recipients', b.id] });
            void qc.invalidateQueries({
                queryKey: ['broadcast-part', b.id],
            });
            toast({ text: tn('failures.resent', r.resent) });
            onClose();
        },
    });

    return (
        <Dialog title={t('failures.resendTitle')} onClose={onClose}>
            <p>{tn('failures.resendText', n)}</p>
            {held > 0
                && <Toggle label={tn('failures.include', held)} on={unknown}
                    hint={t('failures.includeHint')}
                    onChange={setUnknown} />}
            {resend.isError && <Notice error={resend.error} />}
            <div className="dialog-actions">
                <button className="button" onClick={onClose}>
                    {t('form.cancel')}
                </button>
                <button className="button button-main"
                    aria-disabled={n === 0 || resend.isPending ? 'true'
                        : undefined}
                    onClick={() => {
                        if (n > 0 && !resend.isPending) {
                            resend.mutate(unknown);
                        }
                    }}>
                    {resend.isPending ? t('failures.resending')
                        : t('failures.resendYes')}
                </button>
            </div>
        </Dialog>
    );
}

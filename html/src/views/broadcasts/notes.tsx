/*
 * Beside a broadcast: why it stands still and what to do about it; and what
 * else can be done with it: edit, duplicate, throw away.
 */

import { useState } from 'react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call, uuid } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { Link, go } from '../../lib/router';
import { t, tMaybe } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { Dialog, Notice } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { pathOf } from './model';
import type { Full } from './model';

/* where the cause is mended */
const MENDS: Record<string, string> = {
    account: '/accounts', quality: '/accounts', spend_limit: '/settings',
    template_paused: '/templates', template_disabled: '/templates',
    template_rejected: '/templates',
};


export function Paused({ of: b }: { of: Full }) {
    const reason = b.pause_reason ?? 'somebody';
    const mend = MENDS[reason];

    return (
        <div className={`notice ${b.pause_reason === null ? ''
            : 'is-unknown'}`} data-reason={reason}>
            <Icon.Pause />
            <div>
                <p><strong>
                    {tMaybe(`pause.${reason}`) ?? t('pause.other')}
                </strong></p>
                {b.pause_detail !== null && <p>{b.pause_detail}</p>}
                <p>
                    {tMaybe(`pause.fix.${reason}`)
                        ?? t('pause.fix.somebody')}
                    {mend !== undefined
                        && <>{' '}<Link to={mend} className="text-link">
                            {t('pause.mend')}</Link></>}
                </p>
            </div>
        </div>
    );
}


export function More({ of: b }: { of: Full }) {
    const qc = useQueryClient();
    const offline = useLiveStatus() === 'offline';
    const [ask, setAsk] = useState(false);
    const early = b.status === 'draft'
        || b.status === 'scheduled' && b.counters.audience === 0;

    const copy = useMutation({
        mutationFn: () => call<Full>('POST', '/broadcasts', {
            body: {
                name: t('broadcast.copyName', { name: b.name }).slice(0, 200),
                account_id: b.account_id, audience: b.audience,
                ...(b.variants === null
                    ? { template_id: b.template_id }
                    : { variants: b.variants }),
                variables: b.variables, rate_limit: b.rate_limit || null,
                local_time: b.local_time, holdout: b.holdout || null,
                test: b.test, ramp: b.ramp,
                guard: Object.keys(b.guard).length > 0 ? b.guard : null,
                draft: true,
            },
            headers: { 'Idempotency-Key': uuid() },
        }),
        onSuccess: (made) => {
            void qc.invalidateQueries({ queryKey: ['broadcasts'] });
            go(`/broadcasts/${made.id}/edit`);
        },
    });

    const drop = useMutation({
        mutationFn: () => call<undefined>('DELETE', pathOf(b.id)),
        onSuccess: () => {
            go('/broadcasts', true);
            qc.removeQueries({ queryKey: ['broadcast', b.id] });
            void qc.invalidateQueries({ queryKey: ['broadcasts'] });
            toast({ text: t('broadcast.dropped') });
        },
    });

    const error = copy.error ?? drop.error;

    return (
        <>
            {early
                && <Link className="button" to={`/broadcasts/${b.id}/edit`}>
                    <Icon.Edit />{t('broadcast.edit')}
                </Link>}
            <button className="button button-quiet"
                aria-disabled={copy.isPending || offline}
                title={offline ? t('new.offline') : undefined}
                onClick={() => {
                    if (!copy.isPending && !offline) {
                        copy.mutate();
                    }
                }}>
                <Icon.Copy />{t('broadcast.copy')}
            </button>
            {b.status === 'draft'
                && <button className="button button-quiet is-failed"
                    aria-disabled={offline} onClick={() => {
                        if (!offline) {
                            setAsk(true);
                        }
                    }}>
                    <Icon.Trash />{t('broadcast.drop')}
                </button>}
            {error !== null
                && <Notice error={error} onClose={() => {
                    copy.reset();
                    drop.reset();
                }} />}
            {ask
                && <Dialog title={t('broadcast.dropTitle')}
                    onClose={() => setAsk(false)}>
                    <p><strong><bdi>{b.name}</bdi></strong></p>
                    <p>{t('broadcast.dropText')}</p>
                    <div className="dialog-actions">
                        <button className="button"
                            onClick={() => setAsk(false)}>
                            {t('broadcast.keep')}
                        </button>
                        <button className="button button-bad"
                            onClick={() => {
                                setAsk(false);
                                drop.mutate();
                            }}>
                            {t('broadcast.drop')}
                        </button>
                    </div>
                </Dialog>}
        </>
    );
}

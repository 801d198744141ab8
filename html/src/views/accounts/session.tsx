/*
 * The session of a phone behind a QR code: its state, its buttons, and the
 * code while it waits to be scanned.
 */

import { useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { qn, useAct } from '../../api/accounts';
import type { NumberDetail } from '../../api/accounts';
import { useLiveStatus } from '../../api/live';
import { useMay } from '../../api/me';
import { humanise, moment } from '../../lib/format';
import { t, tMaybe } from '../../lib/t';
import { TypedConfirm } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card } from '../../ui/page';
import { Failed, Notice, Skeleton } from '../../ui/parts';
import { QrPanel } from './qr';

const LOOK: Record<string, string> = {
    WORKING: 'replied', SCAN_QR_CODE: 'read', STARTING: 'read',
    FAILED: 'failed',
};


/* the provider's own word where we have none: unknown states are shown */
export function sessionWord(state: string | null): string {
    return state === null ? t('accounts.session.none')
        : tMaybe(`accounts.session.${state}`)
          ?? humanise(state.toLowerCase());
}


export function SessionState({ state }: { state: string | null }) {
    return (
        <span className={`pill is-${LOOK[state ?? ''] ?? 'skipped'}`}
            data-session={state ?? ''}>
            <i aria-hidden="true" />{sessionWord(state)}
        </span>
    );
}


export function SessionCard({ of: a }: { of: NumberDetail }) {
    const session = useQuery(qn.session(a.id));
    const admin = useMay('admin');
    const s = session.data;
    const waits = s !== undefined && s.state !== 'WORKING';

    return (
        <Card className="acc-session" title={t('accounts.session')}
            hint={s?.state_at ? t('accounts.since',
                { time: moment(s.state_at) }) : undefined}
            actions={s !== undefined
                && <SessionState state={s.state} />}>
            {s === undefined
                ? session.isPending ? <Skeleton rows={2} kind="lines" />
                    : <Failed error={session.error}
                        retry={() => void session.refetch()} />
                : waits && admin ? <QrPanel id={a.id} of={a} session={s} />
                : waits ? <p>{t('accounts.session.askAdmin')}</p>
                : <p>{t('accounts.session.workingHint')}</p>}
            {s !== undefined && admin
                && <SessionButtons of={a} state={s.state} />}
        </Card>
    );
}


function SessionButtons({ of: a, state }: {
    of: NumberDetail; state: string | null;
}) {
    const act = useAct(a.id);
    const away = useLiveStatus() === 'offline';
    const [busy, setBusy] = useState('');
    const [error, setError] = useState<unknown>(null);
    const [leaving, setLeaving] = useState(false);

    const run = async (verb: string) => {
        if (busy !== '' || away) {
            return;
        }

        setBusy(verb);
        setError(null);
        await act(`/session/${verb}`).catch(setError);
        setBusy('');
    };

    const button = (verb: 'start' | 'restart' | 'stop', shape: unknown) => (
        <button className="button button-small" type="button"
            aria-disabled={busy !== '' || away ? 'true' : undefined}
            onClick={() => void run(verb)}>
            {shape as null}
            {t(busy === verb ? 'accounts.session.busy'
                : `accounts.session.${verb}`)}
        </button>
    );

    const off = state === null || state === 'STOPPED' || state === 'DELETED';

    return (
        <>
            {error !== null
                && <Notice error={error} onClose={() => setError(null)} />}
            <div className="card-actions">
                {off && state !== null && button('start', <Icon.Play />)}
                {!off && button('restart', <Icon.Undo />)}
                {!off && button('stop', <Icon.Stop />)}
                {state === 'WORKING'
                    && <button className="button button-small" type="button"
                        onClick={() => setLeaving(true)}>
                        <Icon.Out />{t('accounts.session.logout')}
                    </button>}
            </div>
            {leaving && <TypedConfirm
                title={t('accounts.session.logoutTitle')} word={a.name}
                action={t('accounts.session.logout')}
                onDone={async () => {
                    await act('/session/logout');
                }}
                onClose={() => setLeaving(false)}>
                <p>{t('accounts.session.logoutWhat')}</p>
            </TypedConfirm>}
        </>
    );
}

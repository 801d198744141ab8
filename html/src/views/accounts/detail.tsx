/*
 * One number: its head with what can be done at any time, and its tabs.
 */

import { useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { qn, useAct } from '../../api/accounts';
import type { NumberDetail } from '../../api/accounts';
import { Problem, asProblem } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { useMay } from '../../api/me';
import { Link } from '../../lib/router';
import { t, tn } from '../../lib/t';
import { Head, Tabs } from '../../ui/page';
import * as Icon from '../../ui/icons';
import { Empty, Failed, Phone, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { Connection } from './connection';
import { Limits } from './limits';
import { Overview } from './overview';
import { ProfileTab } from './profile';
import { SandboxTab } from './sandbox';
import { StatusPill, isSandbox, namesRoute, providerName } from './words';

const TABS = ['', 'limits', 'profile', 'connection', 'sandbox'] as const;


export function Detail({ id, tab }: { id: string; tab: string }) {
    const read = useQuery(qn.one(id));
    const back = { to: '/accounts', text: t('nav.accounts') };

    if (read.data === undefined) {
        const gone = read.error instanceof Problem
            && (read.error.status === 404 || read.error.status === 422);

        return (
            <div className="page">
                <Head title={t('accounts.one')} back={back} />
                {read.isPending ? <Skeleton rows={5} kind="detail" />
                    : gone ? <Empty icon={<Icon.Phone />}
                        title={t('accounts.missing')}>
                        <Link to="/accounts" className="button">
                            {t('accounts.all')}
                        </Link>
                    </Empty>
                    : <Failed error={read.error}
                        retry={() => void read.refetch()} />}
            </div>
        );
    }

    const a = read.data.number;
    const tabs = TABS.filter((x) => x !== 'sandbox' || isSandbox(a));

    return (
        <div className="page">
            <Head back={back}
                title={<bdi>{a.name}</bdi>}
                lead={<span className="acc-lead">
                    {a.phone && <Phone of={a.phone} />}
                    <span>{isSandbox(a) ? t('accounts.sandboxOf',
                        { provider: providerName(a.provider) })
                        : providerName(a.provider)}</span>
                    <StatusPill of={a.status} />
                </span>}>
                <Actions of={a} />
            </Head>
            {(a.provider !== 'waha' || a.status_reason === 'user'
              || tab !== '') && <Stopped of={a} />}
            <Tabs label={t('accounts.one')} at={tab}
                items={tabs.map((x) => ({
                    key: x, to: `/accounts/${id}${x === '' ? '' : `/${x}`}`,
                    text: t(`accounts.tab.${x === '' ? 'overview' : x}`),
                }))} />
            {tab === 'limits' ? <Limits read={read.data} />
                : tab === 'profile' ? <ProfileTab of={a} />
                : tab === 'connection' ? <Connection of={a} />
                : tab === 'sandbox' && isSandbox(a) ? <SandboxTab of={a} />
                : <Overview of={a} />}
        </div>
    );
}


function Actions({ of: a }: { of: NumberDetail }) {
    const act = useAct(a.id);
    const may = useMay('send');
    const away = useLiveStatus() === 'offline';
    const [busy, setBusy] = useState('');

    if (!may) {
        return null;
    }

    const go = (what: 'pause' | 'resume' | 'check') => async () => {
        if (busy !== '' || away) {
            return;
        }

        setBusy(what);

        try {
            const qr = a.provider === 'waha';
            const now = await act<NumberDetail>(what === 'check' && qr
                ? '/session/check' : `/${what}`);
            const stopped = now.paused_broadcasts ?? 0;

            toast(what === 'pause'
                ? { text: t('accounts.pausedDone'), undo: async () => {
                    await act('/resume').catch(failed);
                } }
                : what === 'resume'
                ? { text: stopped > 0 ? tn('accounts.resumedMore', stopped)
                    : t('accounts.resumedDone') }
                : { text: t(qr ? 'accounts.checking'
                    : 'accounts.checkedDone') });
        } catch (e) {
            failed(e);
        }

        setBusy('');
    };

    const off = away || busy !== '' ? 'true' as const : undefined;

    return (
        <>
            <button className="button" aria-disabled={off}
                onClick={() => void go('check')()}>
                <Icon.Query />
                {t(busy === 'check' ? 'accounts.asking' : 'accounts.check')}
            </button>
            {a.status === 'connected'
                ? <button className="button" aria-disabled={off}
                    onClick={() => void go('pause')()}>
                    <Icon.Pause />{t('accounts.pause')}
                </button>
                : (a.provider !== 'waha' || a.status_reason === 'user')
                && <button className="button button-main" aria-disabled={off}
                    onClick={() => void go('resume')()}>
                    <Icon.Play />{t('accounts.resume')}
                </button>}
        </>
    );
}


export function failed(e: unknown): void {
    toast({ text: asProblem(e).words, kind: 'failed' });
}


/* why nothing goes out, and what to do */
function Stopped({ of: a }: { of: NumberDetail }) {
    if (a.status === 'connected') {
        return null;
    }

    const user = a.status_reason === 'user';

    return (
        <div className={`notice acc-stopped ${user ? 'is-unknown'
            : 'is-failed'}`} role="status">
            <Icon.Alert />
            <div>
                <p><strong>{user ? t('accounts.pausedByUser')
                    : a.provider === 'waha' ? t('accounts.unlinkedOne')
                    : a.status_text ?? a.status_reason
                      ?? t('accounts.notConnected')}</strong></p>
                <p>{user ? t('accounts.pausedNext')
                    : a.status_fix !== null && a.provider !== 'waha'
                      && !namesRoute(a.status_fix)
                    ? a.status_fix : t('accounts.notConnectedNext')}</p>
            </div>
            {!user && <Link className="text-link"
                to={`/accounts/${a.id}${a.provider === 'waha' ? ''
                    : '/connection'}`}>
                {t(a.provider === 'waha' ? 'accounts.toSession'
                    : 'accounts.troubleshoot')}
            </Link>}
        </div>
    );
}

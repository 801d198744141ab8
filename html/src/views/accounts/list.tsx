/*
 * All numbers: what state each is in, how good its provider says it is, and
 * what may still be sent today.
 */

import { useQuery } from '@tanstack/react-query';
import { qn } from '../../api/accounts';
import type { OwnNumber, QueueRow } from '../../api/accounts';
import { useMay } from '../../api/me';
import { num } from '../../lib/format';
import { Link } from '../../lib/router';
import { t, tn } from '../../lib/t';
import { Head } from '../../ui/page';
import * as Icon from '../../ui/icons';
import { Empty, Failed, Phone, Skeleton } from '../../ui/parts';
import { Quality, StatusPill, Used, isSandbox, namesRoute, providerName,
    speedWords } from './words';


export function List() {
    const list = useQuery(qn.list());
    const queue = useQuery(qn.queue());
    const admin = useMay('admin');
    const rows = list.data?.data ?? [];

    return (
        <div className="page">
            <Head title={t('nav.accounts')} lead={t('accounts.lead')}>
                {admin && rows.length > 0
                    && <Link to="/accounts/new"
                        className="button button-main">
                        <Icon.Plus />{t('accounts.add')}
                    </Link>}
            </Head>
            {list.isPending ? <Skeleton rows={4} kind="tall" />
                : list.data === undefined
                ? <Failed error={list.error}
                    retry={() => void list.refetch()} />
                : rows.length === 0
                ? <Empty icon={<Icon.Phone />} title={t('accounts.empty')}
                    next={t(admin ? 'accounts.emptyNext'
                        : 'accounts.emptyAsk')}>
                    {admin && <Link to="/accounts/new"
                        className="button button-main">
                        <Icon.Plus />{t('accounts.add')}
                    </Link>}
                </Empty>
                : <ul className="acc-list" aria-label={t('nav.accounts')}>
                    {rows.map((a) => (
                        <Row key={a.id} of={a} now={queue.data?.data.find(
                            (r) => r.account_id === a.id)} />
                    ))}
                </ul>}
        </div>
    );
}


function Row({ of: a, now }: { of: OwnNumber; now: QueueRow | undefined }) {
    const waits = now === undefined ? 0
        : now.depth.reply + now.depth.broadcast;

    return (
        <li className="acc-row">
            <div className="acc-who">
                <Link to={`/accounts/${a.id}`} className="acc-name">
                    <bdi>{a.name}</bdi>
                </Link>
                <span className="soft">
                    {a.phone && <Phone of={a.phone} />}
                    <span>{isSandbox(a) ? t('accounts.sandboxOf',
                        { provider: providerName(a.provider) })
                        : providerName(a.provider)}</span>
                </span>
            </div>
            <div className="acc-state">
                <StatusPill of={a.status} />
            </div>
            <dl className="acc-numbers">
                <div>
                    <dt>{t('accounts.quality')}</dt>
                    <dd><Quality of={a.quality} /></dd>
                </div>
                <div>
                    <dt>{t('accounts.dayLimit')}</dt>
                    <dd>{now?.daily ? <Used used={now.daily.sent}
                        of={now.daily.cap} /> : t('accounts.none')}</dd>
                </div>
                <div>
                    <dt>{t('accounts.newPeople')}</dt>
                    <dd>{now?.portfolio?.limit ? <Used
                        used={now.portfolio.used_24h}
                        of={now.portfolio.limit} />
                        : t(a.provider === 'cloud_api'
                            ? 'accounts.notTold' : 'accounts.none')}</dd>
                </div>
                <div>
                    <dt>{t('accounts.speed')}</dt>
                    <dd>
                        {speedWords(a)}
                        {waits > 0 && <small>
                            {tn('accounts.waiting', waits,
                                { n: num(waits) })}
                        </small>}
                    </dd>
                </div>
            </dl>
            {a.status !== 'connected' && <p className="acc-why">
                {a.status_reason === 'user' ? t('accounts.pausedByUser')
                    : a.provider === 'waha' ? t('accounts.unlinked')
                    : a.status_text ?? a.status_reason
                      ?? t('accounts.notConnected')}
                {a.status_fix !== null && a.provider !== 'waha'
                    && !namesRoute(a.status_fix)
                    && <> {a.status_fix}</>}
            </p>}
        </li>
    );
}

/*
 * The queue: what waits, since when, and how fast it may go, number by number.
 * It is asked for every two seconds while it is looked at.
 */

import { useQuery } from '@tanstack/react-query';
import { call } from '../api/client';
import { duration, humanise, num, share } from '../lib/format';
import { vars } from '../lib/hooks';
import { Link } from '../lib/router';
import type { Place } from '../lib/router';
import { t, tMaybe, tn } from '../lib/t';
import * as Icon from '../ui/icons';
import { Card, Head, Stat } from '../ui/page';
import { Empty, Failed, Skeleton } from '../ui/parts';

interface Late {
    le_ms: number | null;
    count: number;                     /* those below it as well */
}

interface QueueNumber {
    account_id: string;
    name: string;
    status: string;
    depth: { reply: number; broadcast: number; deferred: number };
    oldest_age_s: number | null;
    rate: { limit: number; share: number; tokens: number | null;
            wait_ms: number };
    breaker: 'closed' | 'open';
    lateness: Late[];
    daily: { cap: number; sent: number; left: number } | null;
    portfolio: { id: string; limit: number | null; used_24h: number;
                 left: number | null } | null;
    broadcasts: { id: string; name: string; status: string;
                  queued: number }[];
}

interface QueueAnswer {
    data: QueueNumber[];
    total: { depth: number; oldest_age_s: number | null; more: boolean };
}

const POLL_MS = 2000;
const KINDS = ['reply', 'broadcast', 'deferred'] as const;


export function Queue({ place }: { place: Place }) {
    const query = useQuery({
        queryKey: ['queue'],
        queryFn: ({ signal }) => call<QueueAnswer>('GET', '/queue',
                                                   { signal }),
        refetchInterval: POLL_MS,
        staleTime: 0,
    });
    const data = query.data;

    void place;

    return (
        <div className="page queue">
            <Head title={t('nav.queue')} lead={t('queue.lead')} />
            {data === undefined
                ? query.isError
                    ? <Failed error={query.error}
                        retry={() => void query.refetch()} />
                    : <Skeleton rows={6} kind="tall" />
                : data.data.length === 0
                ? <Empty icon={<Icon.Queue />} title={t('queue.none')}
                    next={t('queue.noneNext')}>
                    <Link to="/accounts" className="button">
                        {t('nav.accounts')}
                    </Link>
                </Empty>
                : <Whole of={data} />}
        </div>
    );
}


function Whole({ of }: { of: QueueAnswer }) {
    const sum = (k: typeof KINDS[number]) =>
        of.data.reduce((n, a) => n + a.depth[k], 0);
    const oldest = of.total.oldest_age_s;

    return (
        <>
            <section className="stats queue-stats"
                aria-label={t('queue.totals')}>
                <Stat label={t('queue.waiting')}
                    value={of.total.more
                        ? t('queue.atLeast', { n: num(of.total.depth) })
                        : num(of.total.depth)}
                    note={t('queue.waitingNote')} />
                <Stat label={t('queue.oldest')}
                    value={oldest === null ? '–' : duration(oldest)}
                    note={t('queue.oldestNote')} />
                <Stat label={t('queue.reply')} value={num(sum('reply'))}
                    note={t('queue.replyNote')} />
                <Stat label={t('queue.deferred')}
                    value={num(sum('deferred'))}
                    note={t('queue.deferredNote')} />
            </section>
            <div className="stack">
                {of.data.map((a) => <OfNumber key={a.account_id} of={a} />)}
            </div>
        </>
    );
}


function OfNumber({ of }: { of: QueueNumber }) {
    const total = KINDS.reduce((n, k) => n + of.depth[k], 0);
    const open = of.breaker === 'open';
    const slowed = of.rate.limit > 0 && of.rate.share < 1;

    return (
        <Card
            title={<Link to={`/accounts/${of.account_id}`}>
                <bdi>{of.name}</bdi>
            </Link>}
            hint={tMaybe(`queue.status.${of.status}`)
                ?? humanise(of.status)}
            actions={<span className={`pill is-${open ? 'failed'
                : slowed ? 'unknown' : total > 0 ? 'sending' : 'completed'}`}>
                <i />{t(open ? 'queue.open' : slowed ? 'queue.slowed'
                    : total > 0 ? 'queue.busy' : 'queue.rest')}
            </span>}>
            {open
                && <p className="notice is-failed">
                    <Icon.Alert /><span>{t('queue.openMore')}</span>
                </p>}
            <div className="queue-columns">
                <section>
                    <h4>{t('queue.waiting')}</h4>
                    <dl className="queue-bars">
                        {KINDS.map((k) => (
                            <Bar key={k} label={t(`queue.${k}`)}
                                part={of.depth[k]} all={total}
                                value={num(of.depth[k])} />
                        ))}
                    </dl>
                    {of.oldest_age_s !== null
                        && <p className="soft queue-note">
                            {t('queue.oldestOf',
                               { age: duration(of.oldest_age_s) })}
                        </p>}
                </section>
                <section>
                    <h4>{t('queue.pace')}</h4>
                    <dl className="queue-facts">
                        {pace(of).map(([name, value]) => (
                            <div key={name}>
                                <dt>{name}</dt><dd>{value}</dd>
                            </div>
                        ))}
                    </dl>
                </section>
                <Lateness of={of.lateness} />
            </div>
            {of.broadcasts.length > 0
                && <section>
                    <h4>{t('nav.broadcasts')}</h4>
                    <ul className="queue-broadcasts">
                        {of.broadcasts.map((b) => (
                            <li key={b.id}>
                                <Link to={`/broadcasts/${b.id}`}
                                    className="text-link">
                                    <bdi>{b.name}</bdi>
                                </Link>
                                <span className="soft">
                                    {tMaybe(`broadcast.${b.status}`)
                                        ?? humanise(b.status)}
                                </span>
                                <strong>
                                    {tn('queue.queued', b.queued)}
                                </strong>
                            </li>
                        ))}
                    </ul>
                </section>}
        </Card>
    );
}


function pace(of: QueueNumber): [string, string][] {
    const { limit, share: part, tokens, wait_ms } = of.rate;
    const rows: [string, string][] = [
        [t('queue.limit'), limit === 0 ? t('queue.noLimit')
            : part < 1 ? t('queue.limitShare', {
                n: num(limit), share: share(part, 1),
            })
            : t('queue.perSecond', { n: num(limit) })],
        [t('queue.tokens'), tokens === null ? t('queue.noLimit')
            : num(tokens)],
        [t('queue.next'), wait_ms === 0 ? t('queue.now')
            : wait_ms < 1000 ? t('queue.ms', { n: num(wait_ms) })
            : duration(wait_ms / 1000)],
    ];

    if (of.daily !== null) {
        rows.push([t('queue.daily'), t('queue.left', {
            left: num(of.daily.left), of: num(of.daily.cap),
        })]);
    }

    if (of.portfolio !== null) {
        rows.push([t('queue.portfolio'), of.portfolio.limit === null
            ? t('queue.people', { n: num(of.portfolio.used_24h) })
            : t('queue.left', {
                left: num(of.portfolio.left ?? 0),
                of: num(of.portfolio.limit),
            })]);
    }

    return rows;
}


function step(ms: number): string {
    return ms < 1000 ? t('queue.ms', { n: num(ms) }) : duration(ms / 1000);
}


/* the server counts up to each step; the bars show what lies between */
function Lateness({ of }: { of: Late[] }) {
    const all = of[of.length - 1]?.count ?? 0;

    return (
        <section>
            <h4>{t('queue.lateness')}</h4>
            {all === 0
                ? <p className="soft queue-note">{t('queue.latenessNone')}</p>
                : <dl className="queue-bars">
                    {of.map((l, i) => {
                        const before = of[i - 1];
                        const n = l.count - (before?.count ?? 0);

                        return (
                            <Bar key={i} part={n} all={all} value={num(n)}
                                late={i > 4}
                                label={l.le_ms !== null
                                    ? t('queue.upTo', { t: step(l.le_ms) })
                                    : t('queue.over',
                                        { t: step(before?.le_ms ?? 0) })} />
                        );
                    })}
                </dl>}
        </section>
    );
}


function Bar({ label, part, all, value, late }: {
    label: string; part: number; all: number; value: string; late?: boolean;
}) {
    return (
        <div className={late === true ? 'is-unknown' : 'is-replied'}>
            <dt>{label}</dt>
            <dd>
                <span className="queue-bar" aria-hidden="true">
                    {part > 0 && <i style={vars({ '--p': part / all })} />}
                </span>
                <strong>{value}</strong>
            </dd>
        </div>
    );
}

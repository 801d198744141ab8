/*
 * Home: what waits, what was sent, what comes next, what happens now, and
 * whether the numbers are well.  Every number leads to its rows.
 */

import { useState } from 'react';
import type { ReactNode } from 'react';
import { useMay } from '../api/me';
import { useMessages, rowsOf } from '../api/queries';
import { settled } from '../api/types';
import type { Broadcast, Message } from '../api/types';
import { humanise, moment, num, share, when } from '../lib/format';
import { vars } from '../lib/hooks';
import { Link } from '../lib/router';
import type { Place } from '../lib/router';
import { region, t, tMaybe } from '../lib/t';
import * as Icon from '../ui/icons';
import {
    Failed, Name, Phone, Segments, Skeleton, StatusIcon,
} from '../ui/parts';
import { Card, Head, Stat } from '../ui/page';
import { funnelOf, useHealth, usePosts, useRecentBroadcasts } from './home/data';
import type { Health, Period, Post } from './home/data';
import { Guide } from './home/guide';

const LINES = 8;
const POSTS = 6;


export function Home({ place }: { place: Place }) {
    const may = useMay('send');
    const today = new Intl.DateTimeFormat(region, {
        weekday: 'long', day: 'numeric', month: 'long',
    }).format(new Date());

    void place;

    return (
        <div className="page home">
            <Head title={t('home.title')} lead={today}>
                {may && <Link to="/messages/new" className="button">
                    <Icon.Send />{t('home.message')}
                </Link>}
                {may && <Link to="/broadcasts/new"
                    className="button button-main">
                    <Icon.Broadcast />{t('home.broadcast')}
                </Link>}
            </Head>
            <Guide />
            <Posts />
        </div>
    );
}


function Posts() {
    const posts = usePosts();
    const counts = posts.counts;
    const place = (status: string) => posts.calendar
        ? `/calendar?status=${status}` : '/broadcasts';

    return (
        <>
            {posts.error !== null && counts === undefined
                ? <Failed error={posts.error} retry={posts.refetch} />
                : <section className="stats" aria-label={t('home.counts')}
                    aria-busy={counts === undefined}>
                    {(['pending', 'scheduled', 'posted', 'failed'] as const)
                        .map((k) => (
                            <Stat key={k} to={place(k)}
                                label={t(`home.${k}`)}
                                value={counts === undefined ? '\u2013'
                                    : num(counts[k])}
                                note={t(k === 'failed' && counts?.failed === 0
                                    ? 'home.failedNone' : `home.${k}Note`)}
                                look={k === 'failed' && counts !== undefined
                                    && counts.failed > 0 ? 'failed'
                                    : undefined} />
                        ))}
                </section>}
            <div className="home-columns">
                <div className="stack">
                    <Funnel />
                    <Activity />
                </div>
                <div className="stack">
                    <Upcoming posts={posts.next} />
                    <Numbers />
                </div>
            </div>
        </>
    );
}


const STAGES = ['sent', 'delivered', 'read', 'replied'] as const;
const REST = ['failed', 'unknown', 'skipped'] as const;

function Funnel() {
    const [period, setPeriod] = useState<Period>('day');
    const { all, error, refetch } = useRecentBroadcasts();
    const sums = all === undefined ? undefined : funnelOf(all, period);

    return (
        <Card title={t('home.funnel')} hint={t('home.funnelHint')}
            actions={<Segments<Period> label={t('home.period')}
                name="home-period" value={period} onChange={setPeriod}
                options={[{ value: 'day', label: t('home.day') },
                          { value: 'week', label: t('home.week') }]} />}>
            {sums === undefined
                ? error ? <Failed error={error} retry={refetch} />
                    : <Skeleton rows={4} kind="lines" />
                : sums.now.n === 0
                ? <Quiet icon={<Icon.Broadcast />}
                    title={t(`home.funnelNone.${period}`)} />
                : <>
                    <dl className={`home-funnel${
                        sums.before.n > 0 ? ' has-before' : ''}`}>
                        {STAGES.map((s) => (
                            <div key={s} className={`is-${s}`}>
                                <dt>{t(`home.${s}`)}</dt>
                                <dd>
                                    <span className="home-bar"
                                        aria-hidden="true">
                                        <i style={vars({
                                            '--p': sums.now.sent > 0
                                                ? sums.now[s] / sums.now.sent
                                                : 0,
                                        })} />
                                    </span>
                                    <strong>{num(sums.now[s])}</strong>
                                    <span className="home-share">
                                        {s === 'sent' ? ''
                                            : share(sums.now[s],
                                                    sums.now.sent)}
                                    </span>
                                    {sums.before.n > 0
                                        && <span className="home-before">
                                            {t(`home.before.${period}`, {
                                                n: num(sums.before[s]),
                                            })}
                                        </span>}
                                </dd>
                            </div>
                        ))}
                    </dl>
                    <p className="home-rest">
                        {REST.filter((s) => sums.now[s] > 0).map((s) => (
                            <Link key={s} to="/broadcasts"
                                className={`is-${s}`}>
                                <i aria-hidden="true" />
                                {t(`home.${s}Of`)}
                                <strong>{num(sums.now[s])}</strong>
                            </Link>
                        ))}
                    </p>
                </>}
        </Card>
    );
}


function Activity() {
    const messages = useMessages('', '');
    const { all } = useRecentBroadcasts();
    const rows = rowsOf(messages.data).slice(0, LINES);
    const running = (all ?? []).filter((b) => b.status === 'sending')
        .slice(0, 3);

    return (
        <Card title={t('home.activity')} actions={
            <Link to="/messages" className="text-link">
                {t('home.activityAll')}
            </Link>}>
            {messages.data === undefined
                ? messages.isError
                    ? <Failed error={messages.error}
                        retry={() => void messages.refetch()} />
                    : <Skeleton rows={4} kind="lines" />
                : rows.length === 0 && running.length === 0
                ? <Quiet icon={<Icon.Bolt />} title={t('home.activityNone')}
                    next={t('home.activityNoneNext')} />
                : <ul className="home-lines">
                    {running.map((b) => <Running key={b.id} of={b} />)}
                    {rows.map((m) => <Line key={m.id} of={m} />)}
                </ul>}
        </Card>
    );
}


function Running({ of: b }: { of: Broadcast }) {
    const done = settled(b.counters);
    const all = b.counters.audience;

    return (
        <li>
            <Link to={`/broadcasts/${b.id}`} className="home-line">
                <span className="status-icon is-sending">
                    <Icon.Broadcast />
                </span>
                <span className="home-who"><bdi>{b.name}</bdi></span>
                <span className="home-bar is-sending" aria-hidden="true">
                    <i style={vars({ '--p': all > 0 ? done / all : 0 })} />
                </span>
                <span className="home-time">
                    {t('home.sending', { done: num(done), all: num(all) })}
                </span>
            </Link>
        </li>
    );
}


function Line({ of: m }: { of: Message }) {
    return (
        <li>
            <Link to={`/messages/${m.contact_id}`} className="home-line">
                <StatusIcon status={m.direction === 'in' ? 'received'
                    : m.status} />
                <span className="home-who">
                    {m.contact_name ? <Name of={m.contact_name} />
                        : <Phone of={m.phone} />}
                </span>
                <span className="home-said">
                    <bdi>{m.text || tMaybe(`type.${m.type}`)
                        || humanise(m.type)}</bdi>
                </span>
                <time className="home-time" dateTime={m.created_at}>
                    {when(m.created_at)}
                </time>
            </Link>
        </li>
    );
}


function Upcoming({ posts }: { posts: Post[] | undefined }) {
    return (
        <Card title={t('home.upcoming')} actions={
            <Link to="/calendar" className="text-link">
                {t('home.upcomingAll')}
            </Link>}>
            {posts === undefined ? <Skeleton rows={3} kind="lines" />
                : posts.length === 0
                ? <Quiet icon={<Icon.Calendar />}
                    title={t('home.upcomingNone')}
                    next={t('home.upcomingNoneNext')} />
                : <ul className="home-lines">
                    {posts.slice(0, POSTS).map((p) => (
                        <li key={p.key}>
                            <Link to={p.to} className="home-post">
                                <time dateTime={p.at}>{moment(p.at)}</time>
                                <strong><bdi>{p.title
                                    || tMaybe(`home.kind.${p.kind}`)}</bdi>
                                </strong>
                                <span>
                                    {tMaybe(`home.kind.${p.kind}`)
                                        ?? humanise(p.kind)}
                                </span>
                                {p.conflict
                                    && <span className="is-unknown home-flag">
                                        <Icon.Alert />{t('home.conflict')}
                                    </span>}
                            </Link>
                        </li>
                    ))}
                </ul>}
        </Card>
    );
}


function Numbers() {
    const health = useHealth();

    return (
        <Card title={t('home.health')} actions={
            <Link to="/accounts" className="text-link">
                {t('home.healthAll')}
            </Link>}>
            {health.data === undefined
                ? health.isError
                    ? <Failed error={health.error}
                        retry={() => void health.refetch()} />
                    : <Skeleton rows={2} kind="lines" />
                : health.data.length === 0
                ? <Quiet icon={<Icon.Phone />} title={t('home.healthNone')}
                    next={t('home.healthNoneNext')} />
                : <ul className="home-lines">
                    {health.data.map((a) => <Number key={a.id} of={a} />)}
                </ul>}
        </Card>
    );
}


const LOOK: Record<string, string> = {
    connected: 'replied', paused: 'paused', disconnected: 'failed',
};

function Number({ of: a }: { of: Health }) {
    const quality = (a.quality ?? '').toLowerCase();
    const cap = a.today?.cap ?? null;
    const left = a.portfolio?.left ?? null;

    return (
        <li>
            <Link to={`/accounts/${a.id}`} className="home-number">
                <strong><bdi>{a.name}</bdi></strong>
                <span className={`state-word is-${LOOK[a.status] ?? 'open'}`}>
                    <i aria-hidden="true" />
                    {tMaybe(`home.account.${a.status}`) ?? humanise(a.status)}
                </span>
                <Phone of={a.phone} />
                {quality !== '' && quality !== 'unknown'
                    && <span>
                        {t('home.quality', {
                            word: tMaybe(`home.quality.${quality}`)
                                ?? humanise(quality),
                        })}
                    </span>}
                {a.today !== null && a.today !== undefined
                    && <span>
                        {cap !== null
                            ? t('home.todayOf', { n: num(a.today.sent),
                                                  cap: num(cap) })
                            : t('home.today', { n: num(a.today.sent) })}
                    </span>}
                {left !== null
                    && <span>{t('home.peopleLeft', { n: num(left) })}</span>}
                {a.status !== 'connected' && a.status_text
                    && <span className="home-why">
                        {a.status_text}{a.status_fix ? ` ${a.status_fix}` : ''}
                    </span>}
            </Link>
        </li>
    );
}


/* an empty card is small */
function Quiet({ icon, title, next }: {
    icon: ReactNode; title: string; next?: string;
}) {
    return (
        <div className="home-quiet">
            {icon}
            <div>
                <p>{title}</p>
                {next !== undefined && <p className="soft">{next}</p>}
            </div>
        </div>
    );
}

/*
 * One conversation as bubbles with ticks.  What is being sent stands below
 * the last message until the API has taken it; what was refused stays there
 * with the reason, to be tried again under the same idempotency key.
 */

import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Problem, asProblem, call, uuid } from '../api/client';
import { addMessage } from '../api/live';
import { q, rowsOf, useMessages } from '../api/queries';
import type { Message } from '../api/types';
import { clock, dayName, full } from '../lib/format';
import { Link } from '../lib/router';
import { t } from '../lib/t';
import * as Icon from '../ui/icons';
import { Avatar, Empty, Failed, Name, Phone, RequestId, Skeleton, StatusIcon,
         whyNot } from '../ui/parts';
import { Composer } from './composer';
import type { Draft } from './composer';
import { summary } from './messages';

interface Pending {
    key: string;
    draft: Draft;
    problem?: Problem;
}


export function Thread({ contact, back }: { contact: string; back: string }) {
    const qc = useQueryClient();
    const who = useQuery(q.contact(contact));
    const list = useMessages('', contact);
    const [pending, setPending] = useState<Pending[]>([]);
    const rows = rowsOf(list.data);

    const deliver = async (p: Pending) => {
        setPending((all) => [...all.filter((x) => x.key !== p.key),
                             { key: p.key, draft: p.draft }]);

        try {
            const m = await call<Message>('POST', '/messages', {
                headers: { 'Idempotency-Key': p.key },
                body: {
                    account_id: p.draft.account,
                    contact_id: contact,
                    ...p.draft.body,
                },
            });

            /* the stream may have told of it already */
            addMessage(qc, m);
            setPending((all) => all.filter((x) => x.key !== p.key));

        } catch (e) {
            setPending((all) => all.map((x) => x.key === p.key
                ? { ...x, problem: asProblem(e) } : x));
        }
    };

    if (who.data === undefined && who.error instanceof Problem
        && who.error.status === 404)
    {
        return <Empty title={t('contact.missing')}>
            <Link to={back} className="button">{t('nav.back')}</Link>
        </Empty>;
    }

    const name = who.data?.name || who.data?.phone
                 || rows[0]?.contact_name || rows[0]?.phone || '';

    return (
        <div className="thread">
            <header className="talk-head">
                <Link to={back} className="icon-button back-icon"
                    aria-label={t('nav.back')}><Icon.Back /></Link>
                <Avatar name={name} />
                <div className="talk-who">
                    <h2><Name of={name} /></h2>
                    <p className="soft"><Phone of={who.data?.phone} /></p>
                </div>
                <Link to={`/contacts/${contact}`} className="button button-quiet">
                    {t('thread.details')}
                </Link>
            </header>
            {list.isPending ? <Skeleton rows={4} kind="bubbles" />
                : list.data === undefined
                ? <Failed error={list.error}
                    retry={() => void list.refetch()} />
                : <Bubbles
                    rows={rows} pending={pending} name={name}
                    hasMore={list.hasNextPage}
                    loading={list.isFetchingNextPage}
                    onMore={() => void list.fetchNextPage()}
                    onRetry={(p) => void deliver(p)}
                    onDiscard={(p) => setPending((all) =>
                        all.filter((x) => x.key !== p.key))}
                />}
            <Composer
                contact={contact}
                lastIn={rows.find((m) => m.direction === 'in')?.created_at}
                knowsAll={list.data !== undefined && !list.hasNextPage}
                lastAccount={rows[0]?.account_id}
                onSend={(draft) => void deliver({ key: uuid(), draft })}
            />
        </div>
    );
}


function Bubbles({ rows, pending, name, hasMore, loading, onMore, onRetry,
    onDiscard }: {
    rows: Message[]; pending: Pending[]; name: string; hasMore: boolean;
    loading: boolean; onMore: () => void; onRetry: (p: Pending) => void;
    onDiscard: (p: Pending) => void;
}) {
    const box = useRef<HTMLDivElement>(null);
    const below = useRef(0);
    const newest = rows[0]?.id;
    const oldest = rows[rows.length - 1]?.id;

    /* stay at the end as it grows, and in place as older ones come above */
    useLayoutEffect(() => {
        const el = box.current!;

        el.scrollTop = el.scrollHeight - below.current;
    }, [oldest]);

    useLayoutEffect(() => {
        const el = box.current!;

        if (below.current - el.clientHeight < 160) {
            el.scrollTop = el.scrollHeight;
        }
    }, [newest, pending.length]);

    /* the composer grows, the window turns: the end stays the end */
    useEffect(() => {
        const el = box.current!;
        const watch = new ResizeObserver(() => {
            if (below.current - el.clientHeight < 240) {
                el.scrollTop = el.scrollHeight;
            }
        });

        watch.observe(el);

        return () => watch.disconnect();
    }, []);

    const shown = [...rows].reverse();
    let day = '';

    return (
        <div
            ref={box} className="bubbles" tabIndex={0} role="region"
            aria-label={t('thread.label', { name })}
            onScroll={() => {
                const el = box.current!;

                below.current = el.scrollHeight - el.scrollTop;

                if (el.scrollTop < 80 && hasMore && !loading) {
                    onMore();
                }
            }}
        >
            {hasMore
                ? <button className="button button-quiet earlier"
                    onClick={onMore}>
                    {t(loading ? 'state.more' : 'thread.earlier')}
                </button>
                : rows.length === 0 && pending.length === 0
                ? <Empty title={t('thread.none')}
                    next={t('thread.noneNext')} />
                : <p className="soft thread-start">{t('thread.start')}</p>}
            <ol className="bubble-list">
                {shown.map((m) => {
                    const name = dayName(m.created_at);
                    const head = name !== day;

                    day = name;

                    return (
                        <li key={m.id} className={`say say-${m.direction}`}>
                            {head && <p className="day">
                                <span>{name}</span></p>}
                            <Bubble of={m} />
                        </li>
                    );
                })}
                {pending.map((p) => (
                    <li key={p.key} className="say say-out">
                        <Waiting of={p} onRetry={() => onRetry(p)}
                            onDiscard={() => onDiscard(p)} />
                    </li>
                ))}
            </ol>
        </div>
    );
}


function Bubble({ of: m }: { of: Message }) {
    const bad = m.status === 'failed' || m.status === 'unknown'
                || m.status === 'skipped';

    return (
        <>
            <div className={`bubble ${bad ? `bubble-${m.status}` : ''}`}
                data-message={m.id} data-status={m.status}>
                {m.broadcast_id !== null && m.broadcast_id !== undefined
                    && <Link to={`/broadcasts/${m.broadcast_id}`}
                        className="bubble-from">
                        <Icon.Broadcast />{t('thread.broadcast')}
                    </Link>}
                <p dir="auto" className={m.text ? '' : 'soft'}>
                    {summary(m)}
                </p>
                <span className="bubble-foot">
                    <time dateTime={m.created_at} title={full(m.created_at)}>
                        {clock(new Date(m.created_at))}
                    </time>
                    {m.direction === 'out' && <StatusIcon status={m.status} />}
                </span>
            </div>
            {bad
                && <p className={`bubble-why is-${m.status}`}>{whyNot(m)}</p>}
        </>
    );
}


function Waiting({ of: p, onRetry, onDiscard }: {
    of: Pending; onRetry: () => void; onDiscard: () => void;
}) {
    return (
        <>
            <div className={`bubble ${p.problem === undefined ? ''
                                      : 'bubble-failed'}`}
                data-status={p.problem === undefined ? 'queued' : 'failed'}>
                <p dir="auto">{p.draft.text}</p>
                <span className="bubble-foot">
                    <StatusIcon status={p.problem === undefined
                        ? 'queued' : 'failed'} />
                </span>
            </div>
            {p.problem !== undefined
                && <div className="bubble-why is-failed" role="alert">
                    {t('compose.notSent', { words: p.problem.words })}
                    <span className="bubble-actions">
                        <button className="text-link" onClick={onRetry}>
                            {t('compose.retry')}
                        </button>
                        <button className="text-link" onClick={onDiscard}>
                            {t('compose.discard')}
                        </button>
                    </span>
                    <RequestId of={p.problem.requestId} />
                </div>}
        </>
    );
}

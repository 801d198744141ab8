/*
 * The event stream.  Events are gathered for a tenth of a second and then
 * laid into the cached answers in one go, so a broadcast of thousands a
 * second costs the page ten updates a second.
 *
 *   - The browser reconnects by itself and sends Last-Event-ID.  When it
 *     gives up (an answer that is no stream), we open a new stream after a
 *     growing pause, and ask for everything on the screen again.
 *   - "reset" says that events were missed: ask again.
 *   - What happened between the first answers and the first open is unknown:
 *     ask again, once.
 *
 * An answer may be older than an event that overtook it on the way, and the
 * other way round.  What was seen last is therefore remembered, and
 * newestBroadcast() and newestMessage() hold what comes against it: numbers
 * that were shown do not fall back.
 */

import { useSyncExternalStore } from 'react';
import type { QueryClient } from '@tanstack/react-query';
import { listenAccounts } from './accounts_live';
import { call } from './client';
import { listenTemplates } from './live_templates';
import type { Pages } from './queries';
import { progressOf, rises, settled } from './types';
import type { Broadcast, Message, Recipient } from './types';
import { sample } from '../lib/rate';

export type LiveStatus = 'connecting' | 'open' | 'lost' | 'offline';

type Progress = Pick<Broadcast, 'id' | 'status' | 'counters'>;

interface StatusEvent {
    id: string;
    contact_id: string;
    status: string;
    at: string;
    error_code?: number | string | null;
}

const FLUSH_MS = 100;
const REMEMBER = 2000;
const MANY = 100;
const OVERTAKEN_MS = 3000;

let client: QueryClient | undefined;
let source: EventSource | undefined;
let status: LiveStatus = 'connecting';
let retry = 0;
let everOpen = false;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let flushTimer: ReturnType<typeof setTimeout> | undefined;

const watchers = new Set<() => void>();
const arrivals = new Set<(m: Message) => void>();

const progressed = new Map<string, { at: number; last: Progress }>();
const statuses = new Map<string, StatusEvent>();

let freshProgress = new Map<string, Progress>();
let freshStatuses = new Map<string, StatusEvent>();
let freshMessages = new Map<string, Message>();


function setStatus(s: LiveStatus): void {
    if (s !== status) {
        status = s;

        for (const w of watchers) {
            w();
        }
    }
}


export function useLiveStatus(): LiveStatus {
    return useSyncExternalStore((w) => {
        watchers.add(w);

        return () => watchers.delete(w);
    }, () => status);
}


/* f is called for every message that comes in while the page is open */
export function onArrival(f: (m: Message) => void): () => void {
    arrivals.add(f);

    return () => arrivals.delete(f);
}


/*
 * The younger of what came and what was seen shortly before.  After a while
 * the seen one gives way: a retry may rightly take numbers back.
 */
function newest(p: Progress): Progress {
    const seen = progressed.get(p.id);
    const now = performance.now();

    if (seen !== undefined && now - seen.at < OVERTAKEN_MS
        && progressOf(seen.last.counters) > progressOf(p.counters))
    {
        return seen.last;
    }

    progressed.set(p.id, {
        at: now,
        last: { id: p.id, status: p.status, counters: p.counters },
    });

    if (p.status === 'sending') {
        sample(p.id, settled(p.counters), now);
    }

    return p;
}


export function newestBroadcast(b: Broadcast): Broadcast {
    const { status, counters } = newest(b);

    return { ...b, status, counters };
}


function withStatus(m: Message, e: StatusEvent): Message {
    if (!rises(m.status, e.status)) {
        return m;
    }

    return {
        ...m,
        status: e.status,
        error_code: e.error_code ?? m.error_code,
        sent_at: e.status === 'sent' ? e.at : m.sent_at,
        delivered_at: e.status === 'delivered' ? e.at : m.delivered_at,
        read_at: e.status === 'read' ? e.at : m.read_at,
    };
}


export function newestMessage(m: Message): Message {
    const e = statuses.get(m.id);

    return e === undefined ? m : withStatus(m, e);
}


function remember(e: StatusEvent): void {
    const before = statuses.get(e.id);

    if (before !== undefined && !rises(before.status, e.status)) {
        return;
    }

    statuses.delete(e.id);
    statuses.set(e.id, e);

    if (statuses.size > REMEMBER) {
        statuses.delete(statuses.keys().next().value as string);
    }
}


/* rows are replaced only where something changed, so the rest stays as it is */
function patch<T>(qc: QueryClient, key: readonly unknown[],
    change: (row: T) => T): void
{
    qc.setQueriesData<Pages<T>>({ queryKey: key }, (data) => {
        if (data === undefined) {
            return data;
        }

        let touched = false;

        const pages = data.pages.map((p) => {
            let here = false;

            const rows = p.data.map((r) => {
                const n = change(r);

                here ||= n !== r;

                return n;
            });

            touched ||= here;

            return here ? { ...p, data: rows } : p;
        });

        return touched ? { ...data, pages } : data;
    });
}


/* lays a new message on top of every list that it belongs to */
export function addMessage(qc: QueryClient, made: Message): void {
    const m = newestMessage(made);

    for (const [key, data] of qc.getQueriesData<Pages<Message>>(
        { queryKey: ['messages'] }))
    {
        const [, direction, contact] = key as string[];
        const head = data?.pages[0];

        if (data === undefined || head === undefined
            || (direction !== '' && direction !== m.direction)
            || (contact !== '' && contact !== m.contact_id)
            || data.pages.some((p) => p.data.some((r) => r.id === m.id)))
        {
            continue;
        }

        qc.setQueryData<Pages<Message>>(key, {
            ...data,
            pages: [{ ...head, data: [m, ...head.data] },
                    ...data.pages.slice(1)],
        });
    }
}


function flush(): void {
    const qc = client;
    const progress = freshProgress;
    const changes = freshStatuses;
    const made = freshMessages;

    flushTimer = undefined;

    if (qc === undefined) {
        return;
    }

    freshProgress = new Map();
    freshStatuses = new Map();
    freshMessages = new Map();

    if (progress.size > 0) {
        const change = (b: Broadcast) => {
            const p = progress.get(b.id);

            return p === undefined ? b
                : { ...b, status: p.status, counters: p.counters };
        };

        patch<Broadcast>(qc, ['broadcasts'], change);

        for (const [id, p] of progress) {
            const before = qc.getQueryData<Broadcast>(['broadcast', id]);

            if (before !== undefined) {
                qc.setQueryData(['broadcast', id], change(before));
            }

            /* a new state brings times that the event does not carry */
            if (before === undefined || before.status !== p.status) {
                void qc.invalidateQueries({ queryKey: ['broadcast', id] });
                void qc.invalidateQueries({ queryKey: ['broadcasts'] });
                void qc.invalidateQueries({ queryKey: ['recipients', id] });
            }
        }
    }

    if (changes.size > 0) {
        patch<Message>(qc, ['messages'], (m) => {
            const e = changes.get(m.id);

            return e === undefined ? m : withStatus(m, e);
        });

        patch<Recipient>(qc, ['recipients'], (r) => {
            const e = r.message_id === null ? undefined
                : changes.get(r.message_id);

            return e === undefined || !rises(r.status, e.status) ? r
                : { ...r, status: e.status };
        });
    }

    if (made.size > MANY) {
        void qc.invalidateQueries({ queryKey: ['messages'] });

    } else {
        for (const m of made.values()) {
            addMessage(qc, m);
        }
    }
}


function soon(): void {
    flushTimer ??= setTimeout(flush, FLUSH_MS);
}


function parsed<T>(e: Event): T | undefined {
    try {
        return JSON.parse((e as MessageEvent<string>).data) as T;
    } catch {
        return undefined;
    }
}


function listen(s: EventSource): void {
    s.addEventListener('broadcast.progress', (e) => {
        const p = parsed<Progress>(e);

        if (p?.counters !== undefined) {
            freshProgress.set(p.id, newest(p));
            soon();
        }
    });

    s.addEventListener('message.status', (e) => {
        const st = parsed<StatusEvent>(e);

        if (st !== undefined) {
            remember(st);
            freshStatuses.set(st.id, statuses.get(st.id) ?? st);
            soon();
        }
    });

    s.addEventListener('message.created', (e) => {
        const d = parsed<{ message?: Message } & Message>(e);
        const m = d?.message ?? d;

        if (m === undefined) {
            return;
        }

        freshMessages.set(m.id, m);
        soon();

        if (m.direction === 'in') {
            for (const f of arrivals) {
                f(m);
            }
        }
    });

    listenAccounts(s, () => client);

    listenTemplates(s, () => client);
    s.addEventListener('reset', () => void client?.invalidateQueries());
}


function again(): void {
    clearTimeout(retryTimer);
    retryTimer = setTimeout(() => {
        /* a stream's refusal has no status; a plain question has one */
        call('GET', '/accounts?limit=1').then(open, open);
    }, Math.min(30_000, 1000 * 2 ** retry) * (0.75 + Math.random() / 2));
    retry++;
}


function open(): void {
    if (client === undefined) {
        return;
    }

    source?.close();

    const s = source = new EventSource('/api/v1/events');

    listen(s);

    s.onopen = () => {
        /* the browser's own reconnection resumes, a new stream does not */
        if (!everOpen || retry > 0) {
            void client?.invalidateQueries({
                predicate: (x) => x.queryKey[0] !== 'me',
            });
        }

        everOpen = true;
        retry = 0;
        setStatus('open');
    };

    s.onerror = () => {
        setStatus(navigator.onLine ? 'lost' : 'offline');

        if (s.readyState === EventSource.CLOSED && s === source) {
            again();
        }
    };
}


function wentOffline(): void {
    setStatus('offline');
}


function cameBack(): void {
    if (status === 'offline') {
        setStatus('connecting');
        retry = 1;
        clearTimeout(retryTimer);
        open();
    }
}


export function startLive(qc: QueryClient): () => void {
    client = qc;
    everOpen = false;
    retry = 0;
    setStatus('connecting');
    addEventListener('offline', wentOffline);
    addEventListener('online', cameBack);
    open();

    return () => {
        client = undefined;
        source?.close();
        source = undefined;
        clearTimeout(retryTimer);
        clearTimeout(flushTimer);
        flushTimer = undefined;
        removeEventListener('offline', wentOffline);
        removeEventListener('online', cameBack);
    };
}

/*
 * What home asks for.  Counts of posts come from the calendar; a server
 * without one is asked for its broadcasts instead.  The funnel adds up the
 * broadcasts of a period, which the event stream keeps fresh.
 */

import { useEffect } from 'react';
import { useQuery } from '@tanstack/react-query';
import { Problem, call } from '../../api/client';
import { q, rowsOf, useBroadcasts } from '../../api/queries';
import type { Account, Broadcast, Message, Page } from '../../api/types';

const DAY = 86_400_000;
const PAGES = 4;

export type Period = 'day' | 'week';

export interface Counts {
    pending: number;
    scheduled: number;
    posted: number;
    failed: number;
}

export interface Post {
    key: string;
    kind: string;
    title: string;
    at: string;
    account: string | null;
    audience: number | null;
    conflict: boolean;
    to: string;
}

interface Entry {
    kind: string;
    schedule_id: string | null;
    starts_at: string | null;
    at: string;
    status: string;
    ref_id: string | null;
    account_id: string | null;
    title: string | null;
    audience: number | null;
    conflict: boolean | null;
}

interface Calendar {
    data: Entry[];
    counts: Counts & { cancelled?: number };
}

export interface Health extends Account {
    quality: string | null;
    status_text: string | null;
    status_fix: string | null;
    today: { sent: number; cap: number | null } | null;
    portfolio: { daily_limit: number | null; left: number | null } | null;
}


/* from an hour's beginning, so that the question stays the same for a while;
 * the calendar answers for 100 days at most */
function span(): { from: string; to: string } {
    const now = Math.floor(Date.now() / 3_600_000) * 3_600_000;

    return {
        from: new Date(now - 30 * DAY).toISOString(),
        to: new Date(now + 69 * DAY).toISOString(),
    };
}


export function useCalendar() {
    const { from, to } = span();

    return useQuery({
        queryKey: ['calendar', 'home', from],
        queryFn: async ({ signal }) => {
            try {
                return await call<Calendar>('GET',
                    `/calendar?from=${from}&to=${to}`, { signal });
            } catch (e) {
                if (e instanceof Problem && e.status === 404) {
                    return null;
                }

                throw e;
            }
        },
        refetchInterval: 30_000,
        placeholderData: (before) => before,
    });
}


function countsOf(all: Broadcast[]): Counts {
    const n = (f: (b: Broadcast) => boolean) => all.filter(f).length;

    return {
        pending: n((b) => b.status === 'sending' || b.status === 'paused'),
        scheduled: n((b) => b.status === 'scheduled'),
        posted: n((b) => b.status === 'completed' && b.counters.sent > 0),
        failed: n((b) => b.status === 'completed' && b.counters.sent === 0
                         && b.counters.failed > 0),
    };
}


export function usePosts() {
    const calendar = useCalendar();
    const broadcasts = useRecentBroadcasts();
    const states = broadcasts.all?.map((b) => b.status).join();
    const now = Date.now();
    let counts: Counts | undefined;
    let next: Post[] | undefined;

    /* one that begins or ends moves from one count to another */
    useEffect(() => {
        if (calendar.data) {
            void calendar.refetch();
        }
    }, [states]);

    if (calendar.data) {
        counts = calendar.data.counts;
        next = calendar.data.data.filter((e) => e.status === 'scheduled'
                                         && Date.parse(e.at) >= now)
            .map((e): Post => ({
                key: `${e.schedule_id ?? e.ref_id} ${e.at}`,
                kind: e.kind, title: e.title ?? '', at: e.at,
                account: e.account_id, audience: e.audience,
                conflict: e.conflict === true,
                to: e.kind === 'broadcast' && e.ref_id !== null
                    ? `/broadcasts/${e.ref_id}` : '/calendar',
            }));

    } else if (calendar.data === null && broadcasts.all !== undefined) {
        counts = countsOf(broadcasts.all);
        next = broadcasts.all.filter((b) => b.status === 'scheduled'
                                     && b.send_at !== null)
            .map((b): Post => ({
                key: b.id, kind: 'broadcast', title: b.name, at: b.send_at!,
                account: b.account_id, audience: null, conflict: false,
                to: `/broadcasts/${b.id}`,
            }));
    }

    next?.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));

    return {
        counts, next, calendar: calendar.data !== null,
        error: calendar.error ?? broadcasts.error,
        refetch: () => {
            void calendar.refetch();
            broadcasts.refetch();
        },
    };
}


/* as many pages as two weeks need, within reason */
export function useRecentBroadcasts() {
    const list = useBroadcasts();
    const all = list.data === undefined ? undefined : rowsOf(list.data);
    const last = all?.[all.length - 1];
    const wanting = last !== undefined && list.hasNextPage
        && (list.data?.pages.length ?? 0) < PAGES
        && Date.parse(last.created_at) > Date.now() - 15 * DAY;

    useEffect(() => {
        if (wanting && !list.isFetching) {
            void list.fetchNextPage();
        }
    }, [wanting, list.isFetching]);

    return {
        all, error: list.data === undefined ? list.error : null,
        refetch: () => void list.refetch(),
    };
}


export interface Sums {
    n: number;
    sent: number;
    delivered: number;
    read: number;
    replied: number;
    failed: number;
    unknown: number;
    skipped: number;
}


function sums(all: Broadcast[], from: number, to: number): Sums {
    const s: Sums = {
        n: 0, sent: 0, delivered: 0, read: 0, replied: 0, failed: 0,
        unknown: 0, skipped: 0,
    };

    for (const b of all) {
        const at = b.started_at === null ? NaN : Date.parse(b.started_at);

        if (at >= from && at < to) {
            s.n++;

            for (const k of Object.keys(s) as (keyof Sums)[]) {
                s[k] += k === 'n' ? 0 : b.counters[k];
            }
        }
    }

    return s;
}


export function funnelOf(all: Broadcast[], period: Period) {
    const midnight = new Date();

    midnight.setHours(0, 0, 0, 0);

    const end = midnight.getTime() + DAY;
    const length = period === 'day' ? DAY : 7 * DAY;

    return {
        now: sums(all, end - length, end),
        before: sums(all, end - 2 * length, end - length),
    };
}


export function useHealth() {
    return useQuery({
        ...q.accounts(), refetchInterval: 30_000,
        select: (p: Page<Account>) => p.data as Health[],
    });
}


/* is there any?  one row answers it */
function useAny(what: string, enabled: boolean) {
    return useQuery({
        queryKey: ['any', what],
        queryFn: async ({ signal }) => (await call<Page<Message>>('GET',
            `${what}${what.includes('?') ? '&' : '?'}limit=1`,
            { signal })).data.length > 0,
        enabled,
        /* what is there does not go away while one watches the guide */
        refetchInterval: (self) => self.state.data === true ? false : 5000,
    }).data;
}


export function useFirstSteps(enabled: boolean) {
    return {
        account: useAny('/accounts', enabled),
        contacts: useAny('/contacts', enabled),
        template: useAny('/templates', enabled),
        sent: useAny('/messages?direction=out', enabled),
    };
}

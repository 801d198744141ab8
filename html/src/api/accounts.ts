/*
 * Numbers: what the API says of them, how to ask for it, and the events that
 * make it stale.  Whatever changes a number asks for it again.
 */

import { useMemo } from 'react';
import { queryOptions, useQueryClient } from '@tanstack/react-query';
import { refresh } from './accounts_live';
import { Problem, call } from './client';
import type { Account, Page } from './types';

export interface Pacing {
    gap_min_ms: number | null;
    gap_max_ms: number | null;
    daily_cap: number | null;
    hours: { from: string; to: string; zone: string | null } | null;
    warmup: { from: string; first: number; growth: number | null } | null;
}

export type Policy = 'hold' | 'retry';

interface HealthError {
    code?: number;
    description?: string;
    solution?: string;
}

/* what the provider said; each knows other members */
export interface Health {
    name?: string;
    name_status?: string;
    quality?: string;
    tier?: string;
    limit?: number | null;
    throughput?: number | null;
    status?: string;
    verified?: string;
    platform?: string;
    mode?: string;
    pin?: boolean;
    health?: {
        can_send?: string;
        entities?: {
            type?: string; can_send?: string; errors?: HealthError[];
        }[];
    } | null;
    error?: { code?: number; detail?: string };
    verdict?: string;                  /* of a session: alive, silent, … */
    words?: string;
    fix?: string;
}

export interface OwnNumber extends Account {
    number_id: string;
    base_url: string;
    api_version: string;
    channel?: string;
    status_reason: string | null;
    status_code: number | null;
    status_text: string | null;
    status_fix: string | null;
    status_at: string | null;
    quality: string;
    portfolio_id: string;
    pair_limit: boolean;
    count_inbound: boolean;
    pacing: Pacing | null;
    unknown_policy: Record<string, Policy>;
    created_at: string;
}

export interface NumberDetail extends OwnNumber {
    today: { date: string; sent: number; cap: number | null };
    portfolio: {
        id: string; daily_limit: number | null; used_24h: number;
        left: number | null;
    } | null;
    business_id?: string;
    health?: Health | null;
    checked_at?: string | null;
    webhook_path?: string | null;
    verify_token?: string | null;
    paused_broadcasts?: number | null;
}

/* a number and the version that was read */
export interface Read {
    number: NumberDetail;
    tag: string | null;
}

export interface QueueRow {
    account_id: string;
    depth: { reply: number; broadcast: number; deferred: number };
    oldest_age_s: number | null;
    rate: {
        limit: number; share: number; tokens: number | null; wait_ms: number;
    };
    breaker: string;
    daily: { cap: number; sent: number; left: number } | null;
    portfolio: {
        id: string; limit: number | null; used_24h: number;
        left: number | null;
    } | null;
}

export interface Session {
    account_id: string;
    session: string;
    phone: string;
    state: string | null;
    state_at: string | null;
    status: string;
    status_text: string | null;
    status_fix: string | null;
    health: Health | null;
    inbound_at: string | null;
    receipt_at: string | null;
}

export interface Qr {
    value: string;
    state: string;
    expires_at: string;
    n: number;
    of: number;
    path: string;                      /* of its dark modules */
    box: string;
}

export interface Happening {
    id: string;
    at: string;
    event: string;
    state: string | null;
    reason: string | null;
}

export interface Check {
    check: string;
    ok: boolean;
    words: string;
    fix: string | null;
}

export interface Profile {
    name: string | null;
    about: string | null;
    description: string | null;
    address: string | null;
    email: string | null;
    websites: string[] | null;
    vertical: string | null;
    picture_url: string | null;
}


export function below(id: string, path = ''): string {
    return `/accounts/${encodeURIComponent(id)}${path}`;
}


export const qn = {
    list: () => queryOptions({
        queryKey: ['accounts'],
        queryFn: ({ signal }) => call<Page<OwnNumber>>(
            'GET', '/accounts?limit=200', { signal }),
    }),

    queue: () => queryOptions({
        queryKey: ['queue', 'numbers'],
        queryFn: ({ signal }) => call<{ data: QueueRow[] }>(
            'GET', '/queue', { signal }),
        refetchInterval: 10_000,
    }),

    one: (id: string) => queryOptions({
        queryKey: ['account', id],
        queryFn: async ({ signal }): Promise<Read> => {
            let tag: string | null = null;
            const number = await call<NumberDetail>('GET', below(id), {
                signal, onTag: (e) => {
                    tag = e;
                },
            });

            return { number, tag };
        },
        /* what is counted moves without an event */
        refetchInterval: 10_000,
        retry: (n, e) => n < 2 && !(e instanceof Problem && e.status < 500
                                    && e.status > 0),
    }),

    session: (id: string) => queryOptions({
        queryKey: ['session', id],
        queryFn: ({ signal }) => call<Session>('GET', below(id, '/session'),
                                               { signal }),
        retry: false,
    }),

    /* a way into the number: it leaves the memory with the page */
    qr: (id: string) => queryOptions({
        queryKey: ['qr', id],
        queryFn: async ({ signal }) => {
            const code = await call<Omit<Qr, 'picture'>>(
                'GET', below(id, '/qr?format=json'), { signal });
            const drawn = await fetch(`/api/v1${below(id, '/qr?format=svg')}`,
                                      { signal, credentials: 'same-origin' });

            if (!drawn.ok) {
                throw new Problem(drawn.status, 'no_qr', '', undefined,
                                  undefined, []);
            }

            /* as shapes of our own page: no cache keeps a picture of it */
            const svg = new DOMParser().parseFromString(
                await drawn.text(), 'image/svg+xml').documentElement;

            return {
                ...code, box: svg.getAttribute('viewBox') ?? '0 0 45 45',
                path: svg.querySelector('path')?.getAttribute('d') ?? '',
            } as Qr;
        },
        retry: false,
        gcTime: 0,
        staleTime: 0,
    }),

    profile: (id: string) => queryOptions({
        queryKey: ['profile', id],
        queryFn: ({ signal }) => call<Profile>('GET', below(id, '/profile'),
                                               { signal }),
        retry: false,
    }),

    checks: (id: string) => queryOptions({
        queryKey: ['checks', id],
        queryFn: ({ signal }) => call<{ data: Check[] }>(
            'GET', below(id, '/troubleshoot'), { signal }),
        retry: false,
    }),
};


/* posts below a number and asks for it again, whatever came of it */
export function useAct(id: string) {
    const qc = useQueryClient();

    return useMemo(() => async <T>(path: string, body?: unknown,
        method = 'POST'): Promise<T> =>
    {
        try {
            return await call<T>(method, below(id, path), { body });

        } finally {
            refresh(qc, id);
        }
    }, [qc, id]);
}

/*
 * What the API says of broadcasts beyond what the frame knows: what was set
 * up, the forecast, stages, variants, failures, one person's story.
 */

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { call } from '../../api/client';
import { q } from '../../api/queries';
import type { Broadcast, Page, Template } from '../../api/types';
import { region } from '../../lib/t';

export interface VariantSpec {
    template_id: string;
    variables?: Record<string, string>;
    weight?: number;
}

export interface TestSpec {
    percent: number;
    wait_s?: number;
    metric?: Metric;
    min_sample?: number;
}

export type Metric = 'delivered' | 'read' | 'replied';

export interface TestResult {
    p: number;
    metric: Metric;
    reason: string;
    winner: number | null;
    min_sample: number;
}

export interface RampStep {
    percent?: number;
    count?: number;
    wait_s: number;
}

/* a broadcast with all that can be set up on it */
export interface Full extends Broadcast {
    variables: Record<string, string>;
    pause_reason: string | null;
    pause_detail: string | null;
    rate_limit: number;
    expires_at: string | null;
    local_time: string | null;
    variants: VariantSpec[] | null;
    test: TestSpec | null;
    winner: number | null;
    test_result: TestResult | null;
    holdout: number;
    ramp: RampStep[] | null;
    guard: { failure_rate?: number; opt_out_rate?: number; min?: number };
    resent: number;
    cost: string;
    clicked: number;
    warnings?: Warning[];
}

export interface Warning {
    code: string;
    detail: string;
}

export interface Counted {
    reason: string;
    count: number;
    words: string;
}

export interface Forecast {
    audience: number;
    frozen: boolean;
    excluded: Counted[];
    reachable: number;
    deferred: Counted[];
    cost: {
        currency: string | null;
        total: string | null;
        by: {
            country: string | null; category: string; count: number;
            in_window: number; price: string | null; amount: string | null;
        }[];
    };
    spend: {
        period: string; limit: string; used: string; left: string;
        exceeded: boolean;
    } | null;
    start_at: string;
    finish_at: string | null;
    ahead: number;
    rate: number | null;
    rate_by: string | null;
    portfolio: {
        id: string; limit: number | null; used_24h: number;
        left: number | null; needed: number; enough: boolean;
    } | null;
    warnings: Warning[];
}

export interface Stage {
    n: number;
    kind: 'ramp' | 'test' | 'wave' | 'all';
    to_seq: number;
    opens_at: string | null;
    wait_s: number;
    opened_at: string | null;
    sent_at: string | null;
    judged_at: string | null;
    verdict: string | null;
}

export interface VariantResult {
    variant: number;
    template_id: string;
    template: string | null;
    weight: number;
    audience: number;
    sent: number;
    delivered: number;
    read: number;
    replied: number;
    failed: number;
    skipped: number;
    winner: boolean;
}

export interface Cause {
    code: number | null;
    reason: string | null;
    class: string;
    count: number;
    words: string;
    fix: string;
    may_resend: boolean;
    why: string | null;
}

export interface Story {
    contact: {
        id: string; name: string | null; phone: string | null;
        time_zone: string | null;
    } | null;                          /* nobody is known by this phone */
    state: string;
    summary: string;
    next_try_at: string | null;
    story: {
        at: string | null; event: string; words: string;
        code?: number | null; fix?: string | null; detail?: string | null;
    }[];
}

export interface Clicked {
    url: string;
    clicks: number;
    people: number;
}

export interface Choice {
    choice: string;
    title: string;
    people: number;
}

export interface TemplateFull extends Template {
    document: {
        variables?: Record<string, {
            fallback?: string; sample?: string; type?: string;
        }>;
        buttons?: { text?: string; url?: string }[];
        header?: { format?: string; text?: string };
    };
}

export interface Settings {
    time_zone: string;
    currency: string | null;
}


export const letter = (i: number) => String.fromCharCode(65 + i);

export const pathOf = (id: string) => `/broadcasts/${encodeURIComponent(id)}`;


export function money(amount: string, currency: string | null): string {
    return currency === null ? amount
        : new Intl.NumberFormat(region, {
            style: 'currency', currency, maximumFractionDigits: 3,
        }).format(Number(amount));
}


export function useFull(id: string | undefined) {
    const one = useQuery({ ...q.broadcast(id ?? ''),
                           enabled: id !== undefined });

    return { ...one, data: one.data as Full | undefined };
}


export function useMaySend(): boolean {
    const me = useQuery(q.me());
    const scopes = (me.data as { scopes?: string[] } | undefined)?.scopes;

    return scopes === undefined || scopes.includes('send');
}


/* the settings' own view may hold more of them under a key of its own */
export function useSettings() {
    return useQuery({
        queryKey: ['settings', 'read'],
        queryFn: ({ signal }) => call<Settings>('GET', '/settings',
                                                { signal }),
    });
}


/* `stamp` changes with each save: what was foreseen before is then stale */
export function useForecast(id: string | undefined, stamp: number) {
    return useQuery({
        queryKey: ['forecast', id, stamp],
        enabled: id !== undefined,
        staleTime: 20_000,
        placeholderData: keepPreviousData,
        queryFn: ({ signal }) => call<Forecast>('POST',
            `${pathOf(id!)}/forecast`, { signal }),
    });
}


/* a short list that belongs to one broadcast, followed while it runs */
export function usePart<T>(id: string, part: string, running: boolean,
    enabled = true)
{
    return useQuery({
        queryKey: ['broadcast-part', id, part],
        enabled,
        refetchInterval: running ? 3000 : false,
        queryFn: async ({ signal }) => (await call<Page<T>>('GET',
            `${pathOf(id)}/${part}`, { signal })).data,
    });
}

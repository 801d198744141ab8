/*
 * What the calendar asks for, and how an entry is moved: at once on the
 * screen, back again when the server refuses, with the way back in a toast.
 */

import { useQuery } from '@tanstack/react-query';
import type { QueryClient } from '@tanstack/react-query';
import { asProblem, call } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import type { Page } from '../../api/types';
import { t } from '../../lib/t';
import { toast } from '../../ui/toast';
import { instantText, momentText, wallOf, wallText } from './wall';

export type Kind = 'message' | 'broadcast' | 'status' | 'sequence';
export type Group = 'pending' | 'scheduled' | 'posted' | 'failed' | 'cancelled';

export const KINDS: Kind[] = ['message', 'broadcast', 'status', 'sequence'];
export const GROUPS: Group[] =
    ['scheduled', 'pending', 'posted', 'failed', 'cancelled'];

export interface Entry {
    kind: Kind;
    schedule_id: string | null;
    starts_at: string | null;
    cohort: number;
    step: number;
    at: string;
    ends_at: string;
    status: Group;
    state: string | null;
    reason: string | null;
    ref_id: string | null;
    account_id: string | null;
    platform: string | null;
    channel: string | null;
    title: string;
    audience: number;
    conflict: boolean;
    move: string | null;
}

export interface Plan {
    data: Entry[];
    counts: Record<Group, number>;
    more: boolean;
}

export interface Schedule {
    id: string;
    kind: Kind;
    name: string;
    status: string;
    account_id: string;
    document: Record<string, unknown>;
    starts_at: string;
    time_zone: string;
    rrule: string | null;
    misfire: 'skip' | 'send';
    month_end: 'skip' | 'last_day';
    best_time: boolean;
    cancel_if_replied: boolean;
    delete_after_s: number | null;
}

export interface PlanAccount {
    id: string;
    name: string;
    phone: string | null;
    provider: string;
    channel: string;
    status: string;
}

export interface Range {
    from: number;
    to: number;
    filter: Record<string, string>;
}


export const keyOf = (e: Entry) =>
    [e.kind, e.schedule_id ?? e.ref_id, e.starts_at ?? '', e.cohort, e.step]
        .join('|');

export const titleOf = (e: Entry) =>
    e.title !== '' ? e.title : t(`calendar.kind.${e.kind}`);


function planKey(r: Range) {
    return ['calendar', r.from, r.to, r.filter] as const;
}


/* the stream says nothing of schedules yet, so what is seen is asked again */
export function usePlan(r: Range, ready: boolean) {
    const live = useLiveStatus();

    return useQuery({
        queryKey: planKey(r),
        enabled: ready,
        queryFn: ({ signal }) => {
            const q = new URLSearchParams({
                from: instantText(r.from), to: instantText(r.to), ...r.filter,
            });

            return call<Plan>('GET', `/calendar?${q.toString()}`, { signal });
        },
        placeholderData: (before) => before,
        refetchInterval: live === 'open' ? 20_000 : 5000,
    });
}


export function useZone() {
    return useQuery({
        queryKey: ['settings'],
        queryFn: ({ signal }) => call<{ time_zone: string }>(
            'GET', '/settings', { signal }),
    });
}


export function usePlanAccounts() {
    return useQuery({
        queryKey: ['accounts', 'plan'],
        queryFn: ({ signal }) => call<Page<PlanAccount>>(
            'GET', '/accounts?limit=200', { signal }),
    });
}


export function scheduleQuery(id: string) {
    return {
        queryKey: ['schedule', id],
        queryFn: () => call<Schedule>(
            'GET', `/schedules/${encodeURIComponent(id)}`),
    };
}


export function refreshPlan(qc: QueryClient): void {
    void qc.invalidateQueries({ queryKey: ['calendar'] });
    /* one that is still shown may just have been deleted */
    void qc.invalidateQueries({
        queryKey: ['schedule'], refetchType: 'none',
    });
}


/* the API's paths are told whole; call() puts their beginning before them */
export const pathOf = (move: string) => move.replace(/^\/api\/v1/, '');


function show(qc: QueryClient, e: Entry, at: string): void {
    const shift = Date.parse(at) - Date.parse(e.at);

    qc.setQueriesData<Plan>({ queryKey: ['calendar'] }, (p) =>
        p === undefined ? p : {
            ...p,
            data: p.data.map((x) => keyOf(x) !== keyOf(e) ? x : {
                ...x, at, conflict: false,
                ends_at: new Date(Date.parse(e.ends_at) + shift)
                    .toISOString(),
            }),
        });
}


async function patch(qc: QueryClient, e: Entry, ms: number): Promise<void> {
    if (e.schedule_id === null || e.ref_id !== null) {
        await call('PATCH', pathOf(e.move!), {
            body: { send_at: instantText(ms) },
        });

        return;
    }

    /* an occurrence goes by the clock of its schedule */
    const s = await qc.fetchQuery({
        ...scheduleQuery(e.schedule_id), staleTime: 60_000,
    });

    await call('PATCH', pathOf(e.move!), {
        body: { starts_at: wallText(wallOf(ms, s.time_zone)) },
    });
}


export async function moveEntry(qc: QueryClient, e: Entry, ms: number,
    zone: string, undone = false): Promise<boolean>
{
    const was = Date.parse(e.at);

    if (ms === was) {
        return true;
    }

    if (e.move === null) {
        toast({ kind: 'failed', text: t('calendar.cannotMove') });
        return false;
    }

    await qc.cancelQueries({ queryKey: ['calendar'] });
    show(qc, e, instantText(ms));

    try {
        await patch(qc, e, ms);

    } catch (x) {
        show(qc, e, e.at);
        toast({ kind: 'failed', text: asProblem(x).words });
        return false;

    } finally {
        refreshPlan(qc);
    }

    const moved = { ...e, at: instantText(ms) };

    toast(undone ? { text: t('calendar.movedBack') } : {
        text: t('calendar.moved', {
            title: titleOf(e), when: momentText(wallOf(ms, zone)),
        }),
        undo: async () => {
            await moveEntry(qc, moved, was, zone, true);
        },
    });

    return true;
}

/*
 * What the views ask for.  The event stream keeps the answers fresh while it
 * is open; when it is not, what is on the screen is asked for again every
 * few seconds.
 */

import {
    QueryClient, infiniteQueryOptions, queryOptions, useInfiniteQuery,
    useQuery,
} from '@tanstack/react-query';
import type { InfiniteData } from '@tanstack/react-query';
import { Problem, call } from './client';
import { newestBroadcast, newestMessage, useLiveStatus } from './live';
import type {
    Account, Broadcast, Contact, Message, Page, Recipient, Template, User,
} from './types';

const POLL_MS = 5000;

export type Pages<T> = InfiniteData<Page<T>>;


export function makeClient(): QueryClient {
    return new QueryClient({
        defaultOptions: {
            queries: {
                staleTime: 30_000,
                retry: (n, e) => n < 2
                    && (!(e instanceof Problem) || e.status === 0
                        || e.status >= 500),
                retryDelay: (n) => 400 * 2 ** n,
            },
        },
    });
}


function query(params: Record<string, string>): string {
    const q = new URLSearchParams();

    for (const [k, v] of Object.entries(params)) {
        if (v !== '') {
            q.set(k, v);
        }
    }

    const s = q.toString();

    return s === '' ? '' : `?${s}`;
}


function list<T>(key: readonly unknown[], path: string,
    params: Record<string, string>, limit: number,
    fresh: (row: T) => T = (row) => row)
{
    return infiniteQueryOptions({
        queryKey: key,
        initialPageParam: '',
        queryFn: async ({ pageParam, signal }) => {
            const page = await call<Page<T>>('GET', path + query({
                ...params, limit: String(limit), cursor: pageParam as string,
            }), { signal });

            return { ...page, data: page.data.map((r) => fresh(r)) };
        },
        getNextPageParam: (last: Page<T>) => last.next_cursor ?? undefined,
    });
}


export const q = {
    me: () => queryOptions({
        queryKey: ['me'],
        queryFn: () => call<User>('GET', '/me'),
        retry: (n, e) => n < 2 && !(e instanceof Problem && e.status === 401),
        staleTime: Infinity,
    }),

    broadcasts: () => list<Broadcast>(['broadcasts'], '/broadcasts', {}, 50,
                                      newestBroadcast),

    broadcast: (id: string) => queryOptions({
        queryKey: ['broadcast', id],
        queryFn: async ({ signal }) => newestBroadcast(await call<Broadcast>(
            'GET', `/broadcasts/${encodeURIComponent(id)}`, { signal })),
    }),

    recipients: (id: string, status: string) => list<Recipient>(
        ['recipients', id, status],
        `/broadcasts/${encodeURIComponent(id)}/recipients`, { status }, 100),

    contacts: (search: string, tag: string) => list<Contact>(
        ['contacts', search, tag], '/contacts', { search, tag }, 100),

    contact: (id: string) => queryOptions({
        queryKey: ['contact', id],
        queryFn: ({ signal }) => call<Contact>(
            'GET', `/contacts/${encodeURIComponent(id)}`, { signal }),
    }),

    messages: (direction: string, contact: string) => list<Message>(
        ['messages', direction, contact], '/messages',
        { direction, contact_id: contact }, 50, newestMessage),

    accounts: () => queryOptions({
        queryKey: ['accounts'],
        queryFn: ({ signal }) => call<Page<Account>>(
            'GET', '/accounts?limit=200', { signal }),
    }),

    templates: () => queryOptions({
        queryKey: ['templates'],
        queryFn: ({ signal }) => call<Page<Template>>(
            'GET', '/templates?limit=200', { signal }),
    }),
};


function usePoll(): number | false {
    return useLiveStatus() === 'open' ? false : POLL_MS;
}


export function useBroadcasts() {
    return useInfiniteQuery({ ...q.broadcasts(), refetchInterval: usePoll() });
}


export function useBroadcast(id: string) {
    return useQuery({ ...q.broadcast(id), refetchInterval: usePoll() });
}


/* rows change under a running broadcast: the first pages follow it */
export function useRecipients(id: string, status: string, running: boolean) {
    return useInfiniteQuery({
        ...q.recipients(id, status),
        refetchInterval: (self) =>
            running && (self.state.data?.pages.length ?? 0) <= 2
            ? 2500 : false,
        placeholderData: (before) => before,
    });
}


export function useContacts(search: string, tag: string) {
    return useInfiniteQuery({
        ...q.contacts(search, tag),
        placeholderData: (before) => before,
    });
}


export function useMessages(direction: string, contact: string) {
    return useInfiniteQuery({
        ...q.messages(direction, contact), refetchInterval: usePoll(),
    });
}


export function rowsOf<T>(data: Pages<T> | undefined): T[] {
    return data === undefined ? [] : data.pages.flatMap((p) => p.data);
}

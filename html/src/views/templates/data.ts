/*
 * Templates: the shapes of the API's answers, what the views ask for, and
 * what can be told of a document without asking anybody.
 */

import {
    infiniteQueryOptions, queryOptions, useQuery,
    useQueryClient,
} from '@tanstack/react-query';
import { call } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { q } from '../../api/queries';
import type { Page, Template as Plain, User } from '../../api/types';
import { humanise } from '../../lib/format';
import { region, t, tMaybe } from '../../lib/t';

export type Format = 'none' | 'text' | 'image' | 'video' | 'document'
    | 'location';

export interface Button {
    type: string;
    text?: string;
    url?: string;
    phone_number?: string;
    example?: string;
    otp_type?: string;
    [other: string]: unknown;
}

export interface Variable {
    fallback?: string;
    sample?: string;
    type?: string;
}

/* what we have no form for is kept as it came */
export interface Doc {
    header?: { format: Format; text?: string; media_id?: string };
    body: string;
    footer?: string;
    buttons?: Button[];
    variables?: Record<string, Variable>;
    authentication?: {
        security_recommendation?: boolean; code_expiration_minutes?: number;
    };
    [other: string]: unknown;
}

export interface Template extends Plain {
    created_at: string;
    updated_at: string;
    document: Doc;
    version: number;
    submitted_version: number | null;
    account_id: string | null;
    status_reason: string | null;
    category_was: string | null;
    quality: string;
    paused_until: string | null;
    submitted_at: string | null;
    checked_at: string | null;
    deleted_at: string | null;
}

export interface Finding {
    code: string;
    level: 'error' | 'warning';
    pointer: string;
    words: string;
    fix: string;
}

export interface Version {
    version: number;
    category: string;
    created_at: string;
    newest: boolean;
    submitted: boolean;
    document?: Doc;
}

export interface Change {
    path: string;
    from?: unknown;
    to?: unknown;
}

export interface Shelf {
    id: string;
    category: string;
    use: string;
    title: string;
    languages: Record<string, Doc>;
}

export interface Snippet {
    id: string;
    shortcut: string;
    kind: string;
    language: string;
    title: string;
    body: string;
    updated_at: string;
}

export interface Result {
    template_id: string;
    language: string;
    version: number;
    broadcasts: number;
    sent: number;
    delivered: number;
    read: number;
    clicked: number;
    replied: number;
    failed: number;
    opted_out: number;
    cost: string;
}

export interface Imported {
    created: number;
    templates: { id: string | null; name: string; language: string;
                 outcome: string }[];
}

export const CATEGORIES = ['marketing', 'utility', 'authentication'] as const;

export const LANGUAGE_CODES = (
    'en en_GB en_US sw ar es es_AR es_ES es_MX pt_BR pt_PT fr hi id af sq az '
    + 'bn bg ca zh_CN zh_HK zh_TW hr cs da nl et fil fi ka de el gu ha he hu '
    + 'ga it ja kn kk rw_RW ko ky_KG lo lv lt mk ms ml mr nb fa pl pa ro ru '
    + 'sr sk sl sv ta te th tr uk ur uz vi zu').split(' ');

const one = (id: string) => `/templates/${encodeURIComponent(id)}`;


export const tq = {
    list: (filter: Record<string, string>) => infiniteQueryOptions({
        queryKey: ['templates', 'list', filter],
        initialPageParam: '',
        queryFn: ({ pageParam, signal }) => call<Page<Template>>(
            'GET', `/templates?${new URLSearchParams(Object.entries(
                { ...filter, limit: '100', cursor: pageParam as string })
                .filter(([, v]) => v !== ''))}`, { signal }),
        getNextPageParam: (last: Page<Template>) =>
            last.next_cursor ?? undefined,
        placeholderData: (before) => before,
    }),

    /* its tag comes with it: a change says which state it is a change of */
    one: (id: string) => queryOptions({
        queryKey: ['templates', 'one', id],
        queryFn: async ({ signal }) => {
            const res = await fetch(`/api/v1${one(id)}`, {
                signal, credentials: 'same-origin',
            }).catch(() => undefined);

            return res?.ok === true
                ? { of: await res.json() as Template,
                    tag: res.headers.get('ETag') ?? undefined }
                : { of: await call<Template>('GET', one(id), { signal }),
                    tag: undefined };
        },
    }),

    languages: (id: string) => queryOptions({
        queryKey: ['templates', 'languages', id],
        queryFn: ({ signal }) => call<Page<Template>>(
            'GET', `${one(id)}/languages`, { signal }),
    }),

    versions: (id: string) => queryOptions({
        queryKey: ['templates', 'versions', id],
        queryFn: ({ signal }) => call<Page<Version>>(
            'GET', `${one(id)}/versions?limit=200`, { signal }),
    }),

    diff: (id: string, from: string, to: string) => queryOptions({
        queryKey: ['templates', 'diff', id, from, to],
        queryFn: ({ signal }) => call<{ changes: Change[] }>(
            'GET', `${one(id)}/diff?from=${from}&to=${to}`, { signal }),
    }),

    results: (id: string) => queryOptions({
        queryKey: ['templates', 'results', id],
        queryFn: ({ signal }) => call<Page<Result>>(
            'GET', `${one(id)}/results`, { signal }),
    }),

    library: (filter: Record<string, string>) => queryOptions({
        queryKey: ['library', filter],
        queryFn: ({ signal }) => call<Page<Shelf>>(
            'GET', `/library/templates?${new URLSearchParams(
                Object.entries(filter).filter(([, v]) => v !== ''))}`,
            { signal }),
        staleTime: Infinity,
    }),

    snippets: (search: string, kind: string) => queryOptions({
        queryKey: ['snippets', search, kind],
        queryFn: ({ signal }) => call<Page<Snippet>>(
            'GET', `/snippets?limit=200&${new URLSearchParams(Object.entries(
                { q: search, kind }).filter(([, v]) => v !== ''))}`,
            { signal }),
    }),
};


/* after any change; composer and wizards read the same root */
export function useTemplatesChanged(): () => Promise<void> {
    const qc = useQueryClient();

    return () => qc.invalidateQueries({ queryKey: ['templates'] });
}


/* who may change something now, and the words for who may not */
export function useMayChange(): { may: boolean; why: string | undefined } {
    const me = useQuery(q.me()).data as
        (User & { scopes?: string[] }) | undefined;
    const offline = useLiveStatus() === 'offline';
    const allowed = me?.scopes?.includes('send') ?? true;

    return {
        may: allowed && !offline,
        why: !allowed ? t('templates.noScope')
            : offline ? t('templates.offline') : undefined,
    };
}


export function languageName(code: string): string {
    try {
        return new Intl.DisplayNames([region], { type: 'language' })
            .of(code.replace('_', '-')) ?? code;
    } catch {
        return code;
    }
}


export function rtl(code: string): boolean {
    return /^(ar|he|fa|ur)(_|$)/.test(code);
}


const LOOKS: Record<string, string> = {
    approved: 'replied', pending: 'unknown', in_appeal: 'unknown',
    paused: 'unknown', rejected: 'failed', disabled: 'failed',
};

export const statusLook = (s: string) => LOOKS[s] ?? 'open';

export const statusText = (s: string) =>
    tMaybe(`templates.status.${s}`) ?? humanise(s);

export const categoryText = (s: string) =>
    tMaybe(`templates.category.${s}`) ?? humanise(s);


/* ── variables ── */

const PLACE = /\{\{\s*([A-Za-z0-9_]+)\s*(?:\|([^{}]*))?\}\}/g;


/* every variable of a document, each once, as they first stand there */
export function namesOf(d: Doc): string[] {
    const texts = [d.header?.format === 'text' ? d.header.text : '', d.body,
                   ...(d.buttons ?? []).map((b) => b.url)];
    const names = new Set<string>();

    for (const text of texts) {
        for (const m of (text ?? '').matchAll(PLACE)) {
            names.add(m[1]!);
        }
    }

    return [...names];
}


/* what goes into the places: `of` gives a value, else the fallback does, else
 * the sample, else the place stays and is marked */
export function filled(text: string, d: Doc,
    of: (name: string) => string | undefined, samples: boolean): string
{
    return text.replace(PLACE, (whole, name: string, own?: string) => {
        const v = d.variables?.[name];

        return of(name) || (samples ? v?.sample : '') || own || v?.fallback
               || whole;
    });
}

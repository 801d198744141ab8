/*
 * One way to the API: JSON in, JSON out, and every failure as a Problem that
 * can be shown in plain words.  The session is a cookie that scripts cannot
 * read; a 401 anywhere but at sign-in means that it has ended.
 */

import { tMaybe } from '../lib/t';

const BASE = '/api/v1';
const TIMEOUT_MS = 20_000;

interface FieldProblem {
    pointer?: string;
    code?: string;
    detail?: string;
}

let onSignedOut: () => void = () => {};


export class Problem extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        readonly detail: string,
        readonly requestId: string | undefined,
        readonly retryAfter: number | undefined,
        readonly errors: FieldProblem[],
    ) {
        super(detail);
        this.name = 'Problem';
    }

    /* what was said of single fields, by their pointers */
    get fields(): { pointer: string; words: string }[] {
        return this.errors.filter((e) => e.pointer !== undefined)
            .map((e) => ({
                pointer: e.pointer!,
                words: tMaybe(`fault.${e.code}`) ?? e.detail ?? this.detail,
            }));
    }

    /* what to tell the user: our words for the code, else the server's */
    get words(): string {
        const wait = this.retryAfter ?? 30;
        const field = this.errors[0]?.detail;

        if (this.code === 'validation_failed' && field !== undefined) {
            return field;
        }

        return tMaybe(`problem.${this.code}`, { wait })
               ?? (this.detail !== '' ? this.detail : undefined)
               ?? tMaybe(this.status >= 500 ? 'problem.server'
                                            : 'problem.other')!;
    }
}


export function whenSignedOut(f: () => void): void {
    onSignedOut = f;
}


export function asProblem(e: unknown): Problem {
    return e instanceof Problem ? e
        : new Problem(0, 'other', String(e), undefined, undefined, []);
}


async function failure(res: Response): Promise<Problem> {
    const text = await res.text();
    const wait = parseInt(res.headers.get('Retry-After') ?? '', 10);
    let p: Record<string, unknown> = {};

    try {
        p = JSON.parse(text) as Record<string, unknown>;
    } catch {
        /* a proxy's page, say: the status has to do */
    }

    const str = (k: string) => typeof p[k] === 'string' ? p[k] as string : '';
    const code = str('code');

    return new Problem(res.status, code !== '' ? code
                       : res.status >= 500 ? 'server' : 'other',
                       str('detail') || str('title'),
                       str('request_id')
                       || (res.headers.get('X-Request-Id') ?? undefined),
                       Number.isNaN(wait) ? undefined : wait,
                       Array.isArray(p['errors'])
                       ? p['errors'] as FieldProblem[] : []);
}


interface Options {
    body?: unknown;
    signal?: AbortSignal;
    headers?: Record<string, string>;
    onTag?: (etag: string | null) => void;     /* of what was answered */
}


export async function call<T>(method: string, path: string,
    { body, signal, headers, onTag }: Options = {}): Promise<T>
{
    let res: Response;
    const limit = AbortSignal.timeout(TIMEOUT_MS);

    try {
        res = await fetch(BASE + path, {
            method,
            credentials: 'same-origin',
            headers: {
                'Accept': 'application/json',
                ...(body !== undefined
                    ? { 'Content-Type': 'application/json' } : {}),
                ...headers,
            },
            body: body !== undefined ? JSON.stringify(body) : undefined,
            signal: signal === undefined ? limit
                    : AbortSignal.any([signal, limit]),
        });

    } catch (e) {
        if (signal?.aborted) {
            throw e;
        }

        throw new Problem(0, limit.aborted ? 'timeout' : 'network', '',
                          undefined, undefined, []);
    }

    if (!res.ok) {
        const p = await failure(res);

        if (p.status === 401 && path !== '/login' && path !== '/me') {
            onSignedOut();
        }

        throw p;
    }

    onTag?.(res.headers.get('ETag'));

    if (res.status === 204) {
        return undefined as T;
    }

    return await res.json() as T;
}


/* randomUUID() exists only in secure contexts; plain http on a LAN is none */
export function uuid(): string {
    const b = crypto.getRandomValues(new Uint8Array(16));

    b[6] = (b[6]! & 0x0f) | 0x40;
    b[8] = (b[8]! & 0x3f) | 0x80;

    const h = Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');

    return [h.slice(0, 8), h.slice(8, 12), h.slice(12, 16), h.slice(16, 20),
            h.slice(20)].join('-');
}

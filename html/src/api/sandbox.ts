/*
 * The sandbox's own controls.  They are no part of the API: nginx serves them
 * beside it, and answers only who sits at the same machine.  Where they are
 * is found by asking; no answer means that they are out of reach.
 */

import { Problem } from './client';

const PLACES = ['/sandbox-control/_control', '/sandbox/_control'];

export interface SandboxSettings {
    faults: { kind: string; status?: number; for_ms?: number }[];
    delivered_rate: number;
    read_rate: number;
    reply_rate: number;
    quality_rating: string;
    magic: boolean;
    hold: boolean;
    counters: Record<string, number>;
}

let place: string | undefined;


async function ask<T>(at: string, method: string, path: string,
    body?: unknown): Promise<T>
{
    let res: Response;

    try {
        res = await fetch(at + path, {
            method, credentials: 'omit',
            headers: body !== undefined
                ? { 'Content-Type': 'application/json' } : {},
            body: body !== undefined ? JSON.stringify(body) : undefined,
        });
    } catch {
        throw new Problem(0, 'network', '', undefined, undefined, []);
    }

    const json = await res.json().catch(() => undefined) as
        T & { error?: string } | undefined;

    /* the dashboard's own page answers where there is no sandbox */
    if (json === undefined) {
        throw new Problem(res.status, 'sandbox_away', '', undefined,
                          undefined, []);
    }

    if (!res.ok) {
        throw new Problem(res.status, 'sandbox', String(json.error ?? ''),
                          undefined, undefined, []);
    }

    return json;
}


export async function sandbox<T>(method: string, path: string,
    body?: unknown): Promise<T>
{
    if (place !== undefined) {
        return ask<T>(place, method, path, body);
    }

    let last: unknown;

    for (const at of PLACES) {
        try {
            await ask(at, 'GET', '/clock');
            place = at;

            return await ask<T>(at, method, path, body);
        } catch (e) {
            last = e;

            if (place !== undefined) {
                throw e;
            }
        }
    }

    throw last;
}


export const number = (id: string) => `/numbers/${encodeURIComponent(id)}`;


/* the sandbox calls back at an address in numbers, without TLS */
export function loopback(): string {
    return `http://127.0.0.1:${location.port || '80'}`;
}


function random(bytes: number): string {
    return Array.from(crypto.getRandomValues(new Uint8Array(bytes)),
                      (b) => b.toString(16).padStart(2, '0')).join('');
}


/* what a new number of the sandbox is made of */
export function sandboxNumber(qr: boolean) {
    return {
        number_id: qr ? `session-${random(3)}`
            : `1${String(Date.now()).slice(-12)}${Math.floor(
                100 + Math.random() * 900)}`,
        token: random(16), app_secret: random(16), verify_token: random(8),
    };
}

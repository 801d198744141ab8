/*
 * The organisation's settings: read with their tag, changed against it, so
 * that two people who change them at once do not undo each other unseen.
 */

import { useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Problem, asProblem, call } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { useMay } from '../../api/me';
import type { Brand } from '../../lib/brand';
import { t } from '../../lib/t';
import { toast } from '../../ui/toast';

export interface Settings {
    name: string;
    time_zone: string;
    quiet_hours: { from: string; to: string } | null;
    frequency_cap: { messages: number; days: number } | null;
    spend_limit: { amount: string; period: 'day' | 'month' } | null;
    spend_used: { amount: string; period: string; since: string } | null;
    currency: string | null;
    brand: Brand | null;
}

export interface Tagged {
    settings: Settings;
    tag: string | null;
}


export function useSettings() {
    return useQuery({
        queryKey: ['settings', 'all'],
        queryFn: async ({ signal }): Promise<Tagged> => {
            let tag: string | null = null;
            const settings = await call<Settings>('GET', '/settings', {
                signal, onTag: (v) => {
                    tag = v;
                },
            });

            return { settings, tag };
        },
    });
}


/* why nothing can be changed now; undefined: it can */
export function useLocked(): string | undefined {
    const may = useMay('admin');
    const offline = useLiveStatus() === 'offline';

    return !may ? t('settings.notYours') : offline ? t('run.offline')
        : undefined;
}


/* the tag is the one that the form was filled from, not the newest seen */
export function useSave(from: Tagged) {
    const qc = useQueryClient();
    const [tag, setTag] = useState(from.tag);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);

    const save = async (body: Partial<Settings>) => {
        if (busy) {
            return;
        }

        setBusy(true);
        setError(null);

        try {
            let newer: string | null = null;
            const settings = await call<Settings>('PATCH', '/settings', {
                body,
                headers: tag === null ? {} : { 'If-Match': tag },
                onTag: (v) => {
                    newer = v;
                },
            });

            setTag(newer);
            qc.setQueryData<Tagged>(['settings', 'all'],
                                    { settings, tag: newer });
            qc.setQueryData(['settings', 'brand'], settings.brand);
            toast({ text: t('form.saved') });

            if (body.name !== undefined) {
                await qc.invalidateQueries({ queryKey: ['me'] });
            }

        } catch (e) {
            setError(e);
        }

        setBusy(false);
    };

    return {
        save, busy, error,
        stale: error !== null && asProblem(error).status === 412,
    };
}


/* a picture of ours is kept as media */
export async function uploadLogo(file: File): Promise<string> {
    let res: Response;

    try {
        res = await fetch('/api/v1/media?filename='
                          + encodeURIComponent(file.name), {
            method: 'POST',
            credentials: 'same-origin',
            headers: {
                'Accept': 'application/json',
                'Content-Type': file.type || 'application/octet-stream',
            },
            body: file,
        });

    } catch {
        throw new Problem(0, 'network', '', undefined, undefined, []);
    }

    const said = await res.json().catch(() => ({})) as
        { id?: string; code?: string; detail?: string; request_id?: string };

    if (!res.ok || said.id === undefined) {
        throw new Problem(res.status, said.code ?? 'other', said.detail ?? '',
                          said.request_id, undefined, []);
    }

    return said.id;
}

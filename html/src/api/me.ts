/*
 * Who is signed in, what they may do, and how their organisation calls itself.
 */

import { useEffect } from 'react';
import { useQuery } from '@tanstack/react-query';
import { call } from './client';
import { q } from './queries';
import type { User } from './types';
import { applyBrand, keepBrand, storedBrand } from '../lib/brand';
import type { Brand } from '../lib/brand';
import { t } from '../lib/t';

export type Scope = 'read' | 'send' | 'admin';


export function useMe(): User | undefined {
    return useQuery(q.me()).data;
}


/* a view asks before it offers what the server would refuse */
export function useMay(scope: Scope): boolean {
    return useMe()?.scopes.includes(scope) ?? false;
}


/* under ['settings'], so that whoever changes settings refreshes it as well */
export function useBrand(): Brand | null {
    const me = useMe();

    const { data } = useQuery({
        queryKey: ['settings', 'brand'],
        queryFn: async ({ signal }) =>
            (await call<{ brand?: Brand | null }>('GET', '/settings',
                                                  { signal })).brand ?? null,
        enabled: me !== undefined,
        staleTime: 300_000,
        placeholderData: storedBrand() ?? undefined,
    });

    return data ?? null;
}


/* for the frame, once: the page wears it */
export function useBrandColours(brand: Brand | null): void {
    const key = JSON.stringify(brand);

    useEffect(() => {
        applyBrand(brand);
        keepBrand(brand);
    }, [key]);
}


export function brandName(brand: Brand | null): string {
    return brand?.name || t('app.name');
}

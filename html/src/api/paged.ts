/*
 * Lists that are short as a rule and shown whole: a page of them, and the way
 * to the next one where there is one.
 */

import { useInfiniteQuery } from '@tanstack/react-query';
import { call } from './client';
import type { Page } from './types';

const LIMIT = 100;


export function usePaged<T>(key: readonly unknown[], path: string) {
    const query = useInfiniteQuery({
        queryKey: key,
        initialPageParam: '',
        queryFn: ({ pageParam, signal }) => call<Page<T>>('GET',
            `${path}?limit=${LIMIT}${pageParam === '' ? ''
                : `&cursor=${encodeURIComponent(pageParam as string)}`}`,
            { signal }),
        getNextPageParam: (last: Page<T>) => last.next_cursor ?? undefined,
    });

    return { query, rows: query.data?.pages.flatMap((p) => p.data) };
}

/*
 * A history router as small as the dashboard needs: the path names the view,
 * the query its filters.  nginx answers index.html for every path that is
 * no file, so a reload or a shared link lands on the same view.
 */

import { useSyncExternalStore } from 'react';
import type { ReactNode } from 'react';

export interface Place {
    path: string;
    parts: string[];
    query: URLSearchParams;
}

const listeners = new Set<() => void>();


function changed(): void {
    for (const l of listeners) {
        l();
    }
}

addEventListener('popstate', changed);


export function go(to: string, replace = false): void {
    if (to === location.pathname + location.search) {
        return;
    }

    if (replace) {
        history.replaceState(null, '', to);
    } else {
        history.pushState(null, '', to);
    }

    changed();
}


function subscribe(l: () => void): () => void {
    listeners.add(l);

    return () => listeners.delete(l);
}


/* a damaged escape in a typed address is no reason to fail */
function decoded(part: string): string {
    try {
        return decodeURIComponent(part);
    } catch {
        return part;
    }
}


export function usePlace(): Place {
    const href = useSyncExternalStore(
        subscribe, () => location.pathname + location.search);
    const url = new URL(href, location.origin);

    return {
        path: url.pathname,
        parts: url.pathname.split('/').filter(Boolean).map(decoded),
        query: url.searchParams,
    };
}


/* the same path with some of the query replaced; '' removes a key */
export function withQuery(place: Place, change: Record<string, string>) {
    const q = new URLSearchParams(place.query);

    for (const [k, v] of Object.entries(change)) {
        if (v === '') {
            q.delete(k);
        } else {
            q.set(k, v);
        }
    }

    const s = q.toString();

    return s === '' ? place.path : `${place.path}?${s}`;
}


interface LinkProps {
    to: string;
    children: ReactNode;
    className?: string;
    replace?: boolean;
    [attribute: string]: unknown;
}


export function Link({ to, replace, children, ...rest }: LinkProps) {
    return (
        <a
            href={to}
            {...rest}
            onClick={(e: MouseEvent) => {
                /* leave new tabs and windows to the browser */
                if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey
                    || e.altKey)
                {
                    return;
                }

                e.preventDefault();
                go(to, replace === true);
            }}
        >
            {children}
        </a>
    );
}

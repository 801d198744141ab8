/*
 * Small hooks without a home of their own.
 */

import { useEffect, useState } from 'react';
import type { CSSProperties } from 'react';


/* the value once it has stood still for a while: typing asks once, not often */
export function useSettled<T>(value: T, ms: number): T {
    const [settled, set] = useState(value);

    useEffect(() => {
        const timer = setTimeout(() => set(value), ms);

        return () => clearTimeout(timer);
    }, [value, ms]);

    return settled;
}


export function useMedia(query: string): boolean {
    const [on, set] = useState(() => matchMedia(query).matches);

    useEffect(() => {
        const m = matchMedia(query);
        const changed = () => set(m.matches);

        changed();
        m.addEventListener('change', changed);

        return () => m.removeEventListener('change', changed);
    }, [query]);

    return on;
}


/* custom properties for a style attribute, which its type does not foresee */
export function vars(properties: Record<`--${string}`, number>) {
    return properties as CSSProperties;
}

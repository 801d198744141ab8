/*
 * A long list of which only the visible rows exist.  It has one tab stop;
 * j and k, the arrows, Home and End move through it, Enter follows the row's
 * link.  The next page is asked for when the end comes near.
 *
 * The list scrolls by itself, or inside "scroller" with other things above.
 */

import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { ReactNode, RefObject } from 'react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useKeys } from '../lib/keys';
import { t } from '../lib/t';

interface RowProps {
    tabIndex: number;
    'data-row': number;
    onFocus: () => void;
}

interface RowsProps<T> {
    items: T[];
    keyOf: (item: T) => string;
    height: number;
    label: string;
    hasMore: boolean;
    loadMore: () => void;
    render: (item: T, props: RowProps, index: number) => ReactNode;
    role?: 'list' | 'rowgroup';
    scroller?: RefObject<HTMLElement | null>;
    current?: number;
    className?: string;
}

const NEAR_END = 12;


export function Rows<T>({ items, keyOf, height, label, hasMore, loadMore,
    render, role = 'list', scroller, current = -1, className }: RowsProps<T>)
{
    const own = useRef<HTMLDivElement>(null);
    const inner = useRef<HTMLDivElement>(null);
    const [margin, setMargin] = useState(0);
    const [active, setActive] = useState(-1);
    const wanted = useRef(-1);
    const box = () => scroller?.current ?? own.current;

    const v = useVirtualizer<HTMLElement, HTMLElement>({
        count: items.length,
        getScrollElement: box,
        estimateSize: () => height,
        getItemKey: (i) => keyOf(items[i]!),
        overscan: 8,
        scrollMargin: margin,
    });

    /* what stands above the list may grow and shrink */
    useLayoutEffect(() => {
        const outer = scroller?.current;
        const el = inner.current;

        if (!outer || !el) {
            return;
        }

        const measure = () => setMargin(Math.round(
            el.getBoundingClientRect().top
            - outer.getBoundingClientRect().top + outer.scrollTop));
        const watch = new ResizeObserver(measure);

        measure();

        for (const child of Array.from(outer.children)) {
            watch.observe(child);
        }

        watch.observe(outer);

        return () => watch.disconnect();
    }, [scroller]);

    useLayoutEffect(() => v.measure(), [height]);

    const shown = v.getVirtualItems();
    const last = shown[shown.length - 1]?.index ?? -1;

    useEffect(() => {
        if (hasMore && last >= items.length - NEAR_END) {
            loadMore();
        }
    }, [hasMore, last, items.length]);

    /* a row that was asked for by key may have to be made first */
    useEffect(() => {
        if (wanted.current >= 0) {
            const row = inner.current?.querySelector<HTMLElement>(
                `[data-row="${wanted.current}"]`);

            if (document.activeElement?.matches('input, textarea, select')) {
                /* somebody began to type meanwhile: the focus is theirs */
                wanted.current = -1;

            } else if (row) {
                wanted.current = -1;
                row.focus({ preventScroll: true });
            }
        }
    });

    const move = (to: number) => {
        const i = Math.max(0, Math.min(items.length - 1, to));

        if (items.length > 0) {
            wanted.current = i;
            setActive(i);
            v.scrollToIndex(i, { align: 'auto' });
        }
    };

    const from = active >= 0 ? active : current;

    useKeys({
        j: () => move(from + 1),
        k: () => move(from < 0 ? 0 : from - 1),
    });

    const stop = active >= 0 && active < items.length ? active
        : current >= 0 ? current : 0;

    const list = (
        <div
            ref={inner} className="rows-inner" role={role}
            aria-label={role === 'list' ? label : undefined}
            style={{ blockSize: `${v.getTotalSize()}px` }}
            onKeyDown={(e: KeyboardEvent) => {
                const to = e.key === 'ArrowDown' ? from + 1
                    : e.key === 'ArrowUp' ? from - 1
                    : e.key === 'Home' ? 0
                    : e.key === 'End' ? items.length - 1 : undefined;

                if (to !== undefined) {
                    e.preventDefault();
                    move(to);
                }
            }}
        >
            {shown.map((r) => (
                <div
                    key={r.key} className="rows-place"
                    role={role === 'list' ? 'listitem' : 'presentation'}
                    aria-setsize={role === 'list'
                        ? (hasMore ? -1 : items.length) : undefined}
                    aria-posinset={role === 'list' ? r.index + 1 : undefined}
                    style={{
                        blockSize: `${height}px`,
                        transform: `translateY(${r.start - margin}px)`,
                    }}
                >
                    {render(items[r.index]!, {
                        'tabIndex': r.index === stop ? 0 : -1,
                        'data-row': r.index,
                        'onFocus': () => setActive(r.index),
                    }, r.index)}
                </div>
            ))}
        </div>
    );

    return (
        <div ref={own}
            className={`rows ${scroller ? '' : 'rows-scroll'} ${className ?? ''}`}>
            {list}
            {hasMore
                && <p className="rows-more"
                    role={role === 'list' ? 'status' : undefined}>
                    {t('state.more')}
                </p>}
        </div>
    );
}

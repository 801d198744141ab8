/*
 * Dragging an entry with a mouse or a pen.  A finger scrolls; for it, as for
 * the keyboard, there is the dialog "Move to…".
 *
 *   pressed ── 5 px ──> lifted ── released over a day ──> dropped
 *      └── released ──> a click        └── Escape ──> nothing
 *
 * Where it would fall is found under the pointer: [data-day] is a day, and
 * with [data-hours] its height is the 24 hours of it.
 */

import { useRef, useState } from 'react';
import { keyOf, titleOf } from './data';
import type { Entry } from './data';
import { DAY, HOUR, MINUTE, clockText, wallOf } from './wall';
import type { Wall } from './wall';

const FAR = 5;
const STEP = 15 * MINUTE;

export interface Drag {
    lifted: string;
    over: Wall | undefined;
    start: (p: PointerEvent, e: Entry) => void;
    wasDrag: () => boolean;
}


/* of a point in a column of hours, by quarters */
export function timeAt(column: HTMLElement, y: number, step = STEP): number {
    const box = column.getBoundingClientRect();
    const part = Math.min(0.9999, Math.max(0, (y - box.top) / box.height));

    return Math.floor(part * DAY / step) * step;
}


function placeAt(x: number, y: number, grip: number, time: number):
    { day: HTMLElement; at: Wall } | undefined
{
    const day = document.elementFromPoint(x, y)
        ?.closest<HTMLElement>('[data-day]');

    if (day === null || day === undefined) {
        return undefined;
    }

    return {
        day,
        at: Number(day.dataset['day'])
            + (day.dataset['hours'] === undefined ? time
               : timeAt(day, y - grip + 1)),
    };
}


export function useDrag(zone: string,
    onDrop: (e: Entry, at: Wall) => void): Drag
{
    const [lifted, setLifted] = useState('');
    const [over, setOver] = useState<Wall | undefined>(undefined);
    const dragged = useRef(0);

    const start = (p: PointerEvent, e: Entry) => {
        if (p.pointerType === 'touch' || p.button !== 0 || e.move === null) {
            return;
        }

        const chip = p.currentTarget as HTMLElement;
        const grip = p.clientY - chip.getBoundingClientRect().top;
        const wall = wallOf(Date.parse(e.at), zone);
        const time = wall % DAY;
        let ghost: HTMLElement | undefined;

        const end = () => {
            removeEventListener('pointermove', move);
            removeEventListener('pointerup', up);
            removeEventListener('pointercancel', end);
            removeEventListener('keydown', key, true);
            removeEventListener('blur', end);
            ghost?.remove();
            delete document.documentElement.dataset['dragging'];
            setLifted('');
            setOver(undefined);
        };

        const move = (m: PointerEvent) => {
            if (ghost === undefined
                && Math.hypot(m.clientX - p.clientX, m.clientY - p.clientY)
                   < FAR)
            {
                return;
            }

            if (ghost === undefined) {
                ghost = document.createElement('div');
                ghost.className = 'chip-ghost';
                document.body.append(ghost);
                document.documentElement.dataset['dragging'] = '';
                setLifted(keyOf(e));
            }

            const to = placeAt(m.clientX, m.clientY, grip, time);

            ghost.textContent = `${clockText(to?.at ?? wall)} ${titleOf(e)}`;
            ghost.style.translate = `${m.clientX + 10}px ${m.clientY + 10}px`;
            setOver(to?.at);
        };

        const up = (m: PointerEvent) => {
            const to = ghost === undefined ? undefined
                : placeAt(m.clientX, m.clientY, grip, time);

            if (ghost !== undefined) {
                dragged.current = performance.now();
            }

            end();

            if (to !== undefined && to.at !== wall) {
                onDrop(e, to.at);
            }
        };

        const key = (k: KeyboardEvent) => {
            if (k.key === 'Escape') {
                k.preventDefault();
                k.stopPropagation();
                dragged.current = performance.now() + HOUR;
                addEventListener('pointerup', () => {
                    dragged.current = performance.now();
                }, { once: true });
                end();
            }
        };

        addEventListener('pointermove', move);
        addEventListener('pointerup', up);
        addEventListener('pointercancel', end);
        addEventListener('keydown', key, true);
        addEventListener('blur', end);
    };

    return {
        lifted, over, start,
        /* the click that a browser makes of a release is none */
        wasDrag: () => performance.now() - dragged.current < 250,
    };
}

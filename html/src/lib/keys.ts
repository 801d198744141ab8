/*
 * The keyboard: single keys ("/", "j") and pairs ("g b").  Views lay their
 * keys on a stack while they are shown; the topmost that knows a key takes
 * it.  Keys typed into a field belong to the field, except Escape.  Single
 * keys can be turned off (WCAG 2.1.4) and changed (lib/shortcuts.ts); Escape
 * and Tab always work.
 */

import { useEffect, useRef } from 'react';
import { meant } from './shortcuts';

export type Keys = Record<string, (e: KeyboardEvent) => void>;

const OFF = 'herald.keys';
const PAIR_MS = 1200;

const stack: { current: Keys }[] = [];
let first = '';
let firstAt = 0;


export function keysOn(): boolean {
    try {
        return localStorage.getItem(OFF) !== 'off';
    } catch {
        return true;
    }
}


export function setKeysOn(on: boolean): void {
    try {
        localStorage.setItem(OFF, on ? 'on' : 'off');
    } catch {
        /* nothing to keep it in */
    }
}


function find(pressed: string): ((e: KeyboardEvent) => void) | undefined {
    const key = meant(pressed);

    if (key === '') {
        return undefined;
    }

    for (let i = stack.length - 1; i >= 0; i--) {
        const h = stack[i]?.current[key];

        if (h !== undefined) {
            return h;
        }
    }

    return undefined;
}


function inField(e: KeyboardEvent): boolean {
    const el = e.target;

    return el instanceof HTMLElement
           && (el.isContentEditable
               || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));
}


addEventListener('keydown', (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey
        || e.isComposing || document.querySelector('dialog[open]'))
    {
        return;
    }

    if (e.key !== 'Escape' && (inField(e) || !keysOn())) {
        return;
    }

    const pair = first !== '' && e.timeStamp - firstAt < PAIR_MS
                 ? `${first} ${e.key}` : '';
    const handler = (pair !== '' ? find(pair) : undefined) ?? find(e.key);

    first = e.key.length === 1 ? e.key : '';
    firstAt = e.timeStamp;

    if (handler !== undefined) {
        e.preventDefault();
        first = '';
        handler(e);
    }
});


export function useKeys(keys: Keys, enabled = true): void {
    const ref = useRef(keys);

    ref.current = keys;

    useEffect(() => {
        if (!enabled) {
            return;
        }

        stack.push(ref);

        return () => {
            stack.splice(stack.indexOf(ref), 1);
        };
    }, [enabled]);
}

/*
 * Short words after something was done, with the way back where there is one.
 * They stay while the pointer or the focus is on them; screen readers hear
 * them politely.
 */

import { useEffect, useState } from 'react';
import { t } from '../lib/t';
import * as Icon from './icons';

export interface Toast {
    text: string;
    kind?: 'done' | 'failed';
    undo?: () => void | Promise<void>;
    ms?: number;
}

type Shown = Toast & { id: number };

const listeners = new Set<(all: Shown[]) => void>();
let shown: Shown[] = [];
let last = 0;


function tell(): void {
    for (const l of listeners) {
        l(shown);
    }
}


export function toast(of: Toast): void {
    shown = [...shown, { ...of, id: ++last }].slice(-3);
    tell();
}


function drop(id: number): void {
    shown = shown.filter((s) => s.id !== id);
    tell();
}


function One({ of }: { of: Shown }) {
    const [held, setHeld] = useState(false);

    useEffect(() => {
        if (held) {
            return;
        }

        const timer = setTimeout(() => drop(of.id),
                                 of.ms ?? (of.undo ? 10000 : 5000));

        return () => clearTimeout(timer);
    }, [held, of]);

    return (
        <li className={`toast is-${of.kind === 'failed' ? 'failed' : 'replied'}`}
            onPointerEnter={() => setHeld(true)}
            onPointerLeave={() => setHeld(false)}
            onFocusIn={() => setHeld(true)}
            onFocusOut={() => setHeld(false)}
        >
            {of.kind === 'failed' ? <Icon.Alert /> : <Icon.Check />}
            <span>{of.text}</span>
            {of.undo !== undefined
                && <button className="text-link" onClick={() => {
                    drop(of.id);
                    void of.undo!();
                }}>
                    {t('toast.undo')}
                </button>}
            <button className="icon-button" aria-label={t('toast.close')}
                onClick={() => drop(of.id)}>
                <Icon.Close />
            </button>
        </li>
    );
}


export function Toasts() {
    const [all, setAll] = useState<Shown[]>(shown);

    useEffect(() => {
        listeners.add(setAll);

        return () => {
            listeners.delete(setAll);
        };
    }, []);

    return (
        <div className="toasts" role="status" aria-live="polite">
            {all.length > 0
                && <ul>{all.map((s) => <One key={s.id} of={s} />)}</ul>}
        </div>
    );
}

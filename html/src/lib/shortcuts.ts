/*
 * The table of shortcuts: what each is called and which keys it has unless the
 * user chose others.  The help shows it; lib/keys.ts translates what is
 * pressed into the keys of this table, so views know only these.
 */

import type { TextKey } from './t';

export type KeyGroup = 'go' | 'lists' | 'anywhere' | 'talk';

export interface Shortcut {
    keys: string;                      /* "j", or a pair: "g b" */
    text: TextKey;
    group: KeyGroup;
    fixed?: boolean;                   /* the browser's own sense of it */
}

export const SHORTCUTS: Shortcut[] = [
    { keys: 'g h', text: 'nav.home', group: 'go' },
    { keys: 'g m', text: 'nav.messages', group: 'go' },
    { keys: 'g c', text: 'nav.contacts', group: 'go' },
    { keys: 'g b', text: 'nav.broadcasts', group: 'go' },
    { keys: 'g d', text: 'nav.calendar', group: 'go' },
    { keys: 'g t', text: 'nav.templates', group: 'go' },
    { keys: 'g a', text: 'nav.accounts', group: 'go' },
    { keys: 'g q', text: 'nav.queue', group: 'go' },
    { keys: 'g k', text: 'nav.keys', group: 'go' },
    { keys: 'g s', text: 'nav.settings', group: 'go' },
    { keys: 'g r', text: 'nav.docs', group: 'go' },

    { keys: 'Mod K', text: 'keys.palette', group: 'anywhere', fixed: true },
    { keys: '/', text: 'keys.search', group: 'anywhere' },
    { keys: 'n', text: 'keys.write', group: 'anywhere' },
    { keys: '?', text: 'keys.help', group: 'anywhere' },

    { keys: 'j', text: 'keys.next', group: 'lists' },
    { keys: 'k', text: 'keys.previous', group: 'lists' },
    { keys: 'Enter', text: 'keys.open', group: 'lists', fixed: true },
    { keys: 'Escape', text: 'keys.close', group: 'lists', fixed: true },

    { keys: 'r', text: 'keys.reply', group: 'talk' },
    { keys: 'Enter', text: 'keys.send', group: 'talk', fixed: true },
    { keys: 'Shift Enter', text: 'keys.newline', group: 'talk', fixed: true },
];

const OWN = 'herald.keymap';

let own: Record<string, string> = read();
const watchers = new Set<() => void>();


function read(): Record<string, string> {
    try {
        const v: unknown = JSON.parse(localStorage.getItem(OWN) ?? '{}');
        const out: Record<string, string> = {};

        for (const s of SHORTCUTS) {
            const k = (v as Record<string, unknown>)[s.keys];

            if (!s.fixed && typeof k === 'string' && k !== '') {
                out[s.keys] = k;
            }
        }

        return out;

    } catch {
        return {};
    }
}


function keep(next: Record<string, string>): void {
    own = next;

    try {
        localStorage.setItem(OWN, JSON.stringify(own));
    } catch {
        /* until the page is left, then */
    }

    for (const w of watchers) {
        w();
    }
}


export function watchKeys(w: () => void): () => void {
    watchers.add(w);

    return () => watchers.delete(w);
}


/* one object as long as nothing changes, for useSyncExternalStore */
export const ownKeys = () => own;


/* what the user presses for it */
export function keysFor(s: Shortcut): string {
    return s.fixed ? s.keys : own[s.keys] ?? s.keys;
}


/* the table's keys for what was pressed; '' for keys that were given away */
export function meant(pressed: string): string {
    for (const [keys, mine] of Object.entries(own)) {
        if (mine === pressed) {
            return keys;
        }
    }

    return own[pressed] !== undefined ? '' : pressed;
}


/* who has these keys already, or has one of them as its first or only key */
export function taken(keys: string, by: Shortcut): Shortcut | undefined {
    return SHORTCUTS.find((s) => {
        if (s === by || s.keys === by.keys) {
            return false;
        }

        const k = keysFor(s);

        return k === keys || k.startsWith(`${keys} `)
               || keys.startsWith(`${k} `);
    });
}


export function chooseKeys(s: Shortcut, keys: string): void {
    const next = { ...own };

    if (keys === s.keys) {
        delete next[s.keys];
    } else {
        next[s.keys] = keys;
    }

    keep(next);
}


export function resetKeys(): void {
    keep({});
}


/* Apple's keyboards have a key of their own for it */
export const MOD = /Mac|iP(hone|ad|od)/.test(navigator.platform) ? '\u2318'
    : 'Ctrl';


/* as it stands on the key */
export function keyFace(k: string): string {
    return k === 'Mod' ? MOD : k === 'Escape' ? 'Esc'
        : k === ' ' ? '\u2423' : k;
}

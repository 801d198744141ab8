/*
 * Whom to write to: a search field with its results as a list box, worked
 * with the arrow keys and Enter.
 */

import { useEffect, useRef, useState } from 'react';
import { rowsOf, useContacts } from '../api/queries';
import type { Contact } from '../api/types';
import { useSettled } from '../lib/hooks';
import { Link } from '../lib/router';
import { t, tn } from '../lib/t';
import * as Icon from '../ui/icons';
import { Avatar, Failed, Name, Phone } from '../ui/parts';

const SHOWN = 12;


export function Picker({ onPick, back }: {
    onPick: (c: Contact) => void; back: string;
}) {
    const [typed, setTyped] = useState('');
    const [at, setAt] = useState(0);
    const search = useSettled(typed.trim(), 150);
    const list = useContacts(search, '');
    const rows = rowsOf(list.data).slice(0, SHOWN);
    const input = useRef<HTMLInputElement>(null);
    const box = useRef<HTMLUListElement>(null);

    useEffect(() => input.current?.focus(), []);
    useEffect(() => setAt(0), [search]);
    useEffect(() => {
        box.current?.children[at]?.scrollIntoView({ block: 'nearest' });
    }, [at]);

    return (
        <div className="picker">
            <header className="talk-head">
                <Link to={back} className="icon-button back-icon"
                    aria-label={t('nav.back')}><Icon.Back /></Link>
                <h2>{t('pick.title')}</h2>
            </header>
            <div className="picker-in">
                <label htmlFor="pick-input">{t('pick.label')}</label>
                <div className="search">
                    <Icon.Search />
                    <input
                        ref={input} id="pick-input" type="text" role="combobox"
                        aria-expanded={rows.length > 0}
                        aria-controls="pick-list" aria-autocomplete="list"
                        aria-activedescendant={rows[at] === undefined
                            ? undefined : `pick-${at}`}
                        placeholder={t('pick.hint')} value={typed} dir="auto"
                        autoComplete="off" spellcheck={false}
                        onInput={(e: Event) => setTyped(
                            (e.currentTarget as HTMLInputElement).value)}
                        onKeyDown={(e: KeyboardEvent) => {
                            if (e.key === 'ArrowDown') {
                                e.preventDefault();
                                setAt(Math.min(rows.length - 1, at + 1));

                            } else if (e.key === 'ArrowUp') {
                                e.preventDefault();
                                setAt(Math.max(0, at - 1));

                            } else if (e.key === 'Enter'
                                       && search === typed.trim()
                                       && !list.isPlaceholderData)
                            {
                                const c = rows[at];

                                if (c !== undefined) {
                                    e.preventDefault();
                                    onPick(c);
                                }
                            }
                        }}
                    />
                </div>
                <p className="sr" role="status">
                    {list.data === undefined ? ''
                        : tn('pick.results', rows.length)}
                </p>
                {list.isError && list.data === undefined
                    && <Failed error={list.error}
                        retry={() => void list.refetch()} />}
                {list.data !== undefined && rows.length === 0
                    && <p className="soft">{t('pick.none')}</p>}
                <ul id="pick-list" ref={box} role="listbox"
                    aria-label={t('contacts.title')} className="pick-list">
                    {rows.map((c, i) => (
                        <li key={c.id} id={`pick-${i}`} role="option"
                            aria-selected={i === at} className="pick"
                            onClick={() => onPick(c)}
                            onPointerMove={() => setAt(i)}>
                            <Avatar name={c.name} />
                            <Name of={c.name} />
                            <span className="soft">
                                <Phone of={c.phone ?? c.email} />
                            </span>
                        </li>
                    ))}
                </ul>
            </div>
        </div>
    );
}

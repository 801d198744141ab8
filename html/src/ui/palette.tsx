/*
 * The palette (Ctrl-K): everything that can be done, every view, and what is
 * called like what was typed.  Views, actions, broadcasts, templates and
 * numbers are found among what is loaded already; contacts by the server.
 */

import { useState } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '@tanstack/react-query';
import { Command } from 'cmdk';
import { q, rowsOf, useBroadcasts } from '../api/queries';
import { call } from '../api/client';
import type { Contact, Page, User } from '../api/types';
import { useSettled } from '../lib/hooks';
import { go } from '../lib/router';
import { SHORTCUTS, keysFor } from '../lib/shortcuts';
import { LANGUAGES, chooseLanguage, locale, t } from '../lib/t';
import { chooseTheme } from '../lib/theme';
import { SECTIONS } from '../views/index';
import { Keys } from './help';
import * as Icon from './icons';
import { Dialog, Name, Phone } from './parts';

const MOST = 5;

interface Entry {
    id: string;
    icon: ReactNode;
    text: ReactNode;
    words: string;                     /* what it is found by */
    note?: ReactNode;
    keys?: string;
    run: () => void;
}


function plain(s: string): string {
    return s.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase();
}


/* every word that was typed begins some word of it, the best first */
function matching(all: Entry[], typed: string): Entry[] {
    const wanted = plain(typed).split(/\s+/).filter(Boolean);

    if (wanted.length === 0) {
        return all;
    }

    return all.map((e) => {
        const words = plain(e.words);
        let rank = 0;

        for (const w of wanted) {
            const i = words.indexOf(w);

            if (i < 0) {
                return { e, rank: -1 };
            }

            rank += i === 0 ? 3 : /[\s_.:-]/.test(words[i - 1]!) ? 2 : 1;
        }

        return { e, rank };
    }).filter((x) => x.rank > 0).sort((a, b) => b.rank - a.rank)
        .map((x) => x.e);
}


function useActions(user: User, onHelp: () => void,
    onSignOut: () => Promise<void>): Entry[]
{
    const may = (s: 'send' | 'admin') => user.scopes.includes(s);
    const write = SHORTCUTS.find((s) => s.text === 'keys.write')!;
    const help = SHORTCUTS.find((s) => s.text === 'keys.help')!;
    const all: (Entry | false)[] = [
        may('send') && { id: 'message', icon: <Icon.Send />,
            text: t('palette.message'), words: t('palette.message'),
            keys: keysFor(write), run: () => go('/messages/new') },
        may('send') && { id: 'broadcast', icon: <Icon.Broadcast />,
            text: t('palette.broadcast'), words: t('palette.broadcast'),
            run: () => go('/broadcasts/new') },
        may('send') && { id: 'schedule', icon: <Icon.Calendar />,
            text: t('palette.schedule'), words: t('palette.schedule'),
            run: () => go('/calendar/new') },
        may('send') && { id: 'import', icon: <Icon.Upload />,
            text: t('palette.import'), words: t('palette.import'),
            run: () => go('/contacts/import') },
        may('send') && { id: 'template', icon: <Icon.Template />,
            text: t('palette.template'), words: t('palette.template'),
            run: () => go('/templates/new') },
        may('admin') && { id: 'account', icon: <Icon.Phone />,
            text: t('palette.account'), words: t('palette.account'),
            run: () => go('/accounts/new') },
        ...(['light', 'dark', 'system'] as const).map((x) => ({
            id: `theme-${x}`,
            icon: x === 'light' ? <Icon.Sun /> : x === 'dark' ? <Icon.Moon />
                : <Icon.Screen />,
            text: t('palette.theme', { name: t(`theme.${x}`) }),
            words: t('palette.theme', { name: t(`theme.${x}`) }),
            run: () => chooseTheme(x),
        })),
        ...Object.entries(LANGUAGES).filter(([code]) => code !== locale)
            .map(([code, l]) => ({
                id: `language-${code}`, icon: <Icon.Globe />,
                text: <span lang={code}>
                    {t('palette.language', { name: l.name })}
                </span>,
                words: t('palette.language', { name: l.name }),
                run: () => chooseLanguage(code),
            })),
        { id: 'help', icon: <Icon.Keyboard />, text: t('user.keys'),
            words: t('user.keys'), keys: keysFor(help), run: onHelp },
        { id: 'out', icon: <Icon.Out />, text: t('user.signOut'),
            words: t('user.signOut'), run: () => void onSignOut() },
    ];

    return all.filter((e) => e !== false);
}


function useContactsNamed(typed: string) {
    const wanted = useSettled(typed.trim(), 150);

    return useQuery({
        queryKey: ['palette', wanted],
        enabled: wanted.length > 1,
        queryFn: ({ signal }) => call<Page<Contact>>('GET',
            `/contacts?limit=${MOST}&search=${encodeURIComponent(wanted)}`,
            { signal }),
        placeholderData: (before) => before,
    });
}


export function Palette({ user, onClose, onHelp, onSignOut }: {
    user: User; onClose: () => void; onHelp: () => void;
    onSignOut: () => Promise<void>;
}) {
    const [typed, setTyped] = useState('');
    const actions = useActions(user, onHelp, onSignOut);
    const broadcasts = rowsOf(useBroadcasts().data);
    const templates = useQuery(q.templates()).data?.data ?? [];
    const accounts = useQuery(q.accounts()).data?.data ?? [];
    const people = useContactsNamed(typed);
    const some = typed.trim().length > 1;

    const views = SECTIONS.filter((s) => s.scope === undefined
        || user.scopes.includes(s.scope)).map((s): Entry => {
        const keys = SHORTCUTS.find((x) => x.keys === s.key);

        return {
            id: s.path, icon: <s.icon />, text: t(s.text), words: t(s.text),
            keys: keys === undefined ? undefined : keysFor(keys),
            run: () => go(`/${s.path}`),
        };
    });

    const found = !some ? [] : [
        { title: t('palette.contacts'),
          rows: (people.data?.data ?? []).map((c): Entry => ({
              id: c.id, icon: <Icon.People />, text: <Name of={c.name} />,
              words: '', note: <Phone of={c.phone} />,
              run: () => go(`/contacts/${c.id}`),
          })) },
        { title: t('palette.broadcasts'),
          rows: matching(broadcasts.map((b): Entry => ({
              id: b.id, icon: <Icon.Broadcast />, text: <bdi>{b.name}</bdi>,
              words: b.name, note: t(`broadcast.${b.status}`),
              run: () => go(`/broadcasts/${b.id}`),
          })), typed).slice(0, MOST) },
        { title: t('palette.templates'),
          rows: matching(templates.map((x): Entry => ({
              id: x.id, icon: <Icon.Template />, text: <bdi>{x.name}</bdi>,
              words: `${x.name} ${x.language}`, note: x.language,
              run: () => go(`/templates/${x.id}`),
          })), typed).slice(0, MOST) },
        { title: t('palette.accounts'),
          rows: matching(accounts.map((a): Entry => ({
              id: a.id, icon: <Icon.Phone />, text: <bdi>{a.name}</bdi>,
              words: `${a.name} ${a.phone ?? ''}`, note: <Phone of={a.phone} />,
              run: () => go(`/accounts/${a.id}`),
          })), typed).slice(0, MOST) },
    ];

    const groups = [
        { title: t('palette.go'), rows: matching(views, typed) },
        { title: t('palette.do'),
          rows: some ? matching(actions, typed)
              : actions.filter((a) => !/^(theme|language)-/.test(a.id)) },
        ...found,
    ].filter((g) => g.rows.length > 0);

    const waiting = some && people.isFetching;

    return (
        <Dialog title={t('palette.title')} onClose={onClose}
            className="palette">
            <Command shouldFilter={false} loop label={t('palette.title')}>
                <div className="palette-field">
                    <Icon.Search />
                    <Command.Input autoFocus value={typed}
                        onValueChange={setTyped}
                        placeholder={t('palette.place')}
                        aria-label={t('palette.place')} />
                    <kbd aria-hidden="true">Esc</kbd>
                </div>
                <Command.List label={t('palette.title')}>
                    {groups.map((g) => (
                        <Command.Group key={g.title} heading={g.title}>
                            {g.rows.map((e) => (
                                <Row key={e.id} of={e} onClose={onClose} />
                            ))}
                        </Command.Group>
                    ))}
                </Command.List>
                <p className="palette-note" role="status">
                    {waiting ? t('palette.busy')
                        : groups.length === 0 ? t('palette.none') : ''}
                </p>
            </Command>
        </Dialog>
    );
}


function Row({ of: e, onClose }: { of: Entry; onClose: () => void }) {
    return (
        <Command.Item value={e.id} onSelect={() => {
            onClose();
            e.run();
        }}>
            {e.icon}
            <span className="palette-text">{e.text}</span>
            {e.note !== undefined
                && <span className="palette-hint">{e.note}</span>}
            {e.keys !== undefined
                && <span className="palette-keys"><Keys of={e.keys} /></span>}
        </Command.Item>
    );
}

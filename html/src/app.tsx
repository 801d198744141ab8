/*
 * The frame around the views: the bar with navigation, theme, connection and
 * user; the keys that work everywhere; the way to and from the sign-in page.
 */

import { useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Problem, call, whenSignedOut } from './api/client';
import { onArrival, startLive, useLiveStatus } from './api/live';
import { q } from './api/queries';
import type { User } from './api/types';
import { clock } from './lib/format';
import { useKeys } from './lib/keys';
import { Link, go, usePlace } from './lib/router';
import type { Place } from './lib/router';
import { t, tMaybe } from './lib/t';
import type { TextKey } from './lib/t';
import { chooseTheme, storedTheme } from './lib/theme';
import type { Theme } from './lib/theme';
import * as Icon from './ui/icons';
import { Empty, Failed, Segments } from './ui/parts';
import { Help } from './ui/help';
import { Broadcasts } from './views/broadcasts';
import { Contacts } from './views/contacts';
import { Messages } from './views/messages';
import { SignIn } from './views/signin';

interface Section {
    path: string;
    text: TextKey;
    key: string;
    icon: (p: { className?: string }) => ReactNode;
    view: (p: { place: Place }) => ReactNode;
}

const SECTIONS: Section[] = [
    { path: 'broadcasts', text: 'nav.broadcasts', key: 'g b',
      icon: Icon.Broadcast, view: Broadcasts },
    { path: 'contacts', text: 'nav.contacts', key: 'g c',
      icon: Icon.People, view: Contacts },
    { path: 'messages', text: 'nav.messages', key: 'g m',
      icon: Icon.Speech, view: Messages },
];


export function App() {
    const qc = useQueryClient();
    const [note, setNote] = useState('');
    const me = useQuery(q.me());

    useEffect(() => whenSignedOut(() => {
        setNote(t('signin.ended'));
        qc.clear();
        void qc.resetQueries({ queryKey: ['me'] });
    }), [qc]);

    const signedOut = me.error instanceof Problem && me.error.status === 401;

    if (me.data === undefined && !signedOut) {
        return me.isError
            ? <main className="lone">
                <Failed error={me.error} retry={() => void me.refetch()} />
            </main>
            : <main className="lone lone-wait" aria-busy="true">
                <Icon.Mark /><span className="sr">{t('state.loading')}</span>
            </main>;
    }

    if (me.data === undefined) {
        return (
            <SignIn
                note={note}
                onDone={(user: User) => {
                    setNote('');
                    qc.setQueryData(q.me().queryKey, user);
                }}
            />
        );
    }

    return <Frame user={me.data} onSignOut={async () => {
        await call('POST', '/logout').catch(() => {});
        setNote(t('signin.expired'));
        qc.clear();
        await qc.resetQueries({ queryKey: ['me'] });
        go('/', true);
    }} />;
}


function Frame({ user, onSignOut }: {
    user: User; onSignOut: () => Promise<void>;
}) {
    const qc = useQueryClient();
    const place = usePlace();
    const [help, setHelp] = useState(false);
    const main = useRef<HTMLElement>(null);
    const name = place.parts[0] ?? 'broadcasts';
    const section = SECTIONS.find((s) => s.path === name);
    const first = useRef(true);

    useEffect(() => startLive(qc), [qc]);

    useEffect(() => {
        document.title = section === undefined ? t('app.name')
            : `${t(section.text)} · ${t('app.name')}`;

        /* a new view begins at its beginning, for eyes and for readers */
        if (!first.current) {
            main.current?.focus({ preventScroll: true });
        }

        first.current = false;
    }, [section]);

    useKeys({
        ...Object.fromEntries(SECTIONS.map((s) =>
            [s.key, () => go(`/${s.path}`)])),
        'n': () => go('/messages/new'),
        '/': () => {
            /* contacts are what there is to search */
            go('/contacts');
            requestAnimationFrame(() => document
                .querySelector<HTMLElement>('.search input')?.focus());
        },
        '?': () => setHelp(true),
    });

    return (
        <div className="frame">
            <a className="skip" href="#main"
                onClick={(e: MouseEvent) => {
                    e.preventDefault();
                    main.current?.focus();
                }}>
                {t('app.skip')}
            </a>

            <header className="bar">
                <Link to="/broadcasts" className="brand">
                    <Icon.Mark />{t('app.name')}
                </Link>
                <nav className="nav" aria-label={t('nav.label')}>
                    {SECTIONS.map((s) => (
                        <Link key={s.path} to={`/${s.path}`}
                            aria-current={s === section ? 'page' : undefined}>
                            <s.icon />{t(s.text)}
                        </Link>
                    ))}
                </nav>
                <div className="bar-end">
                    <Connection />
                    <ThemeSwitch name="theme-bar" />
                    <UserMenu user={user} onHelp={() => setHelp(true)}
                        onSignOut={onSignOut} />
                </div>
            </header>

            <OfflineBanner />

            <main id="main" ref={main} tabIndex={-1} className="main">
                <h1 className="sr">{t(section?.text ?? 'app.name')}</h1>
                {section !== undefined ? <section.view place={place} />
                    : <Empty title={t('app.notFound')}
                        next={t('app.notFoundNext')}>
                        <Link to="/broadcasts" className="button">
                            {t('app.home')}
                        </Link>
                    </Empty>}
            </main>

            <Arrivals />
            {help && <Help onClose={() => setHelp(false)} />}
        </div>
    );
}


function Connection() {
    const status = useLiveStatus();

    return (
        <span className={`connection is-${status}`} role="status"
            title={t(status === 'open' ? 'live.openHint' : 'live.lostHint')}>
            <i aria-hidden="true" />
            <span>{t(`live.${status}`)}</span>
        </span>
    );
}


function OfflineBanner() {
    const status = useLiveStatus();
    const since = useRef(new Date());

    if (status !== 'offline') {
        since.current = new Date();

        return null;
    }

    return (
        <p className="banner" role="status">
            {t('live.offlineBanner', { time: clock(since.current) })}
        </p>
    );
}


function ThemeSwitch({ name }: { name: string }) {
    const [theme, setTheme] = useState<Theme>(storedTheme);

    return (
        <Segments<Theme>
            className="theme" label={t('theme.label')} name={name}
            value={theme}
            options={[
                { value: 'light', label: <Icon.Sun />,
                  hint: t('theme.light') },
                { value: 'dark', label: <Icon.Moon />, hint: t('theme.dark') },
                { value: 'system', label: <Icon.Screen />,
                  hint: t('theme.system') },
            ]}
            onChange={(v) => {
                setTheme(v);
                chooseTheme(v);
            }}
        />
    );
}


function UserMenu({ user, onHelp, onSignOut }: {
    user: User; onHelp: () => void; onSignOut: () => Promise<void>;
}) {
    const [open, setOpen] = useState(false);
    const box = useRef<HTMLDivElement>(null);
    const button = useRef<HTMLButtonElement>(null);
    const who = user.name || user.email || user.org_name;

    useKeys({
        Escape: () => {
            setOpen(false);
            button.current?.focus();
        },
    }, open);

    useEffect(() => {
        if (!open) {
            return;
        }

        const outside = (e: Event) => {
            if (!box.current?.contains(e.target as Node)) {
                setOpen(false);
            }
        };

        document.addEventListener('pointerdown', outside);
        document.addEventListener('focusin', outside);

        return () => {
            document.removeEventListener('pointerdown', outside);
            document.removeEventListener('focusin', outside);
        };
    }, [open]);

    return (
        <div className="menu" ref={box}>
            <button ref={button} className="menu-button"
                aria-expanded={open} aria-controls="user-menu"
                aria-label={t('user.menu')} onClick={() => setOpen(!open)}>
                <span className="avatar" aria-hidden="true">
                    {Array.from(who)[0]?.toLocaleUpperCase()}
                </span>
                <Icon.Down />
            </button>
            <div id="user-menu" className="menu-sheet" hidden={!open}>
                <div className="menu-who">
                    <strong><bdi>{who}</bdi></strong>
                    <span><bdi>{user.email}</bdi></span>
                    <span>
                        <bdi>{user.org_name}</bdi>
                        {', '}
                        {tMaybe(`role.${user.role}`) ?? user.role}
                    </span>
                </div>
                <div className="menu-theme">
                    <span aria-hidden="true">{t('theme.label')}</span>
                    {open && <ThemeSwitch name="theme-menu" />}
                </div>
                <button onClick={() => {
                    setOpen(false);
                    onHelp();
                }}>
                    <Icon.Keyboard />{t('user.keys')}
                </button>
                <button onClick={() => void onSignOut()}>
                    <Icon.Out />{t('user.signOut')}
                </button>
            </div>
        </div>
    );
}


/* says aloud that somebody wrote, whatever view is open */
function Arrivals() {
    const [text, setText] = useState('');

    useEffect(() => onArrival((m) => setText(t('messages.arrived', {
        name: m.contact_name || m.phone || t('contacts.unnamed'),
    }))), []);

    return <p className="sr" role="status" aria-live="polite">{text}</p>;
}

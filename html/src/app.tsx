/*
 * The frame around the views: the side bar with navigation, the bar with
 * connection, theme and user; the keys that work everywhere; the way to and from the sign-in page.
 */

import { Suspense, useEffect, useRef, useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Problem, call, whenSignedOut } from './api/client';
import { onArrival, startLive, useLiveStatus } from './api/live';
import { q } from './api/queries';
import type { User } from './api/types';
import { clock } from './lib/format';
import { useKeys } from './lib/keys';
import { Link, go, usePlace } from './lib/router';
import { t, tMaybe } from './lib/t';
import { chooseTheme, storedTheme } from './lib/theme';
import type { Theme } from './lib/theme';
import * as Icon from './ui/icons';
import { Empty, Failed, Segments, Skeleton } from './ui/parts';
import { Help } from './ui/help';
import { Toasts } from './ui/toast';
import { SECTIONS, sectionAt } from './views/index';
import type { Section } from './views/index';
import { SignIn } from './views/signin';

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
    const section = sectionAt(place);
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

            <Side section={section} />

            <header className="bar">
                <Link to="/home" className="brand">
                    <Icon.Mark />{t('app.name')}
                </Link>
                <h1>{t(section?.text ?? 'app.name')}</h1>
                <div className="bar-end">
                    <Connection />
                    <ThemeSwitch name="theme-bar" />
                    <UserMenu user={user} onHelp={() => setHelp(true)}
                        onSignOut={onSignOut} />
                </div>
            </header>

            <OfflineBanner />

            <main id="main" ref={main} tabIndex={-1} className="main">
                {section !== undefined
                    ? <Suspense fallback={<Skeleton rows={8} kind="tall" />}>
                        <section.view place={place} />
                    </Suspense>
                    : <Empty title={t('app.notFound')}
                        next={t('app.notFoundNext')}>
                        <Link to="/home" className="button">
                            {t('app.home')}
                        </Link>
                    </Empty>}
            </main>

            <Arrivals />
            <Toasts />
            {help && <Help onClose={() => setHelp(false)} />}
        </div>
    );
}


const NARROW = 'herald.side';

function Side({ section }: { section: Section | undefined }) {
    const [narrow, setNarrow] = useState(
        () => localStorage.getItem(NARROW) === 'narrow');
    const [more, setMore] = useState(false);

    useEffect(() => setMore(false), [section]);

    return (
        <nav aria-label={t('nav.label')}
            className={`sidebar${narrow ? ' is-narrow' : ''}`
                + `${more ? ' is-more' : ''}`}>
            <Link to="/home" className="brand" aria-label={t('app.name')}>
                <Icon.Mark /><span>{t('app.name')}</span>
            </Link>
            <div className="nav">
                {(['work', 'build', 'run'] as const).map((g) => (
                    <div key={g} className={`nav-group nav-${g}`} role="group"
                        aria-label={t(`nav.group.${g}`)}>
                        {SECTIONS.filter((s) => s.group === g).map((s) => (
                            <Link key={s.path} to={`/${s.path}`}
                                title={narrow ? t(s.text) : undefined}
                                data-section={s.path}
                                onPointerEnter={() => void s.load()}
                                aria-current={s === section ? 'page'
                                    : undefined}>
                                <s.icon /><span>{t(s.text)}</span>
                            </Link>
                        ))}
                    </div>
                ))}
                <button className="nav-more" aria-expanded={more}
                    onClick={() => setMore(!more)}>
                    <Icon.More /><span>{t('nav.more')}</span>
                </button>
            </div>
            <button className="sidebar-fold icon-button"
                aria-label={t(narrow ? 'nav.wide' : 'nav.narrow')}
                onClick={() => {
                    setNarrow(!narrow);
                    localStorage.setItem(NARROW, narrow ? 'wide' : 'narrow');
                }}>
                <Icon.Side />
            </button>
        </nav>
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

/*
 * The frame around the views: the side bar with navigation, the bar with the
 * palette, the connection and the user; the keys that work everywhere; the
 * way to and from the sign-in page.
 */

import { Suspense, lazy, useEffect, useRef, useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Problem, call, whenSignedOut } from './api/client';
import { onArrival, startLive } from './api/live';
import { brandName, useBrand, useBrandColours } from './api/me';
import { q } from './api/queries';
import type { User } from './api/types';
import type { Brand } from './lib/brand';
import { useKeys } from './lib/keys';
import { Link, go, usePlace } from './lib/router';
import { MOD } from './lib/shortcuts';
import { t } from './lib/t';
import { Connection, OfflineBanner, OfflinePage, UserMenu } from './ui/bar';
import * as Icon from './ui/icons';
import { Empty, Failed, Skeleton } from './ui/parts';
import { Toasts } from './ui/toast';
import { SECTIONS, sectionAt } from './views/index';
import type { Section } from './views/index';
import { SignIn } from './views/signin';

/* both are there when they are first wanted */
const Help = lazy(() => import('./ui/help').then(
    (m) => ({ default: m.Help })));
const loadPalette = () => import('./ui/palette');
const Palette = lazy(() => loadPalette().then(
    (m) => ({ default: m.Palette })));

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
                <h1 className="sr">{t('app.name')}</h1>
                {me.error instanceof Problem && me.error.code === 'network'
                    ? <OfflinePage retry={() => void me.refetch()} />
                    : <Failed error={me.error}
                        retry={() => void me.refetch()} />}
            </main>
            : <main className="lone lone-wait" aria-busy="true">
                <Icon.Mark /><span className="sr">{t('state.loading')}</span>
            </main>;
    }

    if (me.data === undefined) {
        return (
            <SignIn
                note={note}
                onDone={async () => {
                    /* the answer to a sign-in does not say what one may do */
                    await qc.fetchQuery({ ...q.me(), staleTime: 0 });
                    setNote('');
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
    const [palette, setPalette] = useState(false);
    const brand = useBrand();
    const name = brandName(brand);
    const main = useRef<HTMLElement>(null);
    const section = sectionAt(place);
    const first = useRef(true);

    const allowed = section?.scope === undefined
        || user.scopes.includes(section.scope);

    useEffect(() => startLive(qc), [qc]);
    useBrandColours(brand);

    useEffect(() => {
        document.title = section === undefined ? name
            : `${t(section.text)} \u00b7 ${name}`;
    }, [section, name]);

    useEffect(() => {
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

    /* with a modifier it is no single key, and works in fields as well */
    useEffect(() => {
        const down = (e: KeyboardEvent) => {
            if (e.key.toLowerCase() !== 'k' || !(e.ctrlKey || e.metaKey)
                || e.altKey || e.shiftKey)
            {
                return;
            }

            e.preventDefault();

            if (document.querySelector('dialog[open]') === null) {
                setPalette(true);
            }
        };

        addEventListener('keydown', down);

        return () => removeEventListener('keydown', down);
    }, []);

    return (
        <div className="frame">
            <a className="skip" href="#main"
                onClick={(e: MouseEvent) => {
                    e.preventDefault();
                    main.current?.focus();
                }}>
                {t('app.skip')}
            </a>

            <Side section={section} user={user} brand={brand} />

            <header className="bar">
                <Link to="/home" className="brand" aria-label={name}>
                    <Logo brand={brand} />
                </Link>
                <h1 className="sr">{t(section?.text ?? 'app.notFound')}</h1>
                <button className="palette-open" aria-haspopup="dialog"
                    onPointerEnter={() => void loadPalette()}
                    onClick={() => setPalette(true)}>
                    <Icon.Search />
                    <span>{t('palette.open')}</span>
                    <kbd aria-hidden="true">{`${MOD} K`}</kbd>
                </button>
                <div className="bar-end">
                    <Connection />
                    <UserMenu user={user} onHelp={() => setHelp(true)}
                        onSignOut={onSignOut} />
                </div>
            </header>

            <OfflineBanner />

            <main id="main" ref={main} tabIndex={-1} className="main">
                {section !== undefined && !allowed
                    ? <Empty icon={<Icon.Key />} title={t('app.notAllowed')}
                        next={t('app.notAllowedNext')}>
                        <Link to="/home" className="button">
                            {t('app.home')}
                        </Link>
                    </Empty>
                    : section !== undefined
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
            {(help || palette) && <Suspense fallback={null}>
                {help && <Help onClose={() => setHelp(false)} />}
                {palette && <Palette user={user}
                    onClose={() => setPalette(false)}
                    onHelp={() => setHelp(true)} onSignOut={onSignOut} />}
            </Suspense>}
        </div>
    );
}


const NARROW = 'herald.side';

function Side({ section, user, brand }: {
    section: Section | undefined; user: User; brand: Brand | null;
}) {
    const [narrow, setNarrow] = useState(
        () => localStorage.getItem(NARROW) === 'narrow');
    const [more, setMore] = useState(false);

    useEffect(() => setMore(false), [section]);

    return (
        <nav aria-label={t('nav.label')}
            className={`sidebar${narrow ? ' is-narrow' : ''}`
                + `${more ? ' is-more' : ''}`}>
            <Link to="/home" className="brand" aria-label={brandName(brand)}>
                <Logo brand={brand} />
                <span><bdi>{brandName(brand)}</bdi></span>
            </Link>
            <div className="nav">
                {(['work', 'build', 'run'] as const).map((g) => (
                    <div key={g} className={`nav-group nav-${g}`} role="group"
                        aria-label={t(`nav.group.${g}`)}>
                        {SECTIONS.filter((s) => s.group === g
                            && (s.scope === undefined
                                || user.scopes.includes(s.scope))
                        ).map((s) => (
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


/* a logo that does not come is no reason for a hole */
function Logo({ brand }: { brand: Brand | null }) {
    const [bad, setBad] = useState('');
    const id = brand?.logo_id ?? '';

    return id === '' || bad === id ? <Icon.Mark />
        : <img className="brand-logo" alt=""
            src={`/api/v1/media/${encodeURIComponent(id)}/content`}
            onError={() => setBad(id)} />;
}


/* says aloud that somebody wrote, whatever view is open */
function Arrivals() {
    const [text, setText] = useState('');

    useEffect(() => onArrival((m) => setText(t('messages.arrived', {
        name: m.contact_name || m.phone || t('contacts.unnamed'),
    }))), []);

    return <p className="sr" role="status" aria-live="polite">{text}</p>;
}

/*
 * What stands in the bar: the connection, the user with theme and language;
 * and what is shown when there is no connection at all.
 */

import { useEffect, useRef, useState } from 'react';
import { useLiveStatus } from '../api/live';
import type { User } from '../api/types';
import { clock } from '../lib/format';
import { useKeys } from '../lib/keys';
import { LANGUAGES, chooseLanguage, locale, t, tMaybe } from '../lib/t';
import { chooseTheme, storedTheme } from '../lib/theme';
import type { Theme } from '../lib/theme';
import * as Icon from './icons';
import { Empty, Segments } from './parts';


export function Connection() {
    const status = useLiveStatus();

    return (
        <span className={`connection is-${status}`} role="status"
            title={t(status === 'open' ? 'live.openHint' : 'live.lostHint')}>
            <i aria-hidden="true" />
            <span>{t(`live.${status}`)}</span>
        </span>
    );
}


export function OfflineBanner() {
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


/* nothing of ours came through: the shell is here, the server is not */
export function OfflinePage({ retry }: { retry: () => void }) {
    useEffect(() => {
        addEventListener('online', retry);

        return () => removeEventListener('online', retry);
    }, [retry]);

    return (
        <Empty icon={<Icon.Cut />} title={t('offline.title')}
            next={t('offline.next')}>
            <button className="button" onClick={retry}>
                {t('state.retry')}
            </button>
        </Empty>
    );
}


/* each language in its own words, so that it is found by who reads only it */
export function LanguageChoice() {
    return (
        <label className="language">
            <Icon.Globe />
            <span className="sr">{t('language.label')}</span>
            <select value={locale} onChange={(e: Event) => chooseLanguage(
                (e.currentTarget as HTMLSelectElement).value)}>
                {Object.entries(LANGUAGES).map(([code, l]) => (
                    <option key={code} value={code} lang={code}>
                        {l.name}
                    </option>
                ))}
            </select>
        </label>
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


export function UserMenu({ user, onHelp, onSignOut }: {
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
                <div className="menu-choice">
                    <span aria-hidden="true">{t('theme.label')}</span>
                    {open && <ThemeSwitch name="theme-menu" />}
                </div>
                <div className="menu-choice">
                    <LanguageChoice />
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

/*
 * Contacts: one long searchable list, and beside it the contact that was
 * chosen.  Search and tag stand in the address, so they survive a reload.
 */

import { useEffect, useRef, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { Problem } from '../api/client';
import { q, rowsOf, useContacts, useMessages } from '../api/queries';
import type { Contact } from '../api/types';
import { humanise, num, moment, when } from '../lib/format';
import { useMedia, useSettled } from '../lib/hooks';
import { useKeys } from '../lib/keys';
import { Link, go, withQuery } from '../lib/router';
import type { Place } from '../lib/router';
import { locale, t, tn } from '../lib/t';
import * as Icon from '../ui/icons';
import { Avatar, Empty, Failed, Name, Phone, Skeleton, StatusIcon }
    from '../ui/parts';
import { Rows } from '../ui/rows';
import { summary } from './messages';


export function SearchField({ value, onChange, label }: {
    value: string; onChange: (v: string) => void; label: string;
}) {
    const input = useRef<HTMLInputElement>(null);

    useKeys({
        '/': () => {
            input.current?.focus();
            input.current?.select();
        },
    });

    return (
        <div className="search" role="search">
            <Icon.Search />
            <input
                ref={input} type="search" value={value} aria-label={label}
                placeholder={label} dir="auto" autoComplete="off"
                spellcheck={false} maxLength={200}
                onInput={(e: Event) => onChange(
                    (e.currentTarget as HTMLInputElement).value)}
                onKeyDown={(e: KeyboardEvent) => {
                    if (e.key === 'Escape') {
                        e.preventDefault();
                        onChange('');
                        input.current?.blur();
                    }
                }}
            />
            {value !== ''
                ? <button className="icon-button" onClick={() => {
                    onChange('');
                    input.current?.focus();
                }} aria-label={t('contacts.clear')}><Icon.Close /></button>
                : <kbd aria-hidden="true">/</kbd>}
        </div>
    );
}


export function Contacts({ place }: { place: Place }) {
    const asked = place.query.get('q') ?? '';
    const tag = place.query.get('tag') ?? '';
    const id = place.parts[1];
    const [typed, setTyped] = useState(asked);
    const search = useSettled(typed.trim(), 200);
    const list = useContacts(search, tag);
    const rows = rowsOf(list.data);
    const narrow = useMedia('(max-width: 47.99rem)');
    const at = useRef(place);

    at.current = place;

    useEffect(() => {
        if (search !== (at.current.query.get('q') ?? '')) {
            go(withQuery(at.current, { q: search }), true);
        }
    }, [search]);

    const home = withQuery({ ...place, path: '/contacts' }, {});
    const open = (c: Contact) =>
        withQuery({ ...place, path: `/contacts/${c.id}` }, {});

    useKeys({ Escape: () => go(home) }, id !== undefined);

    return (
        <div className={`panes panes-contacts
            ${id !== undefined ? 'has-detail' : ''}`}>
            <section className="pane pane-wide"
                aria-labelledby="contacts-title">
                <header className="pane-head">
                    <h2 id="contacts-title">{t('contacts.title')}</h2>
                    <SearchField value={typed} onChange={setTyped}
                        label={t('contacts.search')} />
                    {tag !== ''
                        && <Link className="tag tag-filter" replace
                            to={withQuery(place, { tag: '' })}
                            aria-label={t('contacts.dropTag', { tag })}>
                            <bdi>{tag}</bdi><Icon.Close />
                        </Link>}
                    <p className="count" role="status">
                        {list.data === undefined ? ''
                            : list.hasNextPage
                            ? t('contacts.shownMore', { n: num(rows.length) })
                            : tn('contacts.shown', rows.length)}
                    </p>
                </header>
                {list.isPending ? <Skeleton rows={12} kind="table" />
                    : list.data === undefined
                    ? <Failed error={list.error}
                        retry={() => void list.refetch()} />
                    : rows.length === 0
                    ? <NoContacts filtered={search !== '' || tag !== ''}
                        onAll={() => {
                            setTyped('');
                            go('/contacts', true);
                        }} />
                    : <>
                        <div className="contact-row table-head"
                            aria-hidden="true">
                            <span>{t('contacts.name')}</span>
                            <span>{t('contacts.phone')}</span>
                            <span>{t('contacts.tags')}</span>
                            <span>{t('contacts.added')}</span>
                        </div>
                        <Rows
                            items={rows} keyOf={(c) => c.id}
                            height={narrow ? 64 : 52}
                            label={t('contacts.title')}
                            hasMore={list.hasNextPage}
                            loadMore={() => {
                                if (!list.isFetchingNextPage) {
                                    void list.fetchNextPage();
                                }
                            }}
                            current={rows.findIndex((c) => c.id === id)}
                            className={list.isPlaceholderData
                                ? 'is-waiting' : ''}
                            render={(c, props) => (
                                <ContactRow of={c} to={open(c)} place={place}
                                    current={c.id === id} props={props} />
                            )}
                        />
                    </>}
            </section>
            {id !== undefined
                && <section className="pane pane-side">
                    <ContactDetail key={id} id={id} home={home}
                        place={place} />
                </section>}
        </div>
    );
}


function NoContacts({ filtered, onAll }: {
    filtered: boolean; onAll: () => void;
}) {
    return filtered
        ? <Empty icon={<Icon.Search />} title={t('contacts.none')}
            next={t('contacts.noneNext')}>
            <button className="button" onClick={onAll}>
                {t('contacts.showAll')}
            </button>
        </Empty>
        : <Empty icon={<Icon.People />} title={t('contacts.empty')}
            next={t('contacts.emptyNext')} />;
}


function ContactRow({ of: c, to, place, current, props }: {
    of: Contact; to: string; place: Place; current: boolean; props: object;
}) {
    return (
        <div className="row contact-row" data-current={current
            ? '' : undefined}>
            <span className="contact-who">
                <Avatar name={c.name} />
                <Link {...props} to={to} className="row-link"
                    aria-current={current ? 'true' : undefined}>
                    <Name of={c.name} />
                    <span className="contact-under">
                        <Phone of={c.phone ?? c.email} />
                    </span>
                </Link>
            </span>
            <span className="contact-phone"><Phone of={c.phone} /></span>
            <span className="contact-tags">
                {c.tags.slice(0, 3).map((tag) => (
                    <Link key={tag} className="tag" replace tabIndex={-1}
                        to={withQuery({ ...place, path: '/contacts' },
                                      { tag })}
                        title={t('contacts.filterTag', { tag })}>
                        <bdi>{tag}</bdi>
                    </Link>
                ))}
                {c.tags.length > 3
                    && <span className="soft">+{c.tags.length - 3}</span>}
            </span>
            <time className="contact-added" dateTime={c.created_at}>
                {when(c.created_at)}
            </time>
        </div>
    );
}


function languageName(code: string): string {
    try {
        return new Intl.DisplayNames([locale], { type: 'language' })
            .of(code.replace('_', '-')) ?? code;
    } catch {
        return code;
    }
}


function fieldText(v: unknown): string {
    return typeof v === 'string' ? v
        : v === null || v === undefined ? '–'
        : typeof v === 'object' ? JSON.stringify(v) : String(v);
}


function ContactDetail({ id, home, place }: {
    id: string; home: string; place: Place;
}) {
    const one = useQuery(q.contact(id));
    const back = (
        <Link to={home} className="icon-button side-close"
            aria-label={t('contact.close')}>
            <Icon.Close />
        </Link>
    );

    if (one.isPending) {
        return <>{back}<Skeleton rows={6} kind="detail" /></>;
    }

    if (one.data === undefined) {
        return <>{back}{one.error instanceof Problem
            && one.error.status === 404
            ? <Empty title={t('contact.missing')} />
            : <Failed error={one.error} retry={() => void one.refetch()} />}
        </>;
    }

    const c = one.data;
    const fields = Object.entries(c.fields ?? {});

    return (
        <div className="side" tabIndex={0} role="region"
            aria-labelledby="contact-name">
            {back}
            <header className="side-head">
                <Avatar name={c.name} />
                <h2 id="contact-name"><Name of={c.name} /></h2>
                <p className="soft"><Phone of={c.phone ?? c.email} /></p>
                <Link to={`/messages/${c.id}`} className="button button-main">
                    <Icon.Speech />{t('contact.write')}
                </Link>
            </header>
            {c.marketing_opt_out
                && <p className="notice is-unknown">
                    <Icon.Skip />
                    <span>
                        <strong>{t('contact.optOut')}</strong><br />
                        {t('contact.optOutHint')}
                    </span>
                </p>}
            <dl className="sheet">
                <Line name={t('contact.phone')}><Phone of={c.phone} /></Line>
                {c.email !== null
                    && <Line name={t('contact.email')}>
                        <bdi>{c.email}</bdi></Line>}
                {c.language !== null
                    && <Line name={t('contact.language')}>
                        {languageName(c.language)}</Line>}
                <Line name={t('contact.added')}>
                    <time dateTime={c.created_at}>{moment(c.created_at)}
                    </time></Line>
                {c.tags.length > 0
                    && <Line name={t('contact.tags')}>
                        <span className="tags">
                            {c.tags.map((tag) => (
                                <Link key={tag} className="tag" replace
                                    to={withQuery(place, { tag })}
                                    title={t('contacts.filterTag', { tag })}>
                                    <bdi>{tag}</bdi>
                                </Link>
                            ))}
                        </span>
                    </Line>}
            </dl>
            {fields.length > 0
                && <>
                    <h3 className="section-title">{t('contact.fields')}</h3>
                    <dl className="sheet">
                        {fields.map(([k, v]) => (
                            <Line key={k} name={<bdi>{humanise(k)}</bdi>}>
                                <bdi>{fieldText(v)}</bdi>
                            </Line>
                        ))}
                    </dl>
                </>}
            <Recent id={c.id} />
        </div>
    );
}


function Line({ name, children }: { name: unknown; children: unknown }) {
    return <div><dt>{name as string}</dt><dd>{children as string}</dd></div>;
}


function Recent({ id }: { id: string }) {
    const list = useMessages('', id);
    const rows = rowsOf(list.data).slice(0, 5);

    return (
        <>
            <h3 className="section-title">{t('contact.recent')}</h3>
            {list.isPending ? <Skeleton rows={3} kind="lines" />
                : list.data === undefined
                ? <Failed error={list.error}
                    retry={() => void list.refetch()} />
                : rows.length === 0
                ? <p className="soft">{t('contact.noMessages')}</p>
                : <>
                    <ul className="recent">
                        {rows.map((m) => (
                            <li key={m.id} data-direction={m.direction}>
                                {m.direction === 'out'
                                    ? <StatusIcon status={m.status} />
                                    : <StatusIcon status="received" />}
                                <span dir="auto">{summary(m)}</span>
                                <time dateTime={m.created_at}>
                                    {when(m.created_at)}</time>
                            </li>
                        ))}
                    </ul>
                    <Link to={`/messages/${id}`} className="text-link">
                        {t('contact.all')}
                    </Link>
                </>}
        </>
    );
}

/*
 * The templates by name, each with its languages and their states; the same
 * list shows the bin.
 */

import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { call } from '../../api/client';
import { rowsOf } from '../../api/queries';
import { when } from '../../lib/format';
import { useSettled } from '../../lib/hooks';
import { useKeys } from '../../lib/keys';
import { Link, go, withQuery } from '../../lib/router';
import type { Place } from '../../lib/router';
import { t } from '../../lib/t';
import { TypedConfirm } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Empty, Failed, Notice, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import {
    CATEGORIES, categoryText, languageName, statusLook, statusText, tq,
    useMayChange, useTemplatesChanged,
} from './data';
import type { Template } from './data';

const STATES = ['approved', 'pending', 'rejected', 'paused', 'unverified'];


/* the search stands in the address, a moment after it was typed */
export function useSearch(place: Place): [string, (s: string) => void] {
    const [typed, setTyped] = useState(place.query.get('q') ?? '');
    const still = useSettled(typed.trim(), 250);
    const last = useRef(still);

    useEffect(() => {
        if (still !== last.current) {
            last.current = still;
            go(withQuery(place, { q: still }), true);
        }
    }, [still]);

    return [typed, setTyped];
}


export function Search({ place, label }: { place: Place; label: string }) {
    const [typed, setTyped] = useSearch(place);
    const input = useRef<HTMLInputElement>(null);

    useKeys({ '/': () => input.current?.focus() });

    return (
        <div className="search">
            <Icon.Search />
            <input ref={input} type="search" aria-label={label} dir="auto"
                placeholder={label} value={typed} maxLength={100}
                onInput={(e: Event) => setTyped(
                    (e.currentTarget as HTMLInputElement).value)} />
            <kbd aria-hidden="true">/</kbd>
        </div>
    );
}


export function Pick({ place, name, label, all, options }: {
    place: Place; name: string; label: string; all: string;
    options: [string, string][];
}) {
    return (
        <select aria-label={label} value={place.query.get(name) ?? ''}
            onChange={(e: Event) => go(withQuery(place, {
                [name]: (e.currentTarget as HTMLSelectElement).value,
            }), true)}>
            <option value="">{all}</option>
            {options.map(([v, words]) => (
                <option key={v} value={v}>{words}</option>
            ))}
        </select>
    );
}


export function State({ of }: { of: string }) {
    return (
        <span className={`state-word is-${statusLook(of)}`} data-status={of}>
            <i aria-hidden="true" />{statusText(of)}
        </span>
    );
}


function grouped(rows: Template[]): Template[][] {
    const by = new Map<string, Template[]>();

    for (const r of rows) {
        by.set(r.name, [...by.get(r.name) ?? [], r]);
    }

    return [...by.values()];
}


export function List({ place, bin }: { place: Place; bin: boolean }) {
    const get = (k: string) => place.query.get(k) ?? '';
    const list = useInfiniteQuery(tq.list({
        q: get('q'), status: get('status'), category: get('category'),
        deleted: bin ? 'true' : '',
    }));
    const rows = rowsOf(list.data);
    const asked = get('q') + get('status') + get('category') !== '';

    return (
        <>
            <div className="tpl-filter" role="search">
                <Search place={place} label={t('templates.search')} />
                <Pick place={place} name="status" label={t('templates.state')}
                    all={t('templates.anyState')}
                    options={STATES.map((s) => [s, statusText(s)])} />
                <Pick place={place} name="category"
                    label={t('templates.categoryLabel')}
                    all={t('templates.anyCategory')}
                    options={CATEGORIES.map((c) => [c, categoryText(c)])} />
            </div>
            {list.isPending ? <Skeleton rows={6} kind="lines" />
                : list.data === undefined
                ? <Failed error={list.error}
                    retry={() => void list.refetch()} />
                : rows.length === 0
                ? <Empty icon={bin ? <Icon.Trash /> : <Icon.Template />}
                    title={asked ? t('templates.none')
                           : bin ? t('templates.binEmpty')
                           : t('templates.empty')}
                    next={asked ? t('templates.noneNext')
                          : bin ? t('templates.binEmptyNext')
                          : t('templates.emptyNext')}>
                    {!asked && !bin
                        && <Link to="/templates/library" className="button">
                            <Icon.Book />{t('templates.fromLibrary')}
                        </Link>}
                </Empty>
                : <ul className={`tpl-list ${list.isPlaceholderData
                    ? 'is-waiting' : ''}`}>
                    {grouped(rows).map((g) => bin
                        ? g.map((r) => <Binned key={r.id} of={r} />)
                        : <Group key={g[0]!.name} of={g} />)}
                </ul>}
            {list.hasNextPage
                && <button className="button tpl-more"
                    onClick={() => void list.fetchNextPage()}>
                    {list.isFetchingNextPage ? t('state.more')
                        : t('templates.more')}
                </button>}
        </>
    );
}


function Group({ of: g }: { of: Template[] }) {
    const main = g.find((r) => r.language.startsWith('en')) ?? g[0]!;
    const changed = g.map((r) => r.updated_at).sort().at(-1)!;

    return (
        <li className="tpl-row">
            <div className="tpl-what">
                <Link to={`/templates/${main.id}`} className="tpl-name">
                    <bdi>{main.name}</bdi>
                </Link>
                <p className="tpl-text" dir="auto">{main.body}</p>
            </div>
            <span className="tpl-category">{categoryText(main.category)}</span>
            <ul className="tpl-languages" aria-label={t('templates.languages')}>
                {g.map((r) => (
                    <li key={r.id}>
                        <Link to={`/templates/${r.id}`} className="tpl-language"
                            title={languageName(r.language)}>
                            <bdi>{r.language}</bdi><State of={r.status} />
                            {r.submitted_version !== null
                                && r.submitted_version < r.version
                                && <span className="tpl-newer"
                                    title={t('templates.newer')}>
                                    <Icon.Edit />
                                    <span className="sr">
                                        {t('templates.newer')}
                                    </span>
                                </span>}
                        </Link>
                    </li>
                ))}
            </ul>
            <time dateTime={changed}>{when(changed)}</time>
        </li>
    );
}


function Binned({ of: r }: { of: Template }) {
    const [error, setError] = useState<unknown>(null);
    const [sure, setSure] = useState(false);
    const changed = useTemplatesChanged();
    const { may, why } = useMayChange();

    async function restore() {
        try {
            await call('POST', `/templates/${r.id}/restore`);
            toast({ text: t('templates.restored', { name: r.name }) });
            await changed();
        } catch (e) {
            setError(e);
        }
    }

    return (
        <li className="tpl-row tpl-binned">
            <div className="tpl-what">
                <span className="tpl-name">
                    <bdi>{r.name}</bdi>
                    <span className="tag">{languageName(r.language)}</span>
                </span>
                <p className="tpl-text" dir="auto">{r.body}</p>
                {error !== null
                    && <Notice error={error} onClose={() => setError(null)} />}
            </div>
            <time dateTime={r.deleted_at ?? ''}>
                {r.deleted_at !== null && when(r.deleted_at)}
            </time>
            <div className="card-actions">
                <button className="button button-small" title={why}
                    aria-disabled={may ? undefined : 'true'}
                    onClick={() => may && void restore()}>
                    <Icon.Undo />{t('templates.restore')}
                </button>
                <button className="button button-small" title={why}
                    aria-disabled={may ? undefined : 'true'}
                    onClick={() => may && setSure(true)}>
                    <Icon.Trash />{t('templates.forGood')}
                </button>
            </div>
            {sure
                && <TypedConfirm title={t('templates.forGoodTitle')}
                    word={r.name} action={t('templates.forGood')}
                    onClose={() => setSure(false)}
                    onDone={async () => {
                        await call('DELETE',
                                   `/templates/${r.id}?permanent=true`);
                        toast({ text: t('templates.gone') });
                        await changed();
                    }}>
                    <p>{t('templates.forGoodWords')}</p>
                </TypedConfirm>}
        </li>
    );
}



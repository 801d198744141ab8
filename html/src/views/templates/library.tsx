/*
 * The library: templates that are ready, seen as a phone shows them, taken in
 * the languages that are wanted.
 */

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { humanise } from '../../lib/format';
import { go } from '../../lib/router';
import type { Place } from '../../lib/router';
import { locale, t, tMaybe, tn } from '../../lib/t';
import { FormEnd } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Dialog, Empty, Failed, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { Bubble } from './bubble';
import {
    CATEGORIES, categoryText, languageName, tq, useMayChange,
    useTemplatesChanged,
} from './data';
import type { Imported, Shelf } from './data';
import { Pick, Search } from './list';

const wordFor = (u: string) => tMaybe(`templates.use.${u}`) ?? humanise(u);


/* the reader's own language, else English, else whatever there is */
function shownIn(s: Shelf): string {
    const own = locale.replace('-', '_');

    return own in s.languages ? own : 'en' in s.languages ? 'en'
        : Object.keys(s.languages)[0]!;
}


export function Library({ place }: { place: Place }) {
    const get = (k: string) => place.query.get(k) ?? '';
    const all = useQuery(tq.library({}));
    const list = useQuery({
        ...tq.library({ q: get('q'), use: get('use'),
                        category: get('category') }),
        placeholderData: keepPreviousData,
    });
    const [open, setOpen] = useState<Shelf | undefined>();
    const uses = [...new Set(all.data?.data.map((s) => s.use))]
        .map((u): [string, string] => [u, wordFor(u)])
        .sort((a, b) => a[1].localeCompare(b[1]));

    return (
        <>
            <div className="tpl-filter" role="search">
                <Search place={place} label={t('templates.librarySearch')} />
                <Pick place={place} name="use" label={t('templates.useLabel')}
                    all={t('templates.anyUse')} options={uses} />
                <Pick place={place} name="category"
                    label={t('templates.categoryLabel')}
                    all={t('templates.anyCategory')}
                    options={CATEGORIES.map((c) => [c, categoryText(c)])} />
            </div>
            {list.isPending ? <Skeleton rows={4} kind="tall" />
                : list.data === undefined
                ? <Failed error={list.error}
                    retry={() => void list.refetch()} />
                : list.data.data.length === 0
                ? <Empty icon={<Icon.Book />} title={t('templates.none')}
                    next={t('templates.noneNext')} />
                : <ul className="tpl-shelf">
                    {list.data.data.map((s) => (
                        <li key={s.id} className="tpl-ready">
                            <header>
                                <h3>{tMaybe(`templates.library.${s.id}`)
                                     ?? s.title}</h3>
                                <p className="soft">
                                    {wordFor(s.use)} ·{' '}
                                    {categoryText(s.category)} ·{' '}
                                    {tn('templates.languagesN', Object.keys(
                                        s.languages).length)}
                                </p>
                            </header>
                            <Bubble small of={s.languages[shownIn(s)]!}
                                language={shownIn(s)} />
                            <button className="button button-small"
                                onClick={() => setOpen(s)}
                                aria-label={t('templates.useThis', {
                                    name: s.title })}>
                                <Icon.Plus />{t('templates.use')}
                            </button>
                        </li>
                    ))}
                </ul>}
            {open !== undefined
                && <Use of={open} onClose={() => setOpen(undefined)} />}
        </>
    );
}


function Use({ of: s, onClose }: { of: Shelf; onClose: () => void }) {
    const codes = Object.keys(s.languages);
    const [wanted, setWanted] = useState([shownIn(s)]);
    const [at, setAt] = useState(shownIn(s));
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const changed = useTemplatesChanged();
    const { may, why } = useMayChange();

    async function take() {
        setBusy(true);

        try {
            const done = await call<Imported>('POST',
                `/library/templates/${encodeURIComponent(s.id)}/use`,
                { body: { languages: wanted } });
            const first = done.templates.find((x) => x.id !== null);

            await changed();
            toast({ text: done.created > 0
                    ? tn('templates.taken', done.created)
                    : t('templates.hadAll') });
            go(first?.id ? `/templates/${first.id}` : '/templates');

        } catch (e) {
            setError(e);
            setBusy(false);
        }
    }

    return (
        <Dialog title={s.title} onClose={onClose} className="tpl-use">
            <form className="form" onSubmit={(e: Event) => {
                e.preventDefault();

                if (may && !busy && wanted.length > 0) {
                    void take();
                }
            }}>
                <Bubble of={s.languages[at]!} language={at} />
                <fieldset className="tpl-codes">
                    <legend>{t('templates.useIn')}</legend>
                    {codes.map((c) => (
                        <label key={c} className="check">
                            <input type="checkbox"
                                checked={wanted.includes(c)}
                                onChange={() => {
                                    setAt(c);
                                    setWanted(wanted.includes(c)
                                        ? wanted.filter((x) => x !== c)
                                        : [...wanted, c]);
                                }} />
                            <span>{languageName(c)}</span>
                        </label>
                    ))}
                </fieldset>
                {why !== undefined && <p className="soft">{why}</p>}
                <FormEnd error={error} onCancel={onClose}
                    busy={busy || !may || wanted.length === 0}
                    save={t('templates.use')} />
            </form>
        </Dialog>
    );
}

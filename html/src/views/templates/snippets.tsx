/*
 * Snippets: short texts for conversations, called up by a slash and their
 * shortcut.
 */

import {
    keepPreviousData, useQuery, useQueryClient,
} from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import type { Place } from '../../lib/router';
import { locale, t } from '../../lib/t';
import { FormEnd, SelectField, TextField, useFaultFocus, useFaults }
    from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Dialog, Empty, Failed, Notice, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { LANGUAGE_CODES, languageName, tq, useMayChange } from './data';
import type { Snippet } from './data';
import { Pick, Search } from './list';

const KINDS = ['greeting', 'follow_up', 'support', 'other'] as const;

const kindText = (k: string) =>
    t(`templates.kind.${k}` as 'templates.kind.other');


export function Snippets({ place, adding, onAdded }: {
    place: Place; adding: boolean; onAdded: () => void;
}) {
    const qc = useQueryClient();
    const get = (k: string) => place.query.get(k) ?? '';
    const list = useQuery({
        ...tq.snippets(get('q'), get('kind')),
        placeholderData: keepPreviousData,
    });
    const [open, setOpen] = useState<Snippet | undefined>();
    const [error, setError] = useState<unknown>(null);
    const { may, why } = useMayChange();
    const rows = list.data?.data ?? [];
    const changed = () => qc.invalidateQueries({ queryKey: ['snippets'] });

    async function drop(s: Snippet) {
        try {
            await call('DELETE', `/snippets/${s.id}`);
            await changed();
            toast({
                text: t('templates.snippetGone', { name: `/${s.shortcut}` }),
                undo: async () => {
                    const { shortcut, kind, language, title, body } = s;

                    try {
                        await call('POST', '/snippets', { body: {
                            shortcut, kind, language, title, body } });
                        await changed();
                    } catch {
                        toast({ kind: 'failed',
                                text: t('templates.undoFailed') });
                    }
                },
            });

        } catch (e) {
            setError(e);
        }
    }

    return (
        <>
            <div className="tpl-filter" role="search">
                <Search place={place} label={t('templates.snippetSearch')} />
                <Pick place={place} name="kind" label={t('templates.kindLabel')}
                    all={t('templates.anyKind')}
                    options={KINDS.map((k) => [k, kindText(k)])} />
            </div>
            {error !== null
                && <Notice error={error} onClose={() => setError(null)} />}
            {list.isPending ? <Skeleton rows={4} kind="lines" />
                : list.data === undefined
                ? <Failed error={list.error}
                    retry={() => void list.refetch()} />
                : rows.length === 0
                ? <Empty icon={<Icon.Bolt />}
                    title={get('q') + get('kind') !== '' ? t('templates.none')
                           : t('templates.noSnippets')}
                    next={get('q') + get('kind') !== ''
                          ? t('templates.noneNext')
                          : t('templates.noSnippetsNext')} />
                : <ul className="tpl-list">
                    {rows.map((s) => (
                        <li key={s.id} className="tpl-row tpl-snippet">
                            <div className="tpl-what">
                                <span className="tpl-name">
                                    <bdi dir="ltr">/{s.shortcut}</bdi>
                                    {s.title !== '' && <bdi className="soft">
                                        {s.title}</bdi>}
                                </span>
                                <p className="tpl-text" dir="auto">{s.body}</p>
                            </div>
                            <span className="tpl-category">
                                {kindText(s.kind)} ·{' '}
                                {languageName(s.language)}
                            </span>
                            <div className="card-actions">
                                <button className="icon-button" title={why}
                                    aria-disabled={may ? undefined : 'true'}
                                    aria-label={t('templates.editOf', {
                                        name: `/${s.shortcut}` })}
                                    onClick={() => may && setOpen(s)}>
                                    <Icon.Edit />
                                </button>
                                <button className="icon-button" title={why}
                                    aria-disabled={may ? undefined : 'true'}
                                    aria-label={t('templates.deleteOf', {
                                        name: `/${s.shortcut}` })}
                                    onClick={() => may && void drop(s)}>
                                    <Icon.Trash />
                                </button>
                            </div>
                        </li>
                    ))}
                </ul>}
            {(adding || open !== undefined)
                && <Form of={open} onDone={() => void changed()}
                    onClose={() => {
                        setOpen(undefined);
                        onAdded();
                    }} />}
        </>
    );
}


function Form({ of: s, onDone, onClose }: {
    of: Snippet | undefined; onDone: () => void; onClose: () => void;
}) {
    const [x, setX] = useState({
        shortcut: s?.shortcut ?? '', kind: s?.kind ?? 'greeting',
        language: s?.language ?? locale.replace('-', '_'),
        title: s?.title ?? '', body: s?.body ?? '',
    });
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const faults = useFaults(error);
    const form = useFaultFocus(error);

    async function save() {
        setBusy(true);

        try {
            await call(s === undefined ? 'POST' : 'PATCH', s === undefined
                ? '/snippets' : `/snippets/${s.id}`, { body: x });
            onDone();
            toast({ text: t('form.saved') });
            onClose();

        } catch (e) {
            setError(e);
            setBusy(false);
        }
    }

    return (
        <Dialog onClose={onClose} title={s === undefined
            ? t('templates.newSnippet') : t('templates.editSnippet')}>
            <form className="form" ref={form} onSubmit={(e: Event) => {
                e.preventDefault();

                if (!busy) {
                    void save();
                }
            }}>
                <TextField label={t('templates.shortcut')} value={x.shortcut}
                    fault={faults.of('/shortcut')} dir="ltr" autoFocus
                    hint={t('templates.shortcutHint')} maxLength={64}
                    autoComplete="off" spellcheck={false}
                    onChange={(v) => setX({ ...x, shortcut: v.toLowerCase()
                        .replace(/[^a-z0-9_-]/g, '') })} />
                <div className="form-row">
                    <SelectField label={t('templates.kindLabel')}
                        value={x.kind} fault={faults.of('/kind')}
                        options={KINDS.map((k) => ({
                            value: k as string, label: kindText(k) }))}
                        onChange={(kind) => setX({ ...x, kind })} />
                    <SelectField label={t('templates.language')}
                        value={x.language} fault={faults.of('/language')}
                        options={[...new Set([x.language, ...LANGUAGE_CODES])]
                            .map((c) => ({ value: c,
                                           label: languageName(c) }))}
                        onChange={(language) => setX({ ...x, language })} />
                </div>
                <TextField label={t('templates.title')} optional dir="auto"
                    value={x.title} fault={faults.of('/title')}
                    maxLength={100}
                    onChange={(title) => setX({ ...x, title })} />
                <TextField area rows={6} label={t('templates.body')}
                    value={x.body} fault={faults.of('/body')} dir="auto"
                    hint={t('templates.snippetHint')} maxLength={4096}
                    onChange={(body) => setX({ ...x, body })} />
                <FormEnd error={error} busy={busy} onCancel={onClose} />
            </form>
        </Dialog>
    );
}

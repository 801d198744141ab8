/*
 * The editor: the parts on the left, what a phone shows and what WhatsApp
 * would say on the right.  Nothing is kept until it is saved; leaving before
 * that is asked about.
 */

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { asProblem, call } from '../../api/client';
import { useContacts, rowsOf } from '../../api/queries';
import type { Contact } from '../../api/types';
import { useSettled } from '../../lib/hooks';
import { go } from '../../lib/router';
import { t } from '../../lib/t';
import { SelectField, TextField } from '../../ui/form';
import { Card, Head } from '../../ui/page';
import { Failed, Notice, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { BODY_MAX, BodyField } from './body';
import { Bubble } from './bubble';
import {
    CATEGORIES, LANGUAGE_CODES, categoryText, languageName, namesOf, tq,
    useMayChange, useTemplatesChanged,
} from './data';
import type { Doc, Finding, Template } from './data';
import { Findings, Length, Verdict, Warnings, useFault } from './marks';
import { ButtonFields, CodeFields, HeaderFields, VariableRows } from './parts';

interface Draft {
    name: string;
    language: string;
    category: string;
    document: Doc;
}

const MEMBERS = ['header', 'footer', 'buttons', 'variables', 'authentication'];


/* variables that no text has any more go with it */
function tidy(d: Doc): Doc {
    const names = namesOf(d);
    const kept = Object.entries(d.variables ?? {})
        .filter(([n, v]) => names.includes(n) && Object.keys(v).length > 0);
    const { variables: _, footer, ...rest } = d;

    return JSON.parse(JSON.stringify({
        ...rest,
        footer: footer === '' ? undefined : footer,
        variables: kept.length > 0 ? Object.fromEntries(kept) : undefined,
    })) as Doc;
}


export function Edit({ id }: { id: string | undefined }) {
    const was = useQuery({ ...tq.one(id ?? ''), enabled: id !== undefined,
                           staleTime: 0 });

    return id === undefined ? <Editor was={undefined} tag={undefined} />
        : was.isPending ? <Skeleton rows={6} kind="detail" />
        : was.data === undefined
        ? <Failed error={was.error} retry={() => void was.refetch()} />
        : <Editor key={id} was={was.data.of} tag={was.data.tag} />;
}


function Editor({ was, tag }: {
    was: Template | undefined; tag: string | undefined;
}) {
    const start = useRef<Draft>({
        name: was?.name ?? '', language: was?.language ?? 'en',
        category: was?.category ?? 'utility',
        document: was?.document ?? { body: '' },
    });
    const firstTag = useRef(tag);
    const [draft, setDraft] = useState(start.current);
    const [busy, setBusy] = useState(false);
    const [tried, setTried] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const changed = useTemplatesChanged();
    const { may, why } = useMayChange();
    const form = useRef<HTMLFormElement>(null);
    const d = draft.document;
    const names = namesOf(d);
    const fixed = was !== undefined && was.submitted_at !== null;
    const dirty = JSON.stringify(draft) !== JSON.stringify(start.current);
    const back = was === undefined ? '/templates' : `/templates/${was.id}`;

    const sent = useSettled(JSON.stringify({
        ...draft, document: tidy(d),
    }), 300);
    const lint = useQuery({
        queryKey: ['lint', sent],
        queryFn: ({ signal }) => call<{ lint: Finding[] }>(
            'POST', '/templates/lint', { body: JSON.parse(sent), signal }),
        placeholderData: keepPreviousData,
        staleTime: Infinity,
    });

    /* an empty form is not yet wrong */
    const findings = useMemo(() => {
        const refused: Finding[] = error === null ? []
            : asProblem(error).fields.map((f) => ({
                code: 'refused', level: 'error', pointer: f.pointer,
                words: f.words, fix: '' }));
        const found = lint.data?.lint ?? [];

        return [...refused, ...was !== undefined || tried ? found
            : found.filter((f) => !(f.pointer === '/name' && draft.name === ''
                || f.pointer === '/document/body' && d.body === ''))];
    }, [lint.data, error, tried, draft.name === '', d.body === '']);

    useEffect(() => {
        if (!dirty) {
            return;
        }

        const ask = (e: BeforeUnloadEvent) => e.preventDefault();

        addEventListener('beforeunload', ask);

        return () => removeEventListener('beforeunload', ask);
    }, [dirty]);

    const set = (document: Partial<Doc>) => {
        setError(null);
        setDraft((b) => ({ ...b, document: { ...b.document, ...document } }));
    };

    async function save() {
        setTried(true);

        if (!may || busy) {
            return;
        }

        setBusy(true);
        setError(null);

        const document: Record<string, unknown> = tidy(d);
        const head = fixed ? { category: draft.category }
            : { name: draft.name, language: draft.language,
                category: draft.category };

        if (was !== undefined) {
            for (const m of MEMBERS) {
                document[m] ??= null;
            }
        }

        try {
            const done = await call<Template>(
                was === undefined ? 'POST' : 'PATCH',
                was === undefined ? '/templates' : `/templates/${was.id}`,
                { body: { ...head, document },
                  headers: firstTag.current === undefined ? {}
                      : { 'If-Match': firstTag.current } });

            await changed();
            toast({ text: was === undefined ? t('templates.made')
                    : t('templates.savedAs', { version: done.version }) });
            go(`/templates/${done.id}`);

        } catch (e) {
            setError(e);
            setBusy(false);
            setTimeout(() => form.current?.querySelector<HTMLElement>(
                '[aria-invalid="true"]')?.focus());
        }
    }

    return (
        <Findings.Provider value={findings}>
            <Head back={{ to: back, text: was?.name ?? t('nav.templates') }}
                title={was === undefined ? t('templates.new')
                    : t('templates.edit')}
                lead={fixed ? t('templates.editLead') : undefined}>
                <button type="button" className="button" onClick={() => {
                    if (!dirty || confirm(t('form.unsaved'))) {
                        go(back);
                    }
                }}>
                    {t('form.cancel')}
                </button>
                <button type="button" className="button button-main"
                    title={why} aria-disabled={!may || busy
                        || was !== undefined && !dirty ? 'true' : undefined}
                    onClick={() => void save()}>
                    {busy ? t('form.saving') : was === undefined
                        ? t('templates.create') : t('templates.saveVersion')}
                </button>
            </Head>
            {why !== undefined
                && <p className="notice is-unknown">{why}</p>}
            {error !== null && <Notice error={error}
                onClose={() => setError(null)} />}
            <div className="tpl-editor">
                <form className="stack" ref={form} onSubmit={(e: Event) => {
                    e.preventDefault();
                    void save();
                }}>
                    <Card title={t('templates.what')}>
                        <What draft={draft} fixed={fixed}
                            set={(c) => setDraft({ ...draft, ...c })} />
                    </Card>
                    <Card title={t('templates.content')}>
                        {draft.category !== 'authentication'
                            && <HeaderFields of={d} set={set} />}
                        <BodyField label={t('templates.body')} value={d.body}
                            at="/document/body" max={BODY_MAX} names={names}
                            onChange={(body) => set({ body })} />
                        {draft.category === 'authentication'
                            ? <CodeFields of={d} set={set} />
                            : <Footer of={d} set={set} />}
                    </Card>
                    {names.length > 0
                        && <Card title={t('templates.variables')}
                            hint={t('templates.variablesHint')}>
                            <VariableRows of={d} names={names} set={set} />
                        </Card>}
                    <Card title={t('templates.buttons')}
                        hint={t('templates.buttonsHint')}>
                        <ButtonFields of={d} set={set}
                            code={draft.category === 'authentication'} />
                    </Card>
                    <button className="sr" tabIndex={-1} aria-hidden="true" />
                </form>
                <aside className="tpl-side" aria-label={t('templates.preview')}>
                    <Preview of={d} language={draft.language} />
                    {lint.isError
                        ? <Notice error={lint.error} />
                        : <Verdict busy={lint.isFetching} />}
                </aside>
            </div>
        </Findings.Provider>
    );
}


function What({ draft, fixed, set }: {
    draft: Draft; fixed: boolean; set: (c: Partial<Draft>) => void;
}) {
    const name = useFault('/name');
    const language = useFault('/language');
    const category = useFault('/category');

    return (
        <>
            <TextField label={t('templates.name')} value={draft.name}
                fault={name} dir="ltr" autoComplete="off" spellcheck={false}
                data-at="/name" disabled={fixed} maxLength={512}
                hint={t('templates.nameHint')}
                onChange={(v) => set({
                    name: v.toLowerCase().replace(/[ -]/g, '_') })} />
            <Warnings at="/name" />
            <div className="form-row">
                {fixed
                    ? <TextField label={t('templates.language')} disabled
                        value={languageName(draft.language)}
                        onChange={() => {}} />
                    : <SelectField label={t('templates.language')}
                        value={draft.language} fault={language}
                        options={[...new Set([draft.language,
                                              ...LANGUAGE_CODES])]
                            .map((c) => ({ value: c,
                                           label: languageName(c) }))
                            .sort((a, b) => a.label.localeCompare(b.label))}
                        onChange={(v) => set({ language: v })} />}
                <SelectField label={t('templates.categoryLabel')}
                    value={draft.category} fault={category}
                    options={CATEGORIES.map((c) => ({
                        value: c as string, label: categoryText(c) }))}
                    onChange={(v) => set({ category: v })} />
            </div>
            <Warnings at="/category" />
        </>
    );
}


function Footer({ of: d, set }: {
    of: Doc; set: (c: Partial<Doc>) => void;
}) {
    const fault = useFault('/document/footer');

    return (
        <div>
            <TextField label={t('templates.footer')} optional dir="auto"
                value={d.footer ?? ''} fault={fault} maxLength={200}
                data-at="/document/footer"
                hint={<Length of={d.footer ?? ''} max={60} />}
                onChange={(footer) => set({ footer })} />
            <Warnings at="/document/footer" />
        </div>
    );
}


/* whose values: the samples, or a contact's own */
export function Preview({ of: d, language }: { of: Doc; language: string }) {
    const [typed, setTyped] = useState('');
    const [who, setWho] = useState<Contact | undefined>();
    const search = useSettled(typed.trim(), 200);
    const list = useContacts(search, '');
    const found = rowsOf(list.data).slice(0, 20);

    const value = who === undefined ? undefined : (name: string) => {
        const own = who.fields?.[name]
            ?? (who as unknown as Record<string, unknown>)[name];

        return typeof own === 'string' || typeof own === 'number'
            ? String(own) : undefined;
    };

    return (
        <section className="tpl-preview">
            <Bubble of={d} language={language} value={value}
                samples={who === undefined} />
            <div className="form-row">
                <TextField type="search" label={t('templates.previewFor')}
                    value={typed} onChange={setTyped} dir="auto"
                    placeholder={t('templates.previewSearch')} />
                <SelectField label={t('templates.previewWho')}
                    value={who?.id ?? ''}
                    options={[{ value: '', label: t('templates.samples') },
                              ...[...(who !== undefined
                                      && !found.some((c) => c.id === who.id)
                                      ? [who] : []), ...found]
                                  .map((c) => ({
                                      value: c.id,
                                      label: c.name ?? c.phone ?? '–' }))]}
                    onChange={(id) => setWho(found.find((c) =>
                        c.id === id))} />
            </div>
        </section>
    );
}

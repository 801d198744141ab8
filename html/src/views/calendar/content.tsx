/*
 * What is said and shown, and to whom: of a message to one person, of a
 * broadcast by a template, of a status.
 */

import { useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { Problem } from '../../api/client';
import { q, rowsOf, useContacts } from '../../api/queries';
import { useSettled } from '../../lib/hooks';
import { t } from '../../lib/t';
import { Field, SelectField, TextField } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Avatar, Name, Notice, Phone, Segments } from '../../ui/parts';
import type { Draft, File } from './draft';
import type { StepProps } from './flow';

const TEXT_MAX = 4096;
const COLOURS = ['#1f6b4f', '#1d4f7a', '#7a2f4f', '#6b4a16', '#3b3a37'];


export function contentReady(d: Draft): boolean {
    const said = d.mode === 'template' ? d.template !== ''
        : d.text.trim() !== '' || d.file !== null;

    return d.kind === 'broadcast'
        ? d.template !== '' && d.name.trim() !== ''
        : d.kind === 'status'
        ? d.text.trim() !== '' || d.file !== null
        : said && (d.contact !== null || d.to.trim() !== '');
}


/* the names in {{name|fallback}} that are no column of the contact */
export function variablesOf(body: string): { name: string; or: string }[] {
    const found = new Map<string, string>();

    for (const m of body.matchAll(/\{\{\s*([^}|\s]+)\s*(?:\|([^}]*))?\}\}/g)) {
        found.set(m[1]!, m[2] ?? '');
    }

    return [...found].map(([name, or]) => ({ name, or }));
}


export function Content(p: StepProps) {
    const { draft, set, fault } = p;

    return (
        <>
            {draft.kind === 'message' ? <Person {...p} />
                : <Audience {...p} />}
            {draft.kind === 'message'
                && <Segments label={t('calendar.mode')} name="flow-mode"
                    value={draft.mode} options={[
                        { value: 'text', label: t('calendar.modeText') },
                        { value: 'template',
                          label: t('calendar.modeTemplate') },
                    ]}
                    onChange={(mode) => set({ mode })} />}
            {draft.kind === 'broadcast'
                && <TextField label={t('calendar.name')} value={draft.name}
                    fault={fault('/document/name') ?? fault('/name')}
                    maxLength={200} dir="auto"
                    onChange={(name) => set({ name })} />}
            {draft.kind === 'broadcast' || (draft.kind === 'message'
                && draft.mode === 'template')
                ? <TemplatePart {...p} /> : <TextPart {...p} />}
        </>
    );
}


function Person({ draft, set, fault }: StepProps) {
    const [typed, setTyped] = useState('');
    const search = useSettled(typed.trim(), 150);
    const list = useContacts(search, '');
    const rows = search === '' ? [] : rowsOf(list.data).slice(0, 6);

    if (draft.contact !== null) {
        return (
            <Field label={t('calendar.toWhom')}
                fault={fault('/document/contact_id')}>
                {(ids) => (
                    <div className="flow-person" id={ids.id}>
                        <Avatar name={draft.contact!.name} />
                        <span><Name of={draft.contact!.name} />{' '}
                            <Phone of={draft.contact!.phone} /></span>
                        <button type="button" className="text-link"
                            onClick={() => set({ contact: null })}>
                            {t('calendar.another')}
                        </button>
                    </div>
                )}
            </Field>
        );
    }

    return (
        <div className="flow-find">
            <TextField label={t('calendar.toWhom')} type="search"
                value={typed !== '' ? typed : draft.to} autoComplete="off"
                fault={fault('/document/contact_id') ?? fault('/document/to')}
                hint={t('calendar.toWhomHint')}
                onChange={(v) => {
                    setTyped(v);
                    set({ to: /^\+\d{6,}$/.test(v.replace(/\s/g, ''))
                        ? v.replace(/\s/g, '') : '' });
                }} />
            {rows.length > 0
                && <ul className="flow-found">
                    {rows.map((c) => (
                        <li key={c.id}>
                            <button type="button" onClick={() => {
                                set({
                                    to: '',
                                    contact: { id: c.id, name: c.name,
                                               phone: c.phone },
                                });
                                setTyped('');
                            }}>
                                <Avatar name={c.name} />
                                <Name of={c.name} /><Phone of={c.phone} />
                            </button>
                        </li>
                    ))}
                </ul>}
            {search !== '' && rows.length === 0 && !list.isPending
                && draft.to === ''
                && <p className="soft" role="status">
                    {t('calendar.nobody')}</p>}
        </div>
    );
}


function Audience({ draft, set, fault }: StepProps) {
    const where = draft.kind === 'status' ? '/document/recipients'
        : '/document/audience';
    const [tagged, setTagged] = useState(draft.audience !== '');

    return (
        <>
            <Segments label={t('calendar.audience')} name="flow-audience"
                value={tagged ? 'tag' : 'all'}
                options={[
                    { value: 'all', label: t(draft.kind === 'status'
                        ? 'calendar.everyViewer' : 'calendar.everybody') },
                    { value: 'tag', label: t('calendar.withTag') },
                ]}
                onChange={(v) => {
                    setTagged(v === 'tag');

                    if (v === 'all') {
                        set({ audience: '' });
                    }
                }} />
            {tagged
                && <TextField label={t('calendar.tag')} maxLength={64}
                    fault={fault(where) ?? fault(`${where}/tag`)}
                    value={draft.audience} dir="auto"
                    onChange={(audience) => set({ audience })} />}
        </>
    );
}


function TextPart({ draft, set, fault }: StepProps) {
    const left = TEXT_MAX - Array.from(draft.text).length;

    return (
        <>
            <TextField label={t(draft.file !== null ? 'calendar.caption'
                : 'calendar.text')}
                area rows={5} value={draft.text} dir="auto"
                optional={draft.file !== null}
                fault={fault('/document/text')
                    ?? fault('/document/content/text')
                    ?? fault('/document/content/caption')
                    ?? (left < 0 ? t('calendar.tooLong', { n: -left })
                        : undefined)}
                onChange={(text) => set({ text })} />
            <Upload file={draft.file} status={draft.kind === 'status'}
                fault={fault('/document/content')
                    ?? fault('/document/content/media_id')}
                onFile={(file) => set({ file })} />
            {draft.kind === 'status' && draft.file === null
                && <fieldset className="flow-colours">
                    <legend>{t('calendar.colour')}</legend>
                    {COLOURS.map((c, i) => (
                        <label key={c} style={{ backgroundColor: c }}>
                            <input type="radio" name="flow-colour"
                                aria-label={t('calendar.colourN',
                                              { n: i + 1 })}
                                checked={draft.colour === c}
                                onChange={() => set({ colour: c })} />
                        </label>
                    ))}
                </fieldset>}
        </>
    );
}


async function upload(f: globalThis.File): Promise<File> {
    const res = await fetch(`/api/v1/media?filename=${
        encodeURIComponent(f.name.slice(0, 200))}`, {
        method: 'POST', credentials: 'same-origin', body: f,
        headers: { 'Content-Type': f.type || 'application/octet-stream' },
    });
    const json = await res.json().catch(() => ({})) as
        Record<string, unknown>;

    if (!res.ok) {
        throw new Problem(res.status, String(json['code'] ?? 'other'),
                          String(json['detail'] ?? ''), undefined, undefined,
                          []);
    }

    return json as unknown as File;
}


function Upload({ file, status, fault, onFile }: {
    file: File | null; status: boolean; fault: string | undefined;
    onFile: (f: File | null) => void;
}) {
    const [error, setError] = useState<unknown>(null);
    const [busy, setBusy] = useState(false);

    return (
        <>
            <Field label={t('calendar.file')} optional={file === null}
                fault={fault}>
                {(ids) => file !== null
                    ? <div className="flow-person" id={ids.id}>
                        <Icon.Image /><bdi>{file.filename}</bdi>
                        <button type="button" className="text-link"
                            onClick={() => onFile(null)}>
                            {t('form.remove')}
                        </button>
                    </div>
                    : <input {...ids} type="file"
                        accept={status ? 'image/*,video/*,audio/*'
                            : undefined}
                        aria-busy={busy}
                        onChange={(e: Event) => {
                            const f = (e.currentTarget as HTMLInputElement)
                                .files?.[0];

                            if (f !== undefined) {
                                setBusy(true);
                                setError(null);
                                upload(f).then(onFile, setError)
                                    .finally(() => setBusy(false));
                            }
                        }} />}
            </Field>
            {busy && <p className="soft" role="status">
                {t('calendar.uploading')}</p>}
            {error !== null && <Notice error={error} />}
        </>
    );
}


function TemplatePart({ draft, set, fault }: StepProps) {
    const templates = useQuery(q.templates());
    const all = templates.data?.data ?? [];
    const chosen = all.find((x) => x.id === draft.template);
    const where = draft.kind === 'broadcast' ? '/document'
        : '/document/template';

    return (
        <>
            <SelectField label={t('calendar.template')} value={draft.template}
                fault={fault(draft.kind === 'broadcast'
                    ? '/document/template_id' : '/document/template/id')
                    ?? fault('/document/template')}
                hint={templates.data !== undefined && all.length === 0
                    ? t('calendar.noTemplate') : undefined}
                onChange={(template) => set({ template })}
                options={[
                    { value: '', label: t('calendar.choose') },
                    ...all.map((x) => ({
                        value: x.id, label: `${x.name}, ${x.language}`,
                    })),
                ]} />
            {chosen !== undefined
                && variablesOf([chosen.header ?? '', chosen.body].join(' '))
                    .map((v) => (
                        <TextField key={v.name} dir="auto" optional
                            label={<bdi>{v.name}</bdi>}
                            value={draft.variables[v.name] ?? ''}
                            placeholder={v.or}
                            fault={fault(`${where}/variables/${v.name}`)}
                            onChange={(x) => set({ variables: {
                                ...draft.variables, [v.name]: x,
                            } })} />
                    ))}
        </>
    );
}

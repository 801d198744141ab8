/*
 * The editor's other parts: header, buttons, variables, the one-time code.
 */

import { useRef, useState } from 'react';
import { t, tMaybe } from '../../lib/t';
import { Field, SelectField, TextField, Toggle } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Notice } from '../../ui/parts';
import { Length, Warnings, useFault } from './marks';
import type { Button, Doc, Format, Variable } from './data';

type Set = (change: Partial<Doc>) => void;

const FORMATS: Format[] = ['none', 'text', 'image', 'video', 'document',
                           'location'];
const ACCEPT: Record<string, string> = {
    image: 'image/jpeg,image/png', video: 'video/mp4,video/3gpp',
    document: 'application/pdf',
};
const MAX_BUTTONS = 10;


export function HeaderFields({ of: d, set }: { of: Doc; set: Set }) {
    const format = d.header?.format ?? 'none';
    const fault = useFault('/document/header/text');
    const formatFault = useFault('/document/header/format');

    return (
        <>
            <SelectField label={t('templates.headerLabel')} value={format}
                fault={formatFault}
                options={FORMATS.map((f) => ({
                    value: f, label: t(`templates.header.${f}` as
                                       'templates.header.image') }))}
                onChange={(f) => set({ header: f === 'none' ? undefined
                    : f === 'text' ? { format: f,
                                       text: d.header?.text ?? '' }
                    : { format: f } })} />
            {format === 'text'
                && <TextField label={t('templates.headerText')} dir="auto"
                    value={d.header?.text ?? ''} maxLength={200} fault={fault}
                    data-at="/document/header/text"
                    hint={<Length of={d.header?.text ?? ''} max={60} />}
                    onChange={(text) => set({ header: { format, text } })} />}
            {format in ACCEPT
                && <Upload key={format} format={format}
                    id={d.header?.media_id}
                    onDone={(media_id) => set({
                        header: { format, media_id } })} />}
            <Warnings at="/document/header" errors />
        </>
    );
}


function Upload({ format, id, onDone }: {
    format: Format; id: string | undefined; onDone: (id: string) => void;
}) {
    const input = useRef<HTMLInputElement>(null);
    const [busy, setBusy] = useState(false);
    const [name, setName] = useState('');
    const [error, setError] = useState<unknown>(null);

    async function send(file: File) {
        setBusy(true);
        setError(null);

        try {
            const res = await fetch('/api/v1/media', {
                method: 'POST', credentials: 'same-origin', body: file,
                headers: { 'Content-Type': file.type },
            });
            const said = await res.json() as { id?: string; detail?: string };

            if (!res.ok || said.id === undefined) {
                throw new Error(said.detail ?? res.statusText);
            }

            setName(file.name);
            onDone(said.id);

        } catch (e) {
            setError(e instanceof Error ? e.message : e);

        } finally {
            setBusy(false);
        }
    }

    return (
        <div className="tpl-upload" data-at="/document/header/media_id">
            <button type="button" className="button"
                onClick={() => input.current?.click()}>
                <Icon.Upload />
                {busy ? t('templates.uploading')
                    : id !== undefined ? t('templates.uploadOther')
                    : t('templates.upload')}
            </button>
            <input ref={input} type="file" hidden accept={ACCEPT[format]}
                onChange={() => {
                    const f = input.current?.files?.[0];

                    if (f !== undefined) {
                        void send(f);
                    }
                }} />
            <span className="soft">
                {name !== '' ? <bdi>{name}</bdi>
                    : id !== undefined ? t('templates.uploaded')
                    : t('templates.uploadHint')}
            </span>
            {error !== null && <Notice error={error} />}
            <Warnings at="/document/header/media_id" errors />
        </div>
    );
}


/* what each kind of button needs beside its words */
const KINDS: Record<string, { key: 'url' | 'phone_number' | 'example';
    type: 'url' | 'tel' | 'text'; words: boolean } | null> = {
    quick_reply: null,
    url: { key: 'url', type: 'url', words: true },
    phone_number: { key: 'phone_number', type: 'tel', words: true },
    copy_code: { key: 'example', type: 'text', words: false },
    otp: null,
};


export function ButtonFields({ of: d, set, code }: {
    of: Doc; set: Set; code: boolean;
}) {
    const all = d.buttons ?? [];
    const kinds = code ? ['otp'] : ['quick_reply', 'url', 'phone_number',
                                    'copy_code'];
    const change = (next: Button[]) =>
        set({ buttons: next.length === 0 ? undefined : next });

    return (
        <div className="stack" data-at="/document/buttons">
            <Warnings at="/document/buttons" errors />
            {all.length > 0
                && <ol className="tpl-buttons">
                    {all.map((b, i) => (
                        <ButtonRow key={i} of={b} i={i} last={all.length - 1}
                            set={(n) => change(all.map((x, k) =>
                                k === i ? n : x))}
                            remove={() => change(all.filter((_, k) =>
                                k !== i))}
                            move={(step) => {
                                const next = [...all];
                                const [x] = next.splice(i, 1);

                                next.splice(i + step, 0, x!);
                                change(next);
                            }} />
                    ))}
                </ol>}
            {all.length < MAX_BUTTONS
                && <div className="tpl-add">
                    {kinds.map((k) => (
                        <button key={k} type="button"
                            className="button button-small"
                            onClick={() => change([...all, k === 'otp'
                                ? { type: k, otp_type: 'copy_code' }
                                : k === 'copy_code' ? { type: k, example: '' }
                                : { type: k, text: '' }])}>
                            <Icon.Plus />
                            {t(`templates.button.${k}` as
                               'templates.button.url')}
                        </button>
                    ))}
                </div>}
        </div>
    );
}


function ButtonRow({ of: b, i, last, set, remove, move }: {
    of: Button; i: number; last: number; set: (b: Button) => void;
    remove: () => void; move: (step: number) => void;
}) {
    const at = `/document/buttons/${i}`;
    const kind = KINDS[b.type];
    const textFault = useFault(`${at}/text`);
    const valueFault = useFault(`${at}/${kind?.key ?? '-'}`);
    const name = tMaybe(`templates.button.${b.type}`) ?? b.type;

    return (
        <li className="tpl-button" data-at={at}>
            <header>
                <strong>{name}</strong>
                <button type="button" className="icon-button tpl-up"
                    aria-label={t('templates.up')} disabled={i === 0}
                    onClick={() => move(-1)}><Icon.Down /></button>
                <button type="button" className="icon-button"
                    aria-label={t('templates.down')} disabled={i === last}
                    onClick={() => move(1)}><Icon.Down /></button>
                <button type="button" className="icon-button"
                    aria-label={t('templates.removeButton', { name })}
                    onClick={remove}><Icon.Trash /></button>
            </header>
            <div className="form-row">
                {b.type !== 'copy_code' && b.type !== 'otp'
                    && <TextField label={t('templates.buttonText')} dir="auto"
                        value={b.text ?? ''} fault={textFault}
                        maxLength={100} data-at={`${at}/text`}
                        hint={<Length of={b.text ?? ''} max={25} />}
                        onChange={(text) => set({ ...b, text })} />}
                {kind
                    && <TextField type={kind.type === 'url' ? 'text'
                                        : kind.type}
                        label={t(`templates.button.${kind.key}` as
                                 'templates.button.url')} dir="ltr"
                        value={String(b[kind.key] ?? '')} fault={valueFault}
                        data-at={`${at}/${kind.key}`}
                        hint={kind.key === 'url' ? t('templates.urlHint')
                              : undefined}
                        onChange={(v) => set({ ...b, [kind.key]: v })} />}
            </div>
            <Warnings at={at} errors />
            <Warnings at={`${at}/text`} />
            <Warnings at={`${at}/${kind?.key ?? '-'}`} />
            {kind?.key !== 'example'
                && <Warnings at={`${at}/example`} errors />}
        </li>
    );
}


const TYPES = ['text', 'number', 'date', 'currency', 'url'] as const;


export function VariableRows({ of: d, names, set }: {
    of: Doc; names: string[]; set: Set;
}) {
    const change = (name: string, v: Variable) => set({
        variables: { ...d.variables, [name]: Object.fromEntries(
            Object.entries(v).filter(([, x]) => x !== '')) },
    });

    return (
        <div className="table-scroll" tabIndex={0} role="group"
            aria-label={t('templates.variables')}>
            <table className="table tpl-variables">
                <thead>
                    <tr>
                        <th scope="col">{t('templates.variable')}</th>
                        <th scope="col">{t('templates.sample')}</th>
                        <th scope="col">{t('templates.fallback')}</th>
                        <th scope="col">{t('templates.type')}</th>
                    </tr>
                </thead>
                <tbody>
                    {names.map((n) => (
                        <VariableRow key={n} name={n}
                            of={d.variables?.[n] ?? {}}
                            set={(v) => change(n, v)} />
                    ))}
                </tbody>
            </table>
        </div>
    );
}


function VariableRow({ name, of: v, set }: {
    name: string; of: Variable; set: (v: Variable) => void;
}) {
    const at = `/document/variables/${name}`;
    const sample = useFault(`${at}/sample`);
    const fallback = useFault(`${at}/fallback`);

    return (
        <tr>
            <th scope="row"><code><bdi>{name}</bdi></code></th>
            <td>
                <Field label={<span className="sr">
                    {t('templates.sampleOf', { name })}</span>} fault={sample}>
                    {(ids) => <input {...ids} type="text" dir="auto"
                        value={v.sample ?? ''} data-at={`${at}/sample`}
                        onInput={(e: Event) => set({ ...v, sample:
                            (e.currentTarget as HTMLInputElement).value })} />}
                </Field>
                <Warnings at={`${at}/sample`} />
            </td>
            <td>
                <Field label={<span className="sr">
                    {t('templates.fallbackOf', { name })}</span>}
                    fault={fallback}>
                    {(ids) => <input {...ids} type="text" dir="auto"
                        value={v.fallback ?? ''} data-at={`${at}/fallback`}
                        onInput={(e: Event) => set({ ...v, fallback:
                            (e.currentTarget as HTMLInputElement).value })} />}
                </Field>
                <Warnings at={`${at}/fallback`} />
            </td>
            <td>
                <select aria-label={t('templates.typeOf', { name })}
                    value={v.type ?? 'text'}
                    onChange={(e: Event) => set({ ...v, type:
                        (e.currentTarget as HTMLSelectElement).value })}>
                    {TYPES.map((x) => (
                        <option key={x} value={x}>
                            {t(`templates.type.${x}`)}
                        </option>
                    ))}
                </select>
            </td>
        </tr>
    );
}


export function CodeFields({ of: d, set }: { of: Doc; set: Set }) {
    const a = d.authentication ?? {};

    return (
        <>
            <Toggle label={t('templates.codeAdvice')}
                on={a.security_recommendation === true}
                onChange={(on) => set({ authentication: {
                    ...a, security_recommendation: on } })} />
            <TextField type="number" label={t('templates.codeMinutes')}
                optional min={1} max={90}
                value={String(a.code_expiration_minutes ?? '')}
                data-at="/document/authentication"
                onChange={(v) => {
                    const { code_expiration_minutes: _, ...rest } = a;

                    set({ authentication: v === '' ? rest
                        : { ...rest, code_expiration_minutes: Number(v) } });
                }} />
            <Warnings at="/document/authentication" errors />
            <Warnings at="/document/authentication/code_expiration_minutes"
                errors />
        </>
    );
}

/*
 * Fields.  Each has its label, its help and, after a refusal, the server's
 * words for it: a problem's pointer ("/pacing/gap_min_ms") names the field by
 * the path that useForm() gave it.
 */

import { useEffect, useId, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { asProblem } from '../api/client';
import { t } from '../lib/t';
import * as Icon from './icons';
import { Dialog, Notice } from './parts';


/* what a refusal said of each field; `rest` is what no field took */
export interface Faults {
    of: (pointer: string) => string | undefined;
    any: boolean;
    error: unknown;
}


export function useFaults(error: unknown): Faults {
    const fields = error === null || error === undefined ? []
        : asProblem(error).fields;

    return {
        error,
        any: fields.length > 0,
        of: (pointer) => fields.find((f) => f.pointer === pointer)?.words,
    };
}


/* the first field that was refused gets the focus */
export function useFaultFocus(error: unknown) {
    const form = useRef<HTMLFormElement>(null);

    useEffect(() => {
        if (error) {
            form.current?.querySelector<HTMLElement>(
                '[aria-invalid="true"]')?.focus();
        }
    }, [error]);

    return form;
}


interface FieldProps {
    label: ReactNode;
    hint?: ReactNode;
    fault?: string;
    optional?: boolean;
    className?: string;
    children: (ids: {
        id: string; 'aria-describedby'?: string; 'aria-invalid'?: 'true';
    }) => ReactNode;
}

export function Field({ label, hint, fault, optional, className,
    children }: FieldProps)
{
    const id = useId();
    const described = [hint !== undefined ? `${id}-hint` : '',
                       fault !== undefined ? `${id}-fault` : '']
        .filter(Boolean).join(' ');

    return (
        <div className={`form-field ${className ?? ''}`}>
            <label htmlFor={id}>
                {label}
                {optional === true
                    && <span className="form-optional">
                        {t('form.optional')}
                    </span>}
            </label>
            {children({
                id,
                'aria-describedby': described === '' ? undefined : described,
                'aria-invalid': fault !== undefined ? 'true' : undefined,
            })}
            {fault !== undefined
                && <p className="form-fault" id={`${id}-fault`}>
                    <Icon.Alert />{fault}
                </p>}
            {hint !== undefined
                && <p className="form-hint" id={`${id}-hint`}>{hint}</p>}
        </div>
    );
}


type Plain = Omit<FieldProps, 'children'>;

export function TextField({ value, onChange, type, area, rows,
    ...rest }: Plain & {
    value: string; onChange: (v: string) => void;
    type?: 'text' | 'tel' | 'email' | 'url' | 'number' | 'date' | 'time'
        | 'datetime-local' | 'password' | 'search';
    area?: boolean; rows?: number; [attribute: string]: unknown;
}) {
    const { label, hint, fault, optional, className, ...input } = rest;

    return (
        <Field {...{ label, hint, fault, optional, className } as Plain}>
            {(ids) => area === true
                ? <textarea {...ids} {...input} rows={rows ?? 4} value={value}
                    onInput={(e: Event) => onChange(
                        (e.currentTarget as HTMLTextAreaElement).value)} />
                : <input {...ids} {...input as object}
                    type={(type ?? 'text') as 'text'} value={value}
                    onInput={(e: Event) => onChange(
                        (e.currentTarget as HTMLInputElement).value)} />}
        </Field>
    );
}


export function SelectField<V extends string>({ value, onChange, options,
    ...rest }: Plain & {
    value: V; onChange: (v: V) => void;
    options: { value: V; label: string; disabled?: boolean }[];
}) {
    return (
        <Field {...rest}>
            {(ids) => (
                <select {...ids} value={value}
                    onChange={(e: Event) => onChange(
                        (e.currentTarget as HTMLSelectElement).value as V)}>
                    {options.map((o) => (
                        <option key={o.value} value={o.value}
                            disabled={o.disabled}>
                            {o.label}
                        </option>
                    ))}
                </select>
            )}
        </Field>
    );
}


export function Toggle({ label, hint, on, onChange, disabled }: {
    label: ReactNode; hint?: ReactNode; on: boolean;
    onChange: (on: boolean) => void; disabled?: boolean;
}) {
    const id = useId();

    return (
        <div className="toggle">
            <input id={id} type="checkbox" role="switch" checked={on}
                disabled={disabled}
                aria-describedby={hint !== undefined ? `${id}-hint`
                    : undefined}
                onChange={(e: Event) => onChange(
                    (e.currentTarget as HTMLInputElement).checked)} />
            <label htmlFor={id}>{label}</label>
            {hint !== undefined
                && <p className="form-hint" id={`${id}-hint`}>{hint}</p>}
        </div>
    );
}


/* save and cancel, and what no field took of a refusal */
export function FormEnd({ error, busy, off, save, onCancel, danger,
    children }: {
    error?: unknown; busy?: boolean; save?: string; onCancel?: () => void;
    off?: boolean;                     /* nothing to save, or not yet */
    danger?: boolean; children?: ReactNode;
}) {
    const faults = useFaults(error);

    return (
        <>
            {error !== null && error !== undefined && !faults.any
                && <Notice error={error} />}
            <div className="dialog-actions">
                {children}
                {onCancel !== undefined
                    && <button type="button" className="button"
                        onClick={onCancel}>
                        {t('form.cancel')}
                    </button>}
                <button className={`button ${danger ? 'button-bad'
                    : 'button-main'}`}
                    aria-disabled={busy === true || off === true ? 'true'
                        : undefined}>
                    {busy === true ? t('form.saving') : save ?? t('form.save')}
                </button>
            </div>
        </>
    );
}


/* what cannot be taken back is typed out */
export function TypedConfirm({ title, word, children, action, onDone,
    onClose }: {
    title: string; word: string; children: ReactNode; action: string;
    onDone: () => Promise<void>; onClose: () => void;
}) {
    const [typed, setTyped] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);

    return (
        <Dialog title={title} onClose={onClose}>
            <form className="form" onSubmit={(e: Event) => {
                e.preventDefault();

                if (typed.trim() !== word || busy) {
                    return;
                }

                setBusy(true);
                onDone().then(onClose, (x) => {
                    setError(x);
                    setBusy(false);
                });
            }}>
                {children}
                <TextField label={t('form.confirm', { word })} value={typed}
                    onChange={setTyped} autoComplete="off" autoFocus />
                <FormEnd error={error} busy={busy}
                    off={typed.trim() !== word}
                    save={action} danger onCancel={onClose} />
            </form>
        </Dialog>
    );
}


/* the clipboard is there only in secure contexts */
export function CopyButton({ text, label }: { text: string; label?: string }) {
    const [done, setDone] = useState(false);

    useEffect(() => {
        if (!done) {
            return;
        }

        const timer = setTimeout(() => setDone(false), 2000);

        return () => clearTimeout(timer);
    }, [done]);

    if (navigator.clipboard === undefined) {
        return null;
    }

    return (
        <button type="button" className="button button-small"
            onClick={() => {
                void navigator.clipboard.writeText(text)
                    .then(() => setDone(true));
            }}>
            {done ? <Icon.Check /> : <Icon.Copy />}
            <span role="status">
                {done ? t('form.copied') : label ?? t('form.copy')}
            </span>
        </button>
    );
}

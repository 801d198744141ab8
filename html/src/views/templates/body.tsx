/*
 * The body's field: marks by button or key, variables by chip, laid at the
 * caret or around what is selected.
 */

import { useRef } from 'react';
import { t } from '../../lib/t';
import { Field } from '../../ui/form';
import { Length, Warnings, useFault } from './marks';

const MARKS: [string, 'bold' | 'italic' | 'strike' | 'mono', string][] = [
    ['*', 'bold', 'b'], ['_', 'italic', 'i'], ['~', 'strike', ''],
    ['```', 'mono', ''],
];

/* what each contact has */
export const KNOWN = ['first_name', 'last_name', 'name'];
export const BODY_MAX = 1024;


export function BodyField({ value, names, onChange, rows, at, max, label }: {
    value: string; names: string[]; onChange: (v: string) => void;
    rows?: number; at: string; max: number; label: string;
}) {
    const area = useRef<HTMLTextAreaElement>(null);
    const fault = useFault(at);

    /* through the browser's own editing, so that its undo knows of it */
    function insert(text: string, from: number, to: number) {
        const el = area.current!;
        const start = el.selectionStart;

        el.focus();

        if (!document.execCommand('insertText', false, text)) {
            el.setRangeText(text, start, el.selectionEnd, 'end');
            onChange(el.value);
        }

        el.setSelectionRange(start + from, start + to);
    }

    function mark(m: string) {
        const el = area.current!;
        const chosen = el.value.slice(el.selectionStart, el.selectionEnd);

        insert(m + chosen + m, m.length, m.length + chosen.length);
    }

    function place(name: string, choose = false) {
        const text = `{{${name}}}`;

        insert(text, choose ? 2 : text.length,
               choose ? text.length - 2 : text.length);
    }

    return (
        <div className="tpl-body">
            <Field label={label} fault={fault}>
                {(ids) => (
                    <div className="tpl-area">
                        <div className="tpl-tools" role="group"
                            aria-label={t('templates.tools')}>
                            {MARKS.map(([m, name, key]) => (
                                <button key={m} type="button"
                                    className={`tpl-tool tpl-tool-${name}`}
                                    aria-label={t(`templates.mark.${name}`)}
                                    title={t(`templates.mark.${name}`)}
                                    aria-keyshortcuts={key === '' ? undefined
                                        : `Control+${key.toUpperCase()}`}
                                    onClick={() => mark(m)}>
                                    <span aria-hidden="true">
                                        {name === 'mono' ? '<>'
                                            : name[0]!.toUpperCase()}
                                    </span>
                                </button>
                            ))}
                            <span className="tpl-tools-line" />
                            {[...new Set([...KNOWN.slice(0, 1), ...names])]
                                .slice(0, 6).map((n) => (
                                    <button key={n} type="button"
                                        className="tpl-chip"
                                        title={t('templates.insert',
                                                 { name: n })}
                                        onClick={() => place(n)}>
                                        <bdi>{n}</bdi>
                                    </button>
                                ))}
                            <button type="button" className="tpl-chip"
                                onClick={() => place(t('templates.variable')
                                    .toLowerCase().replace(/[^a-z0-9_]/g, '')
                                    || 'value', true)}>
                                + {t('templates.variable')}
                            </button>
                        </div>
                        <textarea {...ids} ref={area} rows={rows ?? 8}
                            value={value} dir="auto" data-at={at}
                            onInput={(e: Event) => onChange(
                                (e.currentTarget as HTMLTextAreaElement)
                                    .value)}
                            onKeyDown={(e: KeyboardEvent) => {
                                const m = MARKS.find(([, , k]) =>
                                    k !== '' && k === e.key.toLowerCase());

                                if (m !== undefined
                                    && (e.ctrlKey || e.metaKey))
                                {
                                    e.preventDefault();
                                    mark(m[0]);
                                }
                            }} />
                        <span className="tpl-count">
                            <Length of={value} max={max} />
                        </span>
                    </div>
                )}
            </Field>
            <Warnings at={at} />
        </div>
    );
}

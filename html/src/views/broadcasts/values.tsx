/*
 * The third step: what stands in the template's places, for everybody or
 * from each contact, and what stands in where a contact has nothing.
 */

import { useMemo } from 'react';
import { rowsOf, useContacts } from '../../api/queries';
import { t, tMaybe } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { SelectField, TextField } from '../../ui/form';
import { Empty, Segments } from '../../ui/parts';
import { COLUMNS, columnOf, valueOf, variablesOf } from './draft';
import type { Variable } from './draft';
import { letter } from './model';
import type { StepProps } from './wizard';


export function ValuesStep({ d, set, faults, templates, variant,
    setVariant }: StepProps & {
    variant: number; setVariant: (i: number) => void;
}) {
    const at = Math.min(variant, d.variants.length - 1);
    const v = d.variants[at]!;
    const template = templates.find((x) => x.id === v.template);
    const fields = useFields();
    const all = template === undefined ? [] : variablesOf(template);

    const change = (name: string, value: string) => set({
        variants: d.variants.map((x, i) => i !== at ? x
            : { ...x, values: { ...x.values, [name]: value } }),
    });

    return (
        <div className="form">
            {d.variants.length > 1
                && <Segments label={t('new.variants')} name="values-variant"
                    value={String(at)}
                    options={d.variants.map((_, i) => ({
                        value: String(i),
                        label: t('new.variant', { letter: letter(i) }),
                    }))}
                    onChange={(i) => setVariant(Number(i))} />}
            {all.length === 0
                ? <Empty icon={<Icon.Check />} title={t('new.noValues')}
                    next={t('new.noValuesNext')} />
                : <ul className="values">
                    {all.map((x) => (
                        <Value key={`${at}-${x.name}`} of={x}
                            value={v.values[x.name] ?? ''} fields={fields}
                            fault={faults.of(d.variants.length > 1
                                ? `/variants/${at}/variables/${x.name}`
                                : `/variables/${x.name}`)}
                            onChange={(value) => change(x.name, value)} />
                    ))}
                </ul>}
        </div>
    );
}


type Source = 'own' | 'column' | 'text';

function Value({ of: x, value, fields, fault, onChange }: {
    of: Variable; value: string; fields: string[]; fault?: string;
    onChange: (value: string) => void;
}) {
    const column = columnOf(value);
    const source: Source = value === '' ? 'own'
        : column !== undefined ? 'column' : 'text';
    const choices = column !== undefined && !fields.includes(column.column)
        ? [...fields, column.column] : fields;

    /* a text that is being cleared stays a text: a space is nothing */
    const text = value === ' ' ? '' : value;

    return (
        <li className="value">
            <div className="value-head">
                <code dir="ltr">{`{{${x.name}}}`}</code>
                {source === 'own' && !x.fromContact && x.fallback === ''
                    && <span className="bad">{t('new.valueNeeded')}</span>}
            </div>
            <div className="form-row">
                <SelectField<Source> label={t('new.valueFrom')}
                    value={source}
                    onChange={(s) => onChange(s === 'own' ? ''
                        : s === 'text' ? ' '
                        : valueOf('first_name', ''))}
                    options={[
                        { value: 'own', label: t(x.fromContact
                            ? 'new.valueOwn' : 'new.valueDefault') },
                        { value: 'column', label: t('new.valueColumn') },
                        { value: 'text', label: t('new.valueText') },
                    ]} />
                {source === 'text'
                    && <TextField label={t('new.value')} value={text}
                        dir="auto" maxLength={1024} fault={fault}
                        autoComplete="off"
                        onChange={(s) => onChange(s === '' ? ' ' : s)} />}
                {source === 'column' && column !== undefined
                    && <>
                        <SelectField label={t('new.column')} fault={fault}
                            value={column.column}
                            onChange={(c) => onChange(
                                valueOf(c, column.fallback))}
                            options={choices.map((c) => ({
                                value: c,
                                label: tMaybe(`column.${c}`)
                                    ?? c.replace(/^fields\./, ''),
                            }))} />
                        <TextField label={t('new.fallback')} optional
                            value={column.fallback} dir="auto"
                            onChange={(f) => onChange(valueOf(
                                column.column, f.replace(/[{}|]/g, '')))} />
                    </>}
            </div>
            {source === 'own'
                && <p className="form-hint">
                    {x.fallback !== ''
                        ? t(x.fromContact ? 'new.ownFallback'
                            : 'new.defaultIs', { text: x.fallback })
                        : t(x.fromContact ? 'new.ownNone'
                            : 'new.defaultNone')}
                </p>}
        </li>
    );
}


/* columns, and the fields of those who are listed first */
function useFields(): string[] {
    const list = useContacts('', '');

    return useMemo(() => {
        const own = new Set<string>();

        for (const c of rowsOf(list.data)) {
            for (const f of Object.keys(c.fields ?? {})) {
                own.add(`fields.${f}`);
            }
        }

        return [...COLUMNS, ...[...own].sort()];
    }, [list.data]);
}

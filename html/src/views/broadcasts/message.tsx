/*
 * The first step: what it is called, from which number, which template, or
 * which two to five templates are compared.
 */

import { useEffect, useMemo, useRef, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { q } from '../../api/queries';
import { Link } from '../../lib/router';
import { t, tMaybe } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { SelectField, TextField } from '../../ui/form';
import { Empty, Segments, Skeleton } from '../../ui/parts';
import { emptyVariant } from './draft';
import { letter } from './model';
import type { TemplateFull } from './model';
import type { StepProps } from './wizard';

const MOST = 5;
const UNUSABLE = ['rejected', 'disabled', 'paused'];


export function MessageStep({ d, set, faults, templates, variant, setVariant,
    pending }: StepProps & {
    variant: number; setVariant: (i: number) => void; pending: boolean;
}) {
    const accounts = useQuery(q.accounts());
    const list = accounts.data?.data ?? [];
    const at = Math.min(variant, d.variants.length - 1);
    const v = d.variants[at]!;

    /* one number is no choice */
    useEffect(() => {
        if (d.account === '' && list.length === 1) {
            set({ account: list[0]!.id });
        }
    }, [list.length, d.account]);

    const change = (i: number, what: Partial<typeof v>) => set({
        variants: d.variants.map((x, n) => n === i ? { ...x, ...what } : x),
    });

    const templateFault = faults.of('/template_id')
        ?? faults.of(`/variants/${at}/template_id`) ?? faults.of('/variants');

    return (
        <div className="form">
            <div className="form-row">
                <TextField label={t('new.name')} value={d.name}
                    onChange={(name) => set({ name })} maxLength={200}
                    dir="auto" autoComplete="off" name="name"
                    placeholder={t('new.namePlaceholder')}
                    hint={t('new.nameHint')} fault={faults.of('/name')} />
                <SelectField label={t('new.account')} value={d.account}
                    onChange={(account) => set({ account })}
                    fault={faults.of('/account_id')}
                    options={[
                        ...(d.account === ''
                            ? [{ value: '', label: t('new.choose') }] : []),
                        ...list.map((a) => ({
                            value: a.id,
                            label: a.status === 'connected'
                                ? `${a.name} ${a.phone ?? ''}`
                                : t('new.accountNot', { name: a.name }),
                        })),
                    ]} />
            </div>
            {accounts.data !== undefined && list.length === 0
                && <p className="notice is-unknown"><Icon.Phone />
                    <span>{t('new.noAccount')}{' '}
                        <Link to="/accounts" className="text-link">
                            {t('new.noAccountGo')}</Link></span></p>}
            <div className="variants-bar">
                <span className="form-label" id="new-template">
                    {t('new.template')}
                </span>
                {d.variants.length > 1
                    && <Segments label={t('new.variants')} name="variant"
                        value={String(at)}
                        options={d.variants.map((_, i) => ({
                            value: String(i),
                            label: t('new.variant', { letter: letter(i) }),
                        }))}
                        onChange={(i) => setVariant(Number(i))} />}
                <span className="variants-do">
                    {d.variants.length > 1
                        && <button type="button"
                            className="button button-quiet"
                            onClick={() => {
                                set({ variants: d.variants
                                    .filter((_, i) => i !== at) });
                                setVariant(0);
                            }}>
                            <Icon.Trash />
                            {t('new.variantRemove', { letter: letter(at) })}
                        </button>}
                    {d.variants.length < MOST
                        && <button type="button"
                            className="button button-quiet"
                            onClick={() => {
                                set({ variants: [...d.variants,
                                                 { ...emptyVariant(),
                                                   template: v.template,
                                                   values: v.values }] });
                                setVariant(d.variants.length);
                            }}>
                            <Icon.Plus />
                            {t(d.variants.length === 1 ? 'new.compare'
                                : 'new.variantAdd')}
                        </button>}
                </span>
            </div>
            {templateFault !== undefined
                && <p className="form-fault"><Icon.Alert />{templateFault}
                </p>}
            {d.variants.length > 1
                && <div className="variants-weight">
                    <TextField type="number" min={1} max={100}
                        label={t('new.weight', { letter: letter(at) })}
                        value={v.weight} className="is-short"
                        fault={faults.of(`/variants/${at}/weight`)}
                        onChange={(weight) => change(at, { weight })} />
                    <p className="soft">
                        {t('new.weightHint', { share: shareOf(d.variants.map(
                            (x) => Number(x.weight) || 0), at) })}
                    </p>
                </div>}
            {pending ? <Skeleton rows={4} kind="lines" />
                : templates.length === 0
                ? <Empty icon={<Icon.Template />} title={t('new.noTemplate')}
                    next={t('new.noTemplateNext')}>
                    <Link to="/templates" className="button">
                        {t('nav.templates')}</Link>
                </Empty>
                : <Choose key={at} templates={templates} value={v.template}
                    onChange={(template) => change(at, { template })} />}
        </div>
    );
}


function shareOf(weights: number[], i: number): string {
    const all = weights.reduce((a, b) => a + b, 0);

    return all > 0 ? `${Math.round(weights[i]! / all * 100)} %` : '–';
}


/* radio buttons in a list that can be searched */
function Choose({ templates, value, onChange }: {
    templates: TemplateFull[]; value: string;
    onChange: (id: string) => void;
}) {
    const [typed, setTyped] = useState('');
    const box = useRef<HTMLDivElement>(null);
    const word = typed.trim().toLocaleLowerCase();

    const shown = useMemo(() => templates.filter((x) => word === ''
        || x.name.includes(word)
        || x.body.toLocaleLowerCase().includes(word)), [templates, word]);

    useEffect(() => {
        const el = box.current?.querySelector<HTMLElement>(':checked')
            ?.closest<HTMLElement>('.choose-row');

        if (el !== null && el !== undefined) {
            box.current!.scrollTop = el.offsetTop - 48;
        }
    }, []);

    return (
        <div className="choose">
            {templates.length > 6
                && <div className="search">
                    <Icon.Search />
                    <input type="search" value={typed} dir="auto"
                        aria-label={t('new.templateSearch')}
                        placeholder={t('new.templateSearch')}
                        onInput={(e: Event) => setTyped(
                            (e.currentTarget as HTMLInputElement).value)} />
                </div>}
            <div className="choose-list" ref={box} role="radiogroup"
                aria-labelledby="new-template">
                {shown.map((x) => {
                    const bad = UNUSABLE.includes(x.status.toLowerCase());

                    return (
                        <label key={x.id} className="choose-row">
                            <input type="radio" name="template" value={x.id}
                                checked={x.id === value}
                                onChange={() => onChange(x.id)} />
                            <span className="choose-text">
                                <span className="choose-name">
                                    <bdi>{x.name}</bdi>
                                    <span className="tag">{x.language}</span>
                                    <span className="soft">
                                        {tMaybe(`category.${x.category}`)
                                         ?? x.category}</span>
                                    {bad && <span className="bad">
                                        {tMaybe(`template.status.${x.status}`)
                                         ?? x.status}</span>}
                                </span>
                                <span className="choose-body soft" dir="auto">
                                    {x.body}
                                </span>
                            </span>
                        </label>
                    );
                })}
                {shown.length === 0
                    && <p className="soft choose-none">
                        {t('new.templateNone')}</p>}
            </div>
        </div>
    );
}

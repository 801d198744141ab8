/*
 * What one person of the audience will see, as a bubble; the arrows lead
 * from person to person.
 */

import { useState } from 'react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { asProblem, call } from '../../api/client';
import { rowsOf, useContacts } from '../../api/queries';
import { useSettled } from '../../lib/hooks';
import { t } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { Name, Segments } from '../../ui/parts';
import { letter } from './model';
import type { StepProps } from './wizard';

interface Span {
    text: string;
    bold?: boolean;
    italic?: boolean;
    strike?: boolean;
    mono?: boolean;
}

interface Part {
    kind: 'header' | 'body' | 'footer' | 'buttons';
    text?: string;
    direction?: 'ltr' | 'rtl';
    spans?: Span[];
    media?: { type: string };
    buttons?: { type: string; text: string }[];
}

interface Shown {
    missing: string[];
    bubbles: Part[];
}


export function Preview({ d, templates, variant, setVariant }: StepProps & {
    variant: number; setVariant: (i: number) => void;
}) {
    const at = Math.min(variant, d.variants.length - 1);
    const v = d.variants[at]!;
    const people = useContacts('', d.audience === 'tag' ? d.tag : '');
    const rows = rowsOf(people.data);
    const [n, setN] = useState(0);
    const who = rows[Math.min(n, rows.length - 1)];
    const values = useSettled(JSON.stringify(v.values), 300);
    const template = templates.find((x) => x.id === v.template);

    const shown = useQuery({
        queryKey: ['broadcast-preview', v.template, who?.id, values],
        enabled: template !== undefined && !people.isPending,
        placeholderData: keepPreviousData,
        queryFn: ({ signal }) => call<Shown>('POST',
            `/templates/${encodeURIComponent(v.template)}/preview`, {
                body: {
                    ...(who !== undefined ? { contact_id: who.id } : {}),
                    variables: Object.fromEntries(Object.entries(
                        JSON.parse(values) as Record<string, string>)
                        .filter(([, x]) => x.trim() !== '')),
                }, signal,
            }),
    });

    const step = (by: number) => setN((n + by + rows.length) % rows.length);

    return (
        <aside className="wizard-side" aria-labelledby="preview-title">
            <header className="preview-head">
                <h3 id="preview-title" className="section-title">
                    {t('new.preview')}
                </h3>
                {d.variants.length > 1
                    && <Segments label={t('new.variants')}
                        name="preview-variant" value={String(at)}
                        options={d.variants.map((_, i) => ({
                            value: String(i), label: letter(i),
                            hint: t('new.variant', { letter: letter(i) }),
                        }))}
                        onChange={(i) => setVariant(Number(i))} />}
            </header>
            <div className="wa" aria-busy={shown.isFetching}>
                {template === undefined
                    ? <p className="wa-none">{t('new.previewNone')}</p>
                    : shown.data !== undefined
                    ? <Bubble of={shown.data.bubbles} />
                    : shown.isError
                    ? <p className="wa-none">
                        {asProblem(shown.error).words}</p>
                    : <p className="wa-none">{t('state.loading')}</p>}
            </div>
            {shown.data !== undefined && shown.data.missing.length > 0
                && <p className="notice is-failed"><Icon.Alert />
                    <span>{t('new.previewMissing', {
                        names: shown.data.missing.join(', '),
                    })}</span></p>}
            {template !== undefined && who !== undefined
                && <div className="preview-who">
                    <button type="button" className="icon-button"
                        aria-label={t('new.previous')}
                        onClick={() => step(-1)}>
                        <Icon.Back />
                    </button>
                    <span role="status">
                        <span className="soft">{t('new.previewFor')}</span>
                        {' '}<Name of={who.name} />
                    </span>
                    <button type="button" className="icon-button is-next"
                        aria-label={t('new.following')}
                        onClick={() => step(1)}>
                        <Icon.Back />
                    </button>
                </div>}
        </aside>
    );
}


function Bubble({ of }: { of: Part[] }) {
    const buttons = of.find((p) => p.kind === 'buttons')?.buttons ?? [];

    return (
        <div className="wa-bubble">
            <div className="wa-text">
                {of.filter((p) => p.kind !== 'buttons').map((p, i) => (
                    <div key={i} className={`wa-${p.kind}`}
                        dir={p.direction ?? 'auto'}>
                        {p.media !== undefined
                            ? <span className="wa-media">
                                <Icon.Image />{p.media.type}
                            </span>
                            : (p.spans ?? [{ text: p.text ?? '' }])
                                .map((s, k) => <Words key={k} of={s} />)}
                    </div>
                ))}
            </div>
            {buttons.map((b, i) => (
                <div key={i} className="wa-button" dir="auto">{b.text}</div>
            ))}
        </div>
    );
}


function Words({ of: s }: { of: Span }) {
    return s.bold ? <strong>{s.text}</strong>
        : s.italic ? <em>{s.text}</em>
        : s.strike ? <s>{s.text}</s>
        : s.mono ? <code>{s.text}</code>
        : <>{s.text}</>;
}

/*
 * Versions: each as it was, what changed from one to another, and an old one
 * as the newest again.
 */

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { call } from '../../api/client';
import { full, moment, num } from '../../lib/format';
import { go, withQuery } from '../../lib/router';
import type { Place } from '../../lib/router';
import { t } from '../../lib/t';
import { SelectField } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card } from '../../ui/page';
import { Failed, Notice, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { tq, useMayChange, useTemplatesChanged } from './data';
import type { Template, Version } from './data';

const WORDS_MAX = 400;


/* the longest common run of words, and what stands around it */
export function words(from: string, to: string): ReactNode[] {
    const a = from.split(/(\s+)/);
    const b = to.split(/(\s+)/);

    if (a.length > WORDS_MAX || b.length > WORDS_MAX) {
        return [<del key="d">{from}</del>, <ins key="i">{to}</ins>];
    }

    const l = Array.from({ length: a.length + 1 },
                         () => new Uint16Array(b.length + 1));

    for (let i = a.length - 1; i >= 0; i--) {
        for (let k = b.length - 1; k >= 0; k--) {
            l[i]![k] = a[i] === b[k] ? l[i + 1]![k + 1]! + 1
                : Math.max(l[i + 1]![k]!, l[i]![k + 1]!);
        }
    }

    const out: ReactNode[] = [];
    let i = 0;
    let k = 0;

    while (i < a.length || k < b.length) {
        if (i < a.length && k < b.length && a[i] === b[k]) {
            out.push(a[i]);
            i++;
            k++;

        } else if (i < a.length
                   && (k === b.length || l[i + 1]![k]! >= l[i]![k + 1]!))
        {
            out.push(<del key={`d${i}`}>{a[i++]}</del>);

        } else {
            out.push(<ins key={`i${k}`}>{b[k++]}</ins>);
        }
    }

    return out;
}


const shown = (v: unknown) => typeof v === 'string' ? v
    : JSON.stringify(v, null, 2);


export function Versions({ of: x, place }: { of: Template; place: Place }) {
    const got = useQuery(tq.versions(x.id));
    const all = [...got.data?.data ?? []]
        .sort((a, b) => b.version - a.version);

    return got.isPending ? <Skeleton rows={3} kind="lines" />
        : got.data === undefined
        ? <Failed error={got.error} retry={() => void got.refetch()} />
        : <div className="tpl-versions">
            <Diff of={x} all={all} place={place} />
            <History of={x} all={all} />
        </div>;
}


function Diff({ of: x, all, place }: {
    of: Template; all: Version[]; place: Place;
}) {
    const newest = all[0]?.version ?? 1;
    const to = place.query.get('to') ?? String(newest);
    const from = place.query.get('from')
        ?? String(x.submitted_version !== null
                  && x.submitted_version !== newest ? x.submitted_version
                  : Math.max(1, newest - 1));
    const diff = useQuery(tq.diff(x.id, from, to));
    const options = all.map((v) => ({
        value: String(v.version),
        label: t('templates.versionN', { version: v.version }) }));

    return (
        <Card title={t('templates.changes')}>
            <div className="form-row">
                <SelectField label={t('templates.from')} value={from}
                    options={options} onChange={(v) =>
                        go(withQuery(place, { from: v }), true)} />
                <SelectField label={t('templates.to')} value={to}
                    options={options} onChange={(v) =>
                        go(withQuery(place, { to: v }), true)} />
            </div>
            {diff.isPending ? <Skeleton rows={2} kind="lines" />
                : diff.data === undefined
                ? <Failed error={diff.error}
                    retry={() => void diff.refetch()} />
                : diff.data.changes.length === 0
                ? <p className="soft">{t('templates.same')}</p>
                : <dl className="tpl-diff">
                    {diff.data.changes.map((c) => (
                        <div key={c.path}>
                            <dt><code><bdi>{c.path.slice(1)}</bdi></code></dt>
                            <dd dir="auto">
                                {typeof c.from === 'string'
                                 && typeof c.to === 'string'
                                    ? words(c.from, c.to)
                                    : <>
                                        {'from' in c
                                            && <del>{shown(c.from)}</del>}
                                        {'to' in c
                                            && <ins>{shown(c.to)}</ins>}
                                    </>}
                            </dd>
                        </div>
                    ))}
                </dl>}
        </Card>
    );
}


function History({ of: x, all }: { of: Template; all: Version[] }) {
    const [error, setError] = useState<unknown>(null);
    const changed = useTemplatesChanged();
    const { may, why } = useMayChange();

    async function restore(version: number) {
        try {
            await call('POST',
                       `/templates/${x.id}/versions/${version}/restore`);
            await changed();
            toast({ text: t('templates.versionBack', { version }) });
        } catch (e) {
            setError(e);
        }
    }

    return (
        <Card title={t('templates.history')}>
            {error !== null
                && <Notice error={error} onClose={() => setError(null)} />}
            <ol className="tpl-history">
                {all.map((v) => (
                    <li key={v.version}>
                        <strong>
                            {t('templates.versionN', { version: v.version })}
                        </strong>
                        <span className="tags">
                            {v.newest && <span className="tag">
                                {t('templates.newest')}</span>}
                            {v.submitted && <span className="tag">
                                {t('templates.atProvider')}</span>}
                        </span>
                        <time dateTime={v.created_at}
                            title={full(v.created_at)}>
                            {moment(v.created_at)}
                        </time>
                        {!v.newest
                            && <button className="button button-small"
                                title={why}
                                aria-disabled={may ? undefined : 'true'}
                                aria-label={t('templates.bringBack', {
                                    version: num(v.version) })}
                                onClick={() => may
                                    && void restore(v.version)}>
                                <Icon.Undo />{t('templates.restore')}
                            </button>}
                    </li>
                ))}
            </ol>
        </Card>
    );
}

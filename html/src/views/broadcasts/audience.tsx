/*
 * The second step: to whom, and at once whom it would not reach, and why.
 */

import { useEffect, useMemo, useState } from 'react';
import { rowsOf, useContacts } from '../../api/queries';
import { useSettled } from '../../lib/hooks';
import { t } from '../../lib/t';
import { Failed, Skeleton } from '../../ui/parts';
import { TextField } from '../../ui/form';
import type { Draft } from './draft';
import { Reach } from './forecast';
import { useForecast } from './model';
import type { StepProps } from './wizard';


export function AudienceStep({ d, set, faults, id, stamp, choose }:
    StepProps & { choose: (change: Partial<Draft>) => Promise<void> })
{
    const known = useTags();
    const [tag, setTag] = useState(d.tag);
    const settled = useSettled(tag.trim(), 500);
    const forecast = useForecast(id, stamp);

    useEffect(() => {
        if (settled !== '' && settled === tag.trim() && settled !== d.tag) {
            void choose({ audience: 'tag', tag: settled });
        }
    }, [settled]);

    const pick = (name: string) => {
        setTag(name);
        void choose({ audience: 'tag', tag: name });
    };

    return (
        <div className="form">
            <fieldset className="options">
                <legend className="sr">{t('new.step.audience')}</legend>
                <label className="option">
                    <input type="radio" name="audience" value="all"
                        checked={d.audience === 'all'}
                        onChange={() => void choose({ audience: 'all' })} />
                    <span>
                        <strong>{t('new.all')}</strong>
                        <span className="soft">{t('new.allHint')}</span>
                    </span>
                </label>
                <label className="option">
                    <input type="radio" name="audience" value="tag"
                        checked={d.audience === 'tag'}
                        onChange={() => tag.trim() !== ''
                            ? void choose({ audience: 'tag',
                                            tag: tag.trim() })
                            : set({ audience: 'tag' })} />
                    <span>
                        <strong>{t('new.tag')}</strong>
                        <span className="soft">{t('new.tagHint')}</span>
                    </span>
                </label>
            </fieldset>
            {d.audience === 'tag'
                && <div className="tag-choice">
                    <TextField label={t('new.tagName')} value={tag}
                        name="tag" onChange={(x) => setTag(x)} dir="auto"
                        maxLength={64} autoComplete="off" list="new-tags"
                        fault={faults.of('/audience')} />
                    <datalist id="new-tags">
                        {known.map((x) => <option key={x} value={x} />)}
                    </datalist>
                    {known.length > 0
                        && <div className="tags" role="group"
                            aria-label={t('new.tagKnown')}>
                            {known.slice(0, 12).map((x) => (
                                <button key={x} type="button"
                                    className={`tag ${x === d.tag
                                        ? 'tag-filter' : ''}`}
                                    aria-pressed={x === d.tag}
                                    onClick={() => pick(x)}>
                                    <bdi>{x}</bdi>
                                </button>
                            ))}
                        </div>}
                </div>}
            {id === undefined || d.audience === '' ? null
                : forecast.data !== undefined
                ? <div aria-busy={forecast.isPlaceholderData}
                    className={forecast.isPlaceholderData ? 'is-waiting'
                        : ''}>
                    <Reach of={forecast.data} />
                </div>
                : forecast.isError
                ? <Failed error={forecast.error}
                    retry={() => void forecast.refetch()} />
                : <Skeleton rows={3} kind="lines" />}
        </div>
    );
}


/* the tags of those who are listed first; another one can be typed */
function useTags(): string[] {
    const list = useContacts('', '');

    return useMemo(() => {
        const n = new Map<string, number>();

        for (const c of rowsOf(list.data)) {
            for (const x of c.tags) {
                n.set(x, (n.get(x) ?? 0) + 1);
            }
        }

        return [...n].sort((a, b) => b[1] - a[1]).map(([x]) => x);
    }, [list.data]);
}

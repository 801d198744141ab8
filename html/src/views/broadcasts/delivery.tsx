/*
 * The fourth step: when, how fast, in which steps, and what stops it.
 */

import { t, tn } from '../../lib/t';
import type { TextKey } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { Field, SelectField, TextField, Toggle } from '../../ui/form';
import type { Draft } from './draft';
import type { Metric } from './model';
import { fromWall, ownZone, zoned } from './zone';
import type { StepProps } from './wizard';


export function DeliveryStep(p: StepProps) {
    return (
        <div className="form delivery">
            <When {...p} />
            <Spread {...p} />
            <Limits {...p} />
        </div>
    );
}


function When({ d, set, faults, zone }: StepProps) {
    const moment = d.at === '' ? undefined : fromWall(d.at, zone);

    return (
        <fieldset className="part">
            <legend>{t('new.when')}</legend>
            <div className="options">
                <label className="option">
                    <input type="radio" name="when" value="now"
                        checked={d.when === 'now'}
                        onChange={() => set({ when: 'now' })} />
                    <span>
                        <strong>{t('new.now')}</strong>
                        <span className="soft">{t('new.nowHint')}</span>
                    </span>
                </label>
                <label className="option">
                    <input type="radio" name="when" value="at"
                        checked={d.when === 'at'}
                        onChange={() => set({ when: 'at' })} />
                    <span>
                        <strong>{t('new.at')}</strong>
                        <span className="soft">
                            {t('new.atHint', { zone })}</span>
                    </span>
                </label>
            </div>
            {d.when === 'at'
                && <TextField type="datetime-local" className="is-medium"
                    label={t('new.atTime', { zone })} value={d.at}
                    name="at" onChange={(at) => set({ at })}
                    fault={faults.of('/send_at')}
                    hint={moment !== undefined && zone !== ownZone
                        ? t('new.atHere', { time: zoned(moment, ownZone) })
                        : undefined} />}
            <Toggle label={t('new.local')} on={d.local}
                hint={t(d.spread === 'none' ? 'new.localHint'
                    : 'new.localNot')}
                disabled={d.spread !== 'none' && !d.local}
                onChange={(local) => set({ local })} />
            {d.local
                && <TextField type="time" className="is-short"
                    label={t('new.localTime')} value={d.localTime}
                    onChange={(localTime) => set({ localTime })}
                    fault={faults.of('/local_time')} />}
        </fieldset>
    );
}


function Spread({ d, set, faults }: StepProps) {
    const ab = d.variants.length > 1;
    const kinds: Draft['spread'][] = ['none', ...(ab ? ['test' as const] : []),
                                      'ramp'];

    const step = (i: number, what: Partial<Draft['ramp'][0]>) => set({
        ramp: d.ramp.map((s, n) => n === i ? { ...s, ...what } : s),
    });

    return (
        <fieldset className="part">
            <legend>{t('new.spread')}</legend>
            <div className="options">
                {kinds.map((k) => (
                    <label key={k} className="option">
                        <input type="radio" name="spread" value={k}
                            checked={d.spread === k}
                            disabled={d.local && k !== 'none'}
                            onChange={() => set({ spread: k })} />
                        <span>
                            <strong>{t(`new.spread.${k}${k === 'none' && ab
                                ? 'Ab' : ''}` as TextKey)}</strong>
                            <span className="soft">
                                {t(`new.spread.${k}Hint` as TextKey)}</span>
                        </span>
                    </label>
                ))}
            </div>
            {d.local
                && <p className="form-hint">{t('new.spreadNot')}</p>}
            {d.spread === 'test' && ab
                && <div className="form-row">
                    <TextField type="number" min={1} max={50}
                        label={t('new.testShare')} value={d.percent}
                        onChange={(percent) => set({ percent })}
                        fault={faults.of('/test/percent')} />
                    <Wait label={t('new.testWait')} value={d.wait}
                        onChange={(wait) => set({ wait })}
                        fault={faults.of('/test/wait_s')} />
                    <SelectField<Metric> label={t('new.metric')}
                        value={d.metric}
                        onChange={(metric) => set({ metric })}
                        hint={t('new.metricHint')}
                        options={(['delivered', 'read', 'replied'] as const)
                            .map((m) => ({
                                value: m, label: t(`new.metric.${m}`),
                            }))} />
                </div>}
            {d.spread === 'ramp'
                && <div className="ramp">
                    {d.ramp.map((s, i) => (
                        <div key={i} className="ramp-row">
                            <TextField type="number" min={1}
                                label={d.byCount
                                    ? t('new.rampCount', { n: i + 1 })
                                    : t('new.rampShare', { n: i + 1 })}
                                value={s.percent}
                                onChange={(percent) => step(i, { percent })}
                                fault={faults.of(`/ramp/${i}/percent`)
                                    ?? faults.of(`/ramp/${i}/count`)
                                    ?? faults.of(`/ramp/${i}`)} />
                            <Wait label={t('new.rampWait')} value={s.wait}
                                onChange={(wait) => step(i, { wait })}
                                fault={faults.of(`/ramp/${i}/wait_s`)} />
                            <button type="button" className="icon-button"
                                aria-label={t('new.rampRemove', {
                                    n: i + 1,
                                })}
                                onClick={() => d.ramp.length > 1
                                    ? set({ ramp: d.ramp.filter((_, n) =>
                                        n !== i) })
                                    : set({ spread: 'none' })}>
                                <Icon.Close />
                            </button>
                        </div>
                    ))}
                    {d.ramp.length < 10
                        && <button type="button"
                            className="button button-small"
                            onClick={() => set({ ramp: [...d.ramp, {
                                percent: '', wait: 900,
                            }] })}>
                            <Icon.Plus />{t('new.rampAdd')}
                        </button>}
                    <p className="form-hint">{t('new.rampRest')}</p>
                </div>}
            <TextField type="number" min={0} max={50} className="is-medium"
                label={t('new.holdout')} optional value={d.holdout}
                onChange={(holdout) => set({ holdout })}
                fault={faults.of('/holdout')} hint={t('new.holdoutHint')} />
        </fieldset>
    );
}


function Limits({ d, set, faults, zone }: StepProps) {
    return (
        <fieldset className="part">
            <legend>{t('new.limits')}</legend>
            <div className="form-row">
                <TextField type="number" min={0} label={t('new.rate')}
                    optional value={d.rate} onChange={(rate) => set({ rate })}
                    fault={faults.of('/rate_limit')}
                    hint={t('new.rateHint')} />
                <TextField type="datetime-local" optional
                    label={t('new.expires', { zone })} value={d.expires}
                    onChange={(expires) => set({ expires })}
                    fault={faults.of('/expires_at')}
                    hint={t('new.expiresHint')} />
            </div>
            <div className="form-row">
                <TextField type="number" min={0} max={100} optional
                    label={t('new.failure')} value={d.failure}
                    onChange={(failure) => set({ failure })}
                    fault={faults.of('/guard/failure_rate')}
                    hint={t('new.failureHint')} />
                <TextField type="number" min={0} max={100} optional
                    label={t('new.optOut')} value={d.optOut}
                    onChange={(optOut) => set({ optOut })}
                    fault={faults.of('/guard/opt_out_rate')}
                    hint={t('new.optOutHint')} />
            </div>
        </fieldset>
    );
}


const WAITS = [60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800,
               604800];

export function waitWords(s: number): string {
    return s % 86400 === 0 ? tn('new.days', s / 86400)
        : s % 3600 === 0 ? tn('new.hours', s / 3600)
        : s % 60 === 0 ? tn('new.minutes', s / 60)
        : tn('new.seconds', s);
}


function Wait({ label, value, onChange, fault }: {
    label: string; value: number; fault?: string;
    onChange: (s: number) => void;
}) {
    const all = WAITS.includes(value) ? WAITS
        : [...WAITS, value].sort((a, b) => a - b);

    return (
        <Field label={label} fault={fault}>
            {(ids) => (
                <select {...ids} value={value} onChange={(e: Event) =>
                    onChange(Number((e.currentTarget as HTMLSelectElement)
                        .value))}>
                    {all.map((s) => (
                        <option key={s} value={s}>{waitWords(s)}</option>
                    ))}
                </select>
            )}
        </Field>
    );
}

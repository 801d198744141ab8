/*
 * The organisation itself, and the limits that hold for all of its numbers.
 */

import { useState } from 'react';
import type { ReactNode } from 'react';
import { t } from '../../lib/t';
import { money, zones } from './format';
import {
    FormEnd, SelectField, TextField, Toggle, useFaultFocus, useFaults,
} from '../../ui/form';
import { Card } from '../../ui/page';
import { Stale } from './stale';
import { useLocked, useSave } from './data';
import type { Tagged } from './data';

interface FormProps {
    from: Tagged;
    reload: () => void;
}


export function Organisation({ from, reload }: FormProps) {
    const { save, busy, error, stale } = useSave(from);
    const [name, setName] = useState(from.settings.name);
    const [zone, setZone] = useState(from.settings.time_zone);
    const faults = useFaults(error);
    const form = useFaultFocus(error);
    const locked = useLocked();

    return (
        <Card title={t('settings.tab.organisation')}>
            <form className="form" ref={form} onSubmit={(e: Event) => {
                e.preventDefault();
                void save({ name, time_zone: zone });
            }}>
                <fieldset className="form settings-fields"
                    disabled={locked !== undefined}>
                    <div className="form-row">
                        <TextField label={t('settings.name')} value={name}
                            onChange={setName} fault={faults.of('/name')}
                            required maxLength={100} />
                        <TextField label={t('settings.zone')} value={zone}
                            hint={t('settings.zoneHint')} onChange={setZone}
                            fault={faults.of('/time_zone')} required
                            list="settings-zones" autoComplete="off" />
                    </div>
                    <datalist id="settings-zones">
                        {zones().map((z) => <option key={z} value={z} />)}
                    </datalist>
                    {stale ? <Stale error={error} reload={reload} />
                        : <FormEnd error={error} busy={busy
                            || locked !== undefined} save={t('form.save')} />}
                </fieldset>
            </form>
        </Card>
    );
}


export function Limits({ from, reload }: FormProps) {
    const s = from.settings;
    const { save, busy, error, stale } = useSave(from);
    const [quiet, setQuiet] = useState(s.quiet_hours !== null);
    const [begin, setBegin] = useState(s.quiet_hours?.from ?? '21:00');
    const [end, setEnd] = useState(s.quiet_hours?.to ?? '08:00');
    const [cap, setCap] = useState(s.frequency_cap !== null);
    const [messages, setMessages] = useState(
        String(s.frequency_cap?.messages ?? 3));
    const [days, setDays] = useState(String(s.frequency_cap?.days ?? 7));
    const [spend, setSpend] = useState(s.spend_limit !== null);
    const [amount, setAmount] = useState(s.spend_limit?.amount ?? '100');
    const [period, setPeriod] = useState<'day' | 'month'>(
        s.spend_limit?.period ?? 'month');
    const faults = useFaults(error);
    const form = useFaultFocus(error);
    const locked = useLocked();

    return (
        <form className="stack" ref={form} noValidate onSubmit={(e: Event) => {
            e.preventDefault();
            void save({
                quiet_hours: quiet ? { from: begin, to: end } : null,
                frequency_cap: cap ? {
                    messages: Number(messages), days: Number(days),
                } : null,
                spend_limit: spend ? { amount, period } : null,
            });
        }}>
            <fieldset className="stack settings-fields"
                disabled={locked !== undefined}>
                <Limit title={t('settings.quiet')} on={quiet}
                    hint={t('settings.quietHint')} onChange={setQuiet}
                    fault={faults.of('/quiet_hours')}>
                    <TextField label={t('settings.quietFrom')} type="time"
                        value={begin} onChange={setBegin}
                        fault={faults.of('/quiet_hours/from')} />
                    <TextField label={t('settings.quietTo')} type="time"
                        value={end} onChange={setEnd}
                        fault={faults.of('/quiet_hours/to')} />
                </Limit>
                <Limit title={t('settings.cap')} on={cap}
                    hint={t('settings.capHint')} onChange={setCap}
                    fault={faults.of('/frequency_cap')}>
                    <TextField label={t('settings.capMessages')} type="number"
                        value={messages} onChange={setMessages} min={1}
                        max={1000} inputMode="numeric"
                        fault={faults.of('/frequency_cap/messages')} />
                    <TextField label={t('settings.capDays')} type="number"
                        value={days} onChange={setDays} min={1} max={30}
                        inputMode="numeric"
                        fault={faults.of('/frequency_cap/days')} />
                </Limit>
                <Limit title={t('settings.spend')} on={spend}
                    hint={t(s.currency === null ? 'settings.spendNoPrices'
                        : 'settings.spendHint')}
                    onChange={setSpend} fault={faults.of('/spend_limit')}
                    more={s.spend_used !== null && s.currency !== null
                        && <p className="soft">
                            {t(s.spend_used.period === 'day'
                                ? 'settings.usedDay' : 'settings.usedMonth', {
                                    amount: money(s.spend_used.amount,
                                                  s.currency),
                                })}
                        </p>}>
                    <TextField label={s.currency === null
                        ? t('settings.amount')
                        : t('settings.amountIn', { currency: s.currency })}
                        value={amount} onChange={setAmount}
                        inputMode="decimal"
                        fault={faults.of('/spend_limit/amount')} />
                    <SelectField<'day' | 'month'> label={t('settings.period')}
                        value={period} onChange={setPeriod}
                        fault={faults.of('/spend_limit/period')}
                        options={[
                            { value: 'day', label: t('settings.perDay') },
                            { value: 'month', label: t('settings.perMonth') },
                        ]} />
                </Limit>
                {stale ? <Stale error={error} reload={reload} />
                    : <FormEnd error={error} busy={busy
                        || locked !== undefined} save={t('form.save')} />}
            </fieldset>
        </form>
    );
}


/* off, or on with its numbers */
function Limit({ title, hint, on, onChange, fault, more, children }: {
    title: string; hint: string; on: boolean; onChange: (on: boolean) => void;
    fault: string | undefined; more?: ReactNode; children: ReactNode;
}) {
    return (
        <section className="card">
            <Toggle label={title} hint={hint} on={on} onChange={onChange} />
            {fault !== undefined
                && <p className="form-fault" role="alert">{fault}</p>}
            {on && <div className="form-row">{children}</div>}
            {more}
        </section>
    );
}

/*
 * What messages cost, and how many people the provider lets be written to.
 */

import { useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client';
import { num } from '../../lib/format';
import { t, tMaybe, tn } from '../../lib/t';
import { FormEnd, TextField, useFaultFocus, useFaults } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card } from '../../ui/page';
import { Dialog, Empty, Failed, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { useLocked } from './data';
import { countryName, price } from './format';

interface Price {
    country: string;
    category: string;
    price: string;
}

interface PriceTable {
    date: string;
    currency: string | null;
    prices: Price[];
}

interface Portfolio {
    id: string;
    daily_limit: number | null;
    used_24h: number;
    left: number | null;
    accounts: number;
}

const CATEGORIES = ['marketing', 'utility', 'authentication', 'service'];


export function Prices() {
    const query = useQuery({
        queryKey: ['prices'],
        queryFn: ({ signal }) => call<PriceTable>('GET', '/prices',
                                                  { signal }),
    });
    const table = query.data;

    return (
        <Card title={t('prices.title')} hint={table?.currency
            ? t('prices.hintIn', { currency: table.currency })
            : t('prices.hint')}>
            {table === undefined
                ? query.isError
                    ? <Failed error={query.error}
                        retry={() => void query.refetch()} />
                    : <Skeleton rows={6} kind="lines" />
                : table.currency === null || table.prices.length === 0
                ? <Empty icon={<Icon.Doc />} title={t('prices.none')}
                    next={t('prices.noneNext')} />
                : <Table of={table.prices} />}
        </Card>
    );
}


function Table({ of }: { of: Price[] }) {
    const by = new Map<string, Map<string, string>>();

    for (const p of of) {
        const row = by.get(p.country) ?? new Map<string, string>();

        row.set(p.category, p.price);
        by.set(p.country, row);
    }

    const known = CATEGORIES.filter((c) => of.some((p) => p.category === c));
    const name = (c: string) => c === '*' ? t('prices.others')
        : countryName(c);
    const rows = [...by].sort(([a], [b]) =>
        a === '*' ? 1 : b === '*' ? -1 : name(a).localeCompare(name(b)));

    return (
        <div className="table-scroll" tabIndex={0} role="group"
            aria-label={t('prices.title')}>
            <table className="run-table run-table-fixed">
                <thead>
                    <tr>
                        <th>{t('prices.country')}</th>
                        {known.map((c) => (
                            <th key={c} className="n">
                                {tMaybe(`prices.${c}`) ?? c}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {rows.map(([country, row]) => (
                        <tr key={country}>
                            <th scope="row">{name(country)}</th>
                            {known.map((c) => (
                                <td key={c} className="n">
                                    {row.has(c) ? price(row.get(c)!) : '–'}
                                </td>
                            ))}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}


export function Portfolios() {
    const query = useQuery({
        queryKey: ['portfolios'],
        queryFn: ({ signal }) => call<{ data: Portfolio[] }>(
            'GET', '/portfolios', { signal }),
    });
    const [at, setAt] = useState<Portfolio | null>(null);
    const locked = useLocked();
    const rows = query.data?.data;

    return (
        <Card title={t('portfolios.title')} hint={t('portfolios.hint')}>
            {rows === undefined
                ? query.isError
                    ? <Failed error={query.error}
                        retry={() => void query.refetch()} />
                    : <Skeleton rows={2} kind="lines" />
                : rows.length === 0
                ? <p className="soft">{t('portfolios.none')}</p>
                : <ul className="settings-list">
                    {rows.map((p) => (
                        <li key={p.id}>
                            <span>
                                <bdi className="settings-strong">{p.id}</bdi>
                                <span className="soft">
                                    {tn('portfolios.numbers', p.accounts)}
                                </span>
                            </span>
                            <span>
                                {p.daily_limit === null
                                    ? t('portfolios.noLimit',
                                        { used: num(p.used_24h) })
                                    : t('portfolios.used', {
                                        used: num(p.used_24h),
                                        limit: num(p.daily_limit),
                                    })}
                            </span>
                            <button className="icon-button"
                                aria-label={t('portfolios.change',
                                              { id: p.id })}
                                aria-disabled={locked !== undefined ? 'true'
                                    : undefined}
                                title={locked}
                                onClick={() => locked === undefined
                                    && setAt(p)}>
                                <Icon.Edit />
                            </button>
                        </li>
                    ))}
                </ul>}
            {at !== null && <Change of={at} onClose={() => setAt(null)} />}
        </Card>
    );
}


function Change({ of, onClose }: { of: Portfolio; onClose: () => void }) {
    const qc = useQueryClient();
    const [limit, setLimit] = useState(
        of.daily_limit === null ? '' : String(of.daily_limit));
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const faults = useFaults(error);
    const form = useFaultFocus(error);

    const save = async () => {
        setBusy(true);

        try {
            await call('PUT', `/portfolios/${encodeURIComponent(of.id)}`, {
                body: { daily_limit: limit === '' ? null : Number(limit) },
            });
            await qc.invalidateQueries({ queryKey: ['portfolios'] });
            toast({ text: t('form.saved') });
            onClose();

        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };

    return (
        <Dialog title={t('portfolios.change', { id: of.id })}
            onClose={onClose}>
            <form className="form" ref={form} onSubmit={(e: Event) => {
                e.preventDefault();

                if (!busy) {
                    void save();
                }
            }}>
                <TextField label={t('portfolios.limit')} type="number" min={0}
                    value={limit} onChange={setLimit} inputMode="numeric"
                    hint={t('portfolios.limitHint')} autoFocus
                    fault={faults.of('/daily_limit')} />
                <FormEnd error={error} busy={busy} onCancel={onClose} />
            </form>
        </Dialog>
    );
}

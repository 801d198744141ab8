/*
 * To the provider's review: with which number, and what would be refused
 * before it is sent.
 */

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem, call } from '../../api/client';
import { q } from '../../api/queries';
import { Link } from '../../lib/router';
import { t, tn } from '../../lib/t';
import { FormEnd, SelectField, Toggle } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Dialog, Failed, Notice, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { useTemplatesChanged } from './data';
import type { Finding, Template } from './data';


export function Submit({ of: x, onClose }: {
    of: Template; onClose: () => void;
}) {
    const accounts = useQuery(q.accounts());
    const lint = useQuery({
        queryKey: ['lint', x.id, x.version],
        queryFn: ({ signal }) => call<{ errors: number; lint: Finding[] }>(
            'POST', '/templates/lint', { signal, body: {
                name: x.name, language: x.language, category: x.category,
                document: x.document } }),
    });
    const rows = accounts.data?.data ?? [];
    const [chosen, setChosen] = useState('');
    const [change, setChange] = useState(false);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const changed = useTemplatesChanged();
    const account = chosen || x.account_id || rows[0]?.id || '';
    const said = error === null ? undefined : asProblem(error);

    async function submit() {
        setBusy(true);
        setError(null);

        try {
            await call('POST', `/templates/${x.id}/submit`, { body: {
                account_id: account, allow_category_change: change } });
            await changed();
            toast({ text: t('templates.submitted') });
            onClose();

        } catch (e) {
            setError(e);
            setBusy(false);
        }
    }

    return (
        <Dialog title={t('templates.submitTitle')} onClose={onClose}>
            {accounts.isPending ? <Skeleton rows={2} kind="lines" />
                : accounts.data === undefined
                ? <Failed error={accounts.error}
                    retry={() => void accounts.refetch()} />
                : rows.length === 0
                ? <>
                    <p>{t('templates.noAccount')}</p>
                    <Link to="/accounts" className="button">
                        {t('templates.toAccounts')}
                    </Link>
                </>
                : <form className="form" onSubmit={(e: Event) => {
                    e.preventDefault();

                    if (!busy) {
                        void submit();
                    }
                }}>
                    <p>{t('templates.submitWords', { version: x.version })}</p>
                    {lint.data !== undefined && lint.data.errors > 0
                        && <div className="notice is-unknown">
                            <Icon.Alert />
                            <div>
                                <p>{tn('templates.errors',
                                       lint.data.errors)}</p>
                                <ul className="tpl-found">
                                    {lint.data.lint.filter((f) =>
                                        f.level === 'error').map((f, i) => (
                                        <li key={i}>{f.words}</li>
                                    ))}
                                </ul>
                                <Link to={`/templates/${x.id}/edit`}
                                    className="text-link">
                                    {t('templates.mend')}
                                </Link>
                            </div>
                        </div>}
                    <SelectField label={t('templates.submitWith')}
                        value={account} onChange={setChosen}
                        options={rows.map((a) => ({
                            value: a.id,
                            label: a.phone === null ? a.name
                                : `${a.name} · ${a.phone}` }))} />
                    <Toggle label={t('templates.mayChange')} on={change}
                        hint={t('templates.mayChangeHint')}
                        onChange={setChange} />
                    {said !== undefined && <Notice error={error} />}
                    <FormEnd busy={busy} save={busy ? undefined
                             : t('templates.submit')} onCancel={onClose} />
                </form>}
        </Dialog>
    );
}

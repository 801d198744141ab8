/*
 * Phones that are never written to.  They are kept as hashes, so the list
 * shows two digits of each; whether a phone is on it can be asked.
 */

import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { useMay } from '../../api/me';
import { usePaged } from '../../api/paged';
import { full, num, when } from '../../lib/format';
import { t, tn } from '../../lib/t';
import { FormEnd, TextField, useFaultFocus, useFaults }
    from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card } from '../../ui/page';
import { Dialog, Empty, Failed, Notice, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';

interface Suppression {
    id: string;
    hint: string;
    reason: string;
    created_at: string;
}

const KEY = ['suppressions'];


export function Suppressions() {
    const qc = useQueryClient();
    const { query, rows } = usePaged<Suppression>(KEY, '/suppressions');
    const may = useMay('send') && useLiveStatus() !== 'offline';
    const admin = useMay('admin') && useLiveStatus() !== 'offline';
    const [adding, setAdding] = useState(false);
    const fresh = () => qc.invalidateQueries({ queryKey: KEY });

    return (
        <div className="stack">
            <Check />
            <Card title={t('settings.tab.suppressions')}
                hint={t('suppress.hint')}
                actions={may
                    && <button className="button"
                        onClick={() => setAdding(true)}>
                        <Icon.Plus />{t('suppress.add')}
                    </button>}>
                {rows === undefined
                    ? query.isError
                        ? <Failed error={query.error}
                            retry={() => void query.refetch()} />
                        : <Skeleton rows={3} kind="lines" />
                    : rows.length === 0
                    ? <Empty icon={<Icon.Cut />} title={t('suppress.none')}
                        next={t('suppress.noneNext')} />
                    : <table className="run-table">
                        <thead>
                            <tr>
                                <th>{t('suppress.phone')}</th>
                                <th>{t('suppress.reason')}</th>
                                <th>{t('suppress.since')}</th>
                                <th><span className="sr">
                                    {t('form.remove')}
                                </span></th>
                            </tr>
                        </thead>
                        <tbody>
                            {rows.map((s) => (
                                <tr key={s.id}>
                                    <td data-label={t('suppress.phone')}>
                                        <bdi dir="ltr">{`••• ${s.hint}`}</bdi>
                                    </td>
                                    <td data-label={t('suppress.reason')}>
                                        <bdi>{s.reason}</bdi>
                                    </td>
                                    <td className="run-date"
                                        data-label={t('suppress.since')}>
                                        <time dateTime={s.created_at}
                                            title={full(s.created_at)}>
                                            {when(s.created_at)}
                                        </time>
                                    </td>
                                    <td className="run-do">
                                        {admin && <Remove of={s}
                                            onDone={fresh} />}
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </table>}
                {query.hasNextPage
                    && <button className="button"
                        onClick={() => void query.fetchNextPage()}>
                        {t('run.more')}
                    </button>}
            </Card>
            {adding
                && <Add onClose={() => setAdding(false)} onDone={fresh} />}
        </div>
    );
}


/* asked twice: it cannot be undone, the phone being known to nobody */
function Remove({ of, onDone }: {
    of: Suppression; onDone: () => Promise<void>;
}) {
    const [sure, setSure] = useState(false);
    const [error, setError] = useState<unknown>(null);

    return (
        <>
            <button className="icon-button" title={t('form.remove')}
                aria-label={t('suppress.removeOf', { hint: of.hint })}
                onClick={() => setSure(true)}>
                <Icon.Trash />
            </button>
            {sure
                && <Dialog title={t('suppress.removeOf', { hint: of.hint })}
                    onClose={() => setSure(false)}>
                    <form className="form" onSubmit={(e: Event) => {
                        e.preventDefault();
                        call('DELETE', `/suppressions/${of.id}`).then(() => {
                            toast({ text: t('suppress.removed') });
                            setSure(false);

                            return onDone();
                        }, setError);
                    }}>
                        <p>{t('suppress.removeMore')}</p>
                        <FormEnd error={error} danger save={t('form.remove')}
                            onCancel={() => setSure(false)} />
                    </form>
                </Dialog>}
        </>
    );
}


function Check() {
    const [phone, setPhone] = useState('');
    const [said, setSaid] = useState<{
        suppressed: boolean; reason: string | null;
    } | null>(null);
    const [error, setError] = useState<unknown>(null);

    return (
        <Card title={t('suppress.check')}>
            <form className="settings-check" onSubmit={(e: Event) => {
                e.preventDefault();
                setSaid(null);
                setError(null);
                call<{ suppressed: boolean; reason: string | null }>('GET',
                    `/suppressions/check?phone=${
                        encodeURIComponent(phone.trim())}`)
                    .then(setSaid, setError);
            }}>
                <TextField label={t('suppress.checkPhone')} type="tel"
                    value={phone} dir="ltr" required placeholder="+254…"
                    onChange={(v) => {
                        setPhone(v);
                        setSaid(null);
                    }} />
                <button className="button">{t('suppress.ask')}</button>
            </form>
            <div role="status">
                {said !== null
                    && <p className={`status ${said.suppressed ? 'is-failed'
                        : 'is-replied'}`}>
                        {said.suppressed ? <Icon.Cut /> : <Icon.Check />}
                        {t(said.suppressed ? 'suppress.yes' : 'suppress.no')}
                        {said.reason !== null && <bdi>{said.reason}</bdi>}
                    </p>}
            </div>
            {error !== null && <Notice error={error} />}
        </Card>
    );
}


function Add({ onClose, onDone }: {
    onClose: () => void; onDone: () => Promise<void>;
}) {
    const [phones, setPhones] = useState('');
    const [reason, setReason] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const faults = useFaults(error);
    const form = useFaultFocus(error);
    const list = phones.split(/[\n,;]+/).map((p) => p.trim()).filter(Boolean);

    /* a fault of the list names one of its places: "/phones/3" */
    const wrong = faults.of('/phones') ?? list.map((p, i) => {
        const f = faults.of(`/phones/${i}`);

        return f === undefined ? undefined : `${p}: ${f}`;
    }).find(Boolean);

    const save = async () => {
        setBusy(true);

        try {
            const r = await call<{ added: number; known: number }>('POST',
                '/suppressions', { body: { phones: list, reason } });

            toast({ text: tn('suppress.added', r.added) });
            onClose();
            await onDone();

        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };

    return (
        <Dialog title={t('suppress.add')} onClose={onClose}>
            <form className="form" ref={form} onSubmit={(e: Event) => {
                e.preventDefault();

                if (!busy && list.length > 0) {
                    void save();
                }
            }}>
                <TextField label={t('suppress.phones')} value={phones} area
                    rows={5} dir="ltr" onChange={setPhones} fault={wrong}
                    hint={t('suppress.phonesHint')} required autoFocus />
                <TextField label={t('suppress.reason')} value={reason}
                    onChange={setReason} fault={faults.of('/reason')}
                    hint={t('suppress.reasonHint')} required
                    maxLength={200} />
                <FormEnd error={error} busy={busy} onCancel={onClose}
                    save={t('suppress.add')}>
                    <span className="soft run-count">{num(list.length)}</span>
                </FormEnd>
            </form>
        </Dialog>
    );
}

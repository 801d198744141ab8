/*
 * Notices: what is told by e-mail, and to whom.
 */

import { useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client';
import { usePaged } from '../../api/paged';
import { humanise, stamp } from '../../lib/format';
import { t, tMaybe } from '../../lib/t';
import { FormEnd, TextField, useFaultFocus, useFaults } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card } from '../../ui/page';
import { Dialog, Empty, Failed, Notice as Fault, Skeleton }
    from '../../ui/parts';
import { toast } from '../../ui/toast';
import { useLocked } from './data';

interface Notice {
    id: string;
    name: string;
    events: string[];
    emails: string[];
    failures?: { email: string; event: string; at: string;
                 detail: string }[];
}

const KEY = ['notices'];
const EVENTS = ['number.disconnected', 'template.rejected', 'template.paused',
                'broadcast.paused', 'broadcast.finished', 'schedule.missed',
                'spend_limit.reached'];

const eventWord = (e: string) => tMaybe(`notice.on.${e}`) ?? humanise(e);


export function Notices() {
    const { query, rows } = usePaged<Notice>(KEY, '/notices');
    const [at, setAt] = useState<Notice | 'new' | null>(null);
    const locked = useLocked();

    return (
        <Card title={t('settings.tab.notices')} hint={t('notice.hint')}
            actions={<button className="button" title={locked}
                aria-disabled={locked !== undefined ? 'true' : undefined}
                onClick={() => locked === undefined && setAt('new')}>
                <Icon.Plus />{t('notice.add')}
            </button>}>
            {rows === undefined
                ? query.isError
                    ? <Failed error={query.error}
                        retry={() => void query.refetch()} />
                    : <Skeleton rows={3} kind="lines" />
                : rows.length === 0
                ? <Empty icon={<Icon.Info />} title={t('notice.none')}
                    next={t('notice.noneNext')} />
                : <ul className="settings-list">
                    {rows.map((n) => (
                        <li key={n.id}>
                            <span>
                                <bdi className="settings-strong">
                                    {n.name || n.emails[0]}
                                </bdi>
                                <bdi className="soft">
                                    {n.emails.join(', ')}
                                </bdi>
                            </span>
                            <span className="tags">
                                {n.events.map((e) => (
                                    <span key={e} className="tag">
                                        {eventWord(e)}
                                    </span>
                                ))}
                            </span>
                            <button className="icon-button" title={locked}
                                aria-disabled={locked !== undefined ? 'true'
                                    : undefined}
                                aria-label={t('notice.change',
                                    { name: n.name || n.emails[0] || '' })}
                                onClick={() => locked === undefined
                                    && setAt(n)}>
                                <Icon.Edit />
                            </button>
                        </li>
                    ))}
                </ul>}
            {at !== null
                && <Edit of={at === 'new' ? undefined : at}
                    onClose={() => setAt(null)} />}
        </Card>
    );
}


function Edit({ of, onClose }: {
    of: Notice | undefined; onClose: () => void;
}) {
    const qc = useQueryClient();
    const [name, setName] = useState(of?.name ?? '');
    const [emails, setEmails] = useState(of?.emails.join('\n') ?? '');
    const [events, setEvents] = useState(of?.events ?? EVENTS.slice(0, 4));
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const faults = useFaults(error);
    const form = useFaultFocus(error);
    const list = emails.split(/[\s,;]+/).filter(Boolean);
    const wrong = faults.of('/emails')
        ?? list.map((_, i) => faults.of(`/emails/${i}`)).find(Boolean);

    /* the notice itself tells what failed; the list does not */
    const whole = useQuery({
        queryKey: ['notice', of?.id],
        queryFn: ({ signal }) => call<Notice>('GET', `/notices/${of!.id}`,
                                              { signal }),
        enabled: of !== undefined,
    });

    const then = async (what: Promise<unknown>, text: string) => {
        setBusy(true);
        setError(null);

        try {
            await what;
            await qc.invalidateQueries({ queryKey: KEY });
            toast({ text });
            onClose();

        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };

    return (
        <Dialog title={t(of === undefined ? 'notice.add' : 'notice.edit')}
            onClose={onClose}>
            <form className="form" ref={form} onSubmit={(e: Event) => {
                e.preventDefault();

                const body = {
                    ...(name !== '' ? { name } : {}), events, emails: list,
                };

                if (!busy) {
                    void then(of === undefined
                        ? call('POST', '/notices', { body })
                        : call('PATCH', `/notices/${of.id}`, { body }),
                        t('form.saved'));
                }
            }}>
                <TextField label={t('notice.name')} value={name} optional
                    onChange={setName} maxLength={100} autoFocus
                    fault={faults.of('/name')} />
                <TextField label={t('notice.emails')} value={emails} area
                    rows={3} dir="ltr" onChange={setEmails} required
                    hint={t('notice.emailsHint')} fault={wrong} />
                <fieldset className="run-checks">
                    <legend>{t('notice.events')}</legend>
                    {EVENTS.map((e) => (
                        <label key={e}>
                            <input type="checkbox" checked={events.includes(e)}
                                onChange={() => setEvents(EVENTS.filter((x) =>
                                    x === e ? !events.includes(e)
                                        : events.includes(x)))} />
                            <span>{eventWord(e)}</span>
                        </label>
                    ))}
                    {faults.of('/events') !== undefined
                        && <p className="form-fault" role="alert">
                            <Icon.Alert />{faults.of('/events')}
                        </p>}
                </fieldset>
                {of !== undefined && <Try emails={of.emails} />}
                {(whole.data?.failures ?? []).length > 0
                    && <div className="stack">
                        <h3>{t('notice.failures')}</h3>
                        <ul className="settings-list">
                            {whole.data!.failures!.map((f, i) => (
                                <li key={i}>
                                    <span>
                                        <bdi>{f.email}</bdi>
                                        <bdi className="soft">{f.detail}</bdi>
                                    </span>
                                    <time dateTime={f.at}>{stamp(f.at)}</time>
                                </li>
                            ))}
                        </ul>
                    </div>}
                <FormEnd error={error} busy={busy} onCancel={onClose}>
                    {of !== undefined
                        && <button type="button"
                            className="button button-quiet is-failed"
                            onClick={() => void then(call('DELETE',
                                `/notices/${of.id}`), t('notice.deleted'))}>
                            {t('form.remove')}
                        </button>}
                </FormEnd>
            </form>
        </Dialog>
    );
}


function Try({ emails }: { emails: string[] }) {
    const [said, setSaid] = useState('');
    const [error, setError] = useState<unknown>(null);

    return (
        <div className="stack">
            <div className="tags">
                {emails.map((email) => (
                    <button key={email} type="button"
                        className="button button-small" onClick={() => {
                            setError(null);
                            call('POST', '/notices/test', { body: { email } })
                                .then(() => setSaid(
                                    t('notice.tried', { email })), setError);
                        }}>
                        <Icon.Send />{t('notice.try', { email })}
                    </button>
                ))}
            </div>
            <p role="status" className="soft">{said}</p>
            {error !== null && <Fault error={error} />}
        </div>
    );
}

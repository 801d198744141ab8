/*
 * API keys: what works in the organisation's name without a person.  A key is
 * shown once, when it is made; of the others only the first characters are
 * known to anyone.
 */

import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { call } from '../api/client';
import { useLiveStatus } from '../api/live';
import { useMe } from '../api/me';
import { usePaged } from '../api/paged';
import { full, when } from '../lib/format';
import { useKeys } from '../lib/keys';
import { Link, go } from '../lib/router';
import type { Place } from '../lib/router';
import { t } from '../lib/t';
import {
    CopyButton, FormEnd, SelectField, TextField, TypedConfirm, useFaultFocus,
    useFaults,
} from '../ui/form';
import * as Icon from '../ui/icons';
import { Head } from '../ui/page';
import { Dialog, Empty, Failed, Skeleton } from '../ui/parts';
import { toast } from '../ui/toast';

interface ApiKey {
    id: string;
    name: string;
    prefix: string;
    scopes: string[];
    expires_at: string | null;
    created_at: string;
}

type NewKey = ApiKey & { key: string };
type Life = 'never' | '30' | '90' | '365';

const SCOPES = ['read', 'send', 'admin'] as const;
const KEY = ['api-keys'];
const DAY_MS = 86_400_000;


export function Keys({ place }: { place: Place }) {
    const qc = useQueryClient();
    const { query, rows } = usePaged<ApiKey>(KEY, '/api-keys');
    const offline = useLiveStatus() === 'offline';
    const [made, setMade] = useState<NewKey | null>(null);
    const [gone, setGone] = useState<ApiKey | null>(null);
    const fresh = () => qc.invalidateQueries({ queryKey: KEY });

    useKeys({ c: () => go('/keys/new') }, !offline);

    /* dialogs stand beside the page: what is in it is given its width */
    return (
        <>
            <div className="page keys">
                <Head title={t('nav.keys')} lead={t('apikeys.lead')}>
                    <Link to="/docs" className="button">
                        <Icon.Book />{t('nav.docs')}
                    </Link>
                    <button className="button button-main"
                        aria-disabled={offline ? 'true' : undefined}
                        title={offline ? t('run.offline') : undefined}
                        onClick={() => !offline && go('/keys/new')}>
                        <Icon.Plus />{t('apikeys.make')}
                    </button>
                </Head>

                {rows === undefined
                    ? query.isError
                        ? <Failed error={query.error}
                            retry={() => void query.refetch()} />
                        : <Skeleton rows={4} kind="tall" />
                    : rows.length === 0
                    ? <Empty icon={<Icon.Key />} title={t('apikeys.none')}
                        next={t('apikeys.noneNext')} />
                    : <section className="card" aria-label={t('nav.keys')}>
                        <KeyTable rows={rows} offline={offline}
                            onDelete={setGone} />
                        {query.hasNextPage
                            && <button className="button"
                                onClick={() => void query.fetchNextPage()}>
                                {t('run.more')}
                            </button>}
                    </section>}
            </div>

            {place.parts[1] === 'new' && made === null
                && <Make onClose={() => go('/keys', true)} onMade={(k) => {
                    setMade(k);
                    go('/keys', true);
                    void fresh();
                }} />}
            {made !== null
                && <Made of={made} onClose={() => setMade(null)} />}
            {gone !== null
                && <TypedConfirm title={t('apikeys.deleteTitle')}
                    word={gone.name} action={t('apikeys.delete')}
                    onClose={() => setGone(null)}
                    onDone={async () => {
                        await call('DELETE', `/api-keys/${gone.id}`);
                        toast({ text: t('apikeys.deleted') });
                        await fresh();
                    }}>
                    <p>{t('apikeys.deleteMore')}</p>
                    <p className="keys-gone">
                        <bdi>{gone.name}</bdi>
                        <code dir="ltr">{gone.prefix}…</code>
                    </p>
                </TypedConfirm>}
        </>
    );
}


function KeyTable({ rows, offline, onDelete }: {
    rows: ApiKey[]; offline: boolean; onDelete: (k: ApiKey) => void;
}) {
    return (
        <table className="run-table">
            <thead>
                <tr>
                    <th>{t('apikeys.name')}</th>
                    <th>{t('apikeys.prefix')}</th>
                    <th>{t('apikeys.scopes')}</th>
                    <th>{t('apikeys.created')}</th>
                    <th>{t('apikeys.expires')}</th>
                    <th><span className="sr">{t('apikeys.delete')}</span></th>
                </tr>
            </thead>
            <tbody>
                {rows.map((k) => (
                    <tr key={k.id}>
                        <td className="keys-name"><bdi>{k.name}</bdi></td>
                        <td data-label={t('apikeys.prefix')}><code dir="ltr">{k.prefix}…</code></td>
                        <td data-label={t('apikeys.scopes')}>
                            <span className="tags">
                                {SCOPES.filter((s) => k.scopes.includes(s))
                                    .map((s) => (
                                        <span key={s} className="tag">
                                            {t(`apikeys.scope.${s}`)}
                                        </span>
                                    ))}
                            </span>
                        </td>
                        <td className="run-date"
                            data-label={t('apikeys.created')}>
                            <time dateTime={k.created_at}
                                title={full(k.created_at)}>
                                {when(k.created_at)}
                            </time>
                        </td>
                        <td className="run-date"
                            data-label={t('apikeys.expires')}>
                            <Expiry at={k.expires_at} />
                        </td>
                        <td className="run-do">
                            <button className="icon-button"
                                aria-disabled={offline ? 'true' : undefined}
                                aria-label={t('apikeys.deleteOf',
                                              { name: k.name })}
                                title={t(offline ? 'run.offline'
                                    : 'apikeys.delete')}
                                onClick={() => !offline && onDelete(k)}>
                                <Icon.Trash />
                            </button>
                        </td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}


function Expiry({ at }: { at: string | null }) {
    if (at === null) {
        return <span className="soft">{t('apikeys.never')}</span>;
    }

    return Date.parse(at) < Date.now()
        ? <span className="status is-failed">
            <Icon.Alert />{t('apikeys.expired')}
        </span>
        : <time dateTime={at} title={full(at)}>{when(at)}</time>;
}


function Make({ onMade, onClose }: {
    onMade: (k: NewKey) => void; onClose: () => void;
}) {
    const me = useMe();
    const [name, setName] = useState('');
    const [scopes, setScopes] = useState<string[]>(['read', 'send']);
    const [life, setLife] = useState<Life>('never');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const faults = useFaults(error);
    const form = useFaultFocus(error);

    const save = async () => {
        setBusy(true);

        try {
            onMade(await call<NewKey>('POST', '/api-keys', { body: {
                name, scopes,
                expires_at: life === 'never' ? null : new Date(
                    Date.now() + parseInt(life, 10) * DAY_MS).toISOString(),
            } }));
        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };

    return (
        <Dialog title={t('apikeys.make')} onClose={onClose}>
            <form className="form" ref={form} onSubmit={(e: Event) => {
                e.preventDefault();

                if (!busy) {
                    void save();
                }
            }}>
                <TextField label={t('apikeys.name')} value={name}
                    hint={t('apikeys.nameHint')} onChange={setName}
                    fault={faults.of('/name')} maxLength={100} required
                    autoComplete="off" autoFocus />
                <fieldset className="run-checks">
                    <legend>{t('apikeys.scopes')}</legend>
                    {SCOPES.map((s) => (
                        <label key={s}>
                            <input type="checkbox"
                                checked={scopes.includes(s)}
                                disabled={!(me?.scopes.includes(s) ?? false)}
                                onChange={() => setScopes(SCOPES.filter((x) =>
                                    x === s ? !scopes.includes(s)
                                        : scopes.includes(x)))} />
                            <span>
                                <strong>{t(`apikeys.scope.${s}`)}</strong>
                                <small>{t(`apikeys.scopeHint.${s}`)}</small>
                            </span>
                        </label>
                    ))}
                    {faults.of('/scopes') !== undefined
                        && <p className="form-fault" role="alert">
                            <Icon.Alert />{faults.of('/scopes')}
                        </p>}
                </fieldset>
                <SelectField<Life> label={t('apikeys.expires')} value={life}
                    onChange={setLife} fault={faults.of('/expires_at')}
                    options={(['never', '30', '90', '365'] as const)
                        .map((v) => ({
                            value: v, label: t(`apikeys.life.${v}`),
                        }))} />
                <FormEnd error={error} busy={busy} save={t('apikeys.make')}
                    onCancel={onClose} />
            </form>
        </Dialog>
    );
}


/* the only time that it can be read */
function Made({ of, onClose }: { of: NewKey; onClose: () => void }) {
    return (
        <Dialog title={t('apikeys.made')} onClose={onClose}>
            <div className="form">
                <p>{t('apikeys.madeMore')}</p>
                <div className="keys-secret">
                    <input readOnly value={of.key} dir="ltr" autoFocus
                        aria-label={t('apikeys.key')}
                        onFocus={(e: FocusEvent) =>
                            (e.currentTarget as HTMLInputElement).select()} />
                    <CopyButton text={of.key} />
                </div>
                <p className="soft">{t('apikeys.madeUse')}</p>
                <pre className="code" dir="ltr" tabIndex={0}>
                    {`curl ${location.origin}/api/v1/me \\\n`
                        + `  -H 'Authorization: Bearer ${of.key}'`}
                </pre>
                <div className="dialog-actions">
                    <button className="button button-main" onClick={onClose}>
                        {t('apikeys.kept')}
                    </button>
                </div>
            </div>
        </Dialog>
    );
}

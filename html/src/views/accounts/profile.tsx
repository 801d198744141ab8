/*
 * What people see of a number, read at its provider and changed there, with
 * its picture; beside it how it will look.
 */

import { useEffect, useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { below, qn } from '../../api/accounts';
import type { NumberDetail, Profile } from '../../api/accounts';
import { Problem, call } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { useMay } from '../../api/me';
import { humanise } from '../../lib/format';
import { t, tMaybe } from '../../lib/t';
import { Field, FormEnd, SelectField, TextField, useFaultFocus, useFaults }
    from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card } from '../../ui/page';
import { Avatar, Empty, Failed, Phone, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';

const VERTICALS = [
    'other', 'auto', 'beauty', 'apparel', 'edu', 'entertain', 'event_plan',
    'finance', 'grocery', 'govt', 'hotel', 'health', 'nonprofit',
    'prof_services', 'retail', 'travel', 'restaurant', 'alcohol',
    'online_gambling', 'physical_gambling', 'otc_drugs',
];

interface Form {
    about: string;
    description: string;
    address: string;
    email: string;
    site1: string;
    site2: string;
    vertical: string;
}


function formOf(p: Profile): Form {
    return {
        about: p.about ?? '', description: p.description ?? '',
        address: p.address ?? '', email: p.email ?? '',
        site1: p.websites?.[0] ?? '', site2: p.websites?.[1] ?? '',
        vertical: p.vertical ?? '',
    };
}


/* the members that were changed */
function changes(was: Form, is: Form, picture: string) {
    const out: Record<string, unknown> = {};

    for (const k of ['about', 'description', 'address', 'email',
                     'vertical'] as const)
    {
        if (was[k] !== is[k]) {
            out[k] = is[k];
        }
    }

    if (was.site1 !== is.site1 || was.site2 !== is.site2) {
        out['websites'] = [is.site1, is.site2].map((s) => s.trim())
            .filter((s) => s !== '');
    }

    if (picture !== '') {
        out['picture_id'] = picture;
    }

    return out;
}


export function ProfileTab({ of: a }: { of: NumberDetail }) {
    const profile = useQuery(qn.profile(a.id));
    const p = profile.error === null ? profile.data : undefined;

    if (p !== undefined) {
        return <Editor of={a} profile={p} />;
    }

    if (profile.isPending) {
        return <Skeleton rows={5} kind="detail" />;
    }

    return profile.error instanceof Problem
        && profile.error.code === 'unsupported'
        ? <Empty icon={<Icon.Phone />} title={t('accounts.noProfile')}
            next={t('accounts.noProfileNext')} />
        : <Failed error={profile.error} title={t('accounts.profileFailed')}
            retry={() => void profile.refetch()} />;
}


function Editor({ of: a, profile }: { of: NumberDetail; profile: Profile }) {
    const qc = useQueryClient();
    const [base, setBase] = useState(profile);
    const [f, setForm] = useState(() => formOf(profile));
    const [picture, setPicture] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const admin = useMay('admin');
    const away = useLiveStatus() === 'offline';
    const faults = useFaults(error);
    const form = useFaultFocus(error);
    const set = (change: Partial<Form>) => setForm({ ...f, ...change });
    const wanted = changes(formOf(base), f, picture);
    const dirty = Object.keys(wanted).length > 0;

    useEffect(() => {
        if (!dirty && profile !== base) {
            setBase(profile);
            setForm(formOf(profile));
        }
    }, [profile, dirty, base]);

    const save = async () => {
        setBusy(true);
        setError(null);

        try {
            const now = await call<Profile>('PUT', below(a.id, '/profile'),
                                            { body: wanted });

            setBase(now);
            setForm(formOf(now));
            setPicture('');
            qc.setQueryData(qn.profile(a.id).queryKey, now);
            toast({ text: t('accounts.profileSaved') });
        } catch (e) {
            setError(e);
        }

        setBusy(false);
    };

    return (
        <form className="acc-profile" ref={form} noValidate
            onSubmit={(e: Event) => {
                e.preventDefault();

                if (dirty && !busy && admin && !away) {
                    void save();
                }
            }}>
            <Card title={t('accounts.profile')}
                hint={t('accounts.profileHint')}>
                <fieldset disabled={!admin} className="form">
                    <legend className="sr">{t('accounts.profile')}</legend>
                    {a.provider !== 'twilio' && <Picture value={picture}
                        onChange={setPicture}
                        fault={faults.of('/picture_id')} />}
                    <TextField label={t('accounts.about')} maxLength={139}
                        value={f.about} onChange={(about) => set({ about })}
                        hint={t('accounts.aboutHint')} dir="auto"
                        fault={faults.of('/about')} />
                    <TextField label={t('accounts.description')} area
                        rows={3} maxLength={512} value={f.description}
                        optional dir="auto"
                        onChange={(description) => set({ description })}
                        fault={faults.of('/description')} />
                    <TextField label={t('accounts.address')} optional
                        maxLength={256} value={f.address} dir="auto"
                        onChange={(address) => set({ address })}
                        fault={faults.of('/address')} />
                    <div className="form-row">
                        <TextField label={t('accounts.email')} type="email"
                            optional maxLength={128} value={f.email} dir="ltr"
                            onChange={(email) => set({ email })}
                            fault={faults.of('/email')} />
                        <SelectField label={t('accounts.vertical')}
                            value={f.vertical}
                            onChange={(vertical) => set({ vertical })}
                            options={[
                                ...(VERTICALS.includes(f.vertical) ? []
                                    : [{ value: f.vertical,
                                         label: f.vertical === ''
                                         ? t('accounts.verticalNone')
                                         : humanise(f.vertical) }]),
                                ...VERTICALS.map((v) => ({
                                    value: v,
                                    label: tMaybe(`accounts.vertical.${v}`)
                                        ?? humanise(v),
                                })),
                            ]}
                            fault={faults.of('/vertical')} />
                    </div>
                    <div className="form-row">
                        <TextField label={t('accounts.site1')} type="url"
                            optional dir="ltr" value={f.site1} placeholder="https://"
                            onChange={(site1) => set({ site1 })}
                            fault={faults.of('/websites')
                                ?? faults.of('/websites/0')} />
                        <TextField label={t('accounts.site2')} type="url"
                            optional dir="ltr" value={f.site2} placeholder="https://"
                            onChange={(site2) => set({ site2 })}
                            fault={faults.of('/websites/1')} />
                    </div>
                </fieldset>
                {admin ? <FormEnd error={error}
                    busy={busy} off={!dirty || away} save={t('form.save')}
                    onCancel={dirty ? () => {
                        setForm(formOf(base));
                        setPicture('');
                        setError(null);
                    } : undefined} />
                    : <p className="notice"><Icon.Info />
                        <span>{t('accounts.readOnly')}</span>
                    </p>}
            </Card>
            <Seen of={a} f={f} picture={picture}
                name={base.name ?? a.health?.name ?? a.name} />
        </form>
    );
}


function Picture({ value, onChange, fault }: {
    value: string; onChange: (id: string) => void; fault?: string;
}) {
    const [error, setError] = useState<string>();
    const [busy, setBusy] = useState(false);

    const upload = async (input: HTMLInputElement) => {
        const file = input.files?.[0];

        if (file === undefined) {
            return;
        }

        setBusy(true);
        setError(undefined);

        try {
            const res = await fetch('/api/v1/media?filename='
                + encodeURIComponent(file.name.slice(-200)), {
                method: 'POST', body: file, credentials: 'same-origin',
                headers: { 'Content-Type': file.type
                           || 'application/octet-stream' },
            });
            const made = await res.json() as { id?: string; detail?: string };

            if (!res.ok || made.id === undefined) {
                setError(made.detail ?? t('problem.other'));
            } else {
                onChange(made.id);
            }
        } catch {
            setError(t('problem.network'));
        }

        setBusy(false);
    };

    return (
        <Field label={t('accounts.picture')} optional fault={error ?? fault}
            hint={busy ? t('accounts.uploading')
                : value !== '' ? t('accounts.pictureReady')
                : t('accounts.pictureHint')}>
            {(ids) => <input {...ids} type="file" className="acc-file"
                accept="image/jpeg,image/png"
                onChange={(e: Event) => void upload(
                    e.currentTarget as HTMLInputElement)} />}
        </Field>
    );
}


/* as WhatsApp shows a business */
function Seen({ of: a, f, picture, name }: {
    of: NumberDetail; f: Form; picture: string; name: string;
}) {
    const sites = [f.site1, f.site2].filter((s) => s.trim() !== '');

    return (
        <aside className="acc-seen" aria-label={t('accounts.seen')}>
            <p className="soft">{t('accounts.seen')}</p>
            <div className="acc-phone">
                {picture !== ''
                    ? <img className="acc-face" alt=""
                        src={`/api/v1/media/${picture}/content`} />
                    : <span className="acc-face"><Avatar name={name} /></span>}
                <strong><bdi>{name}</bdi></strong>
                <Phone of={a.phone} />
                {f.about !== '' && <p dir="auto">{f.about}</p>}
                <dl>
                    {f.vertical !== '' && <div>
                        <dt>{t('accounts.vertical')}</dt>
                        <dd>{tMaybe(`accounts.vertical.${f.vertical}`)
                             ?? humanise(f.vertical)}</dd>
                    </div>}
                    {f.description !== '' && <div>
                        <dt>{t('accounts.description')}</dt>
                        <dd dir="auto">{f.description}</dd>
                    </div>}
                    {f.address !== '' && <div>
                        <dt>{t('accounts.address')}</dt>
                        <dd dir="auto">{f.address}</dd>
                    </div>}
                    {f.email !== '' && <div>
                        <dt>{t('accounts.email')}</dt>
                        <dd><bdi>{f.email}</bdi></dd>
                    </div>}
                    {sites.length > 0 && <div>
                        <dt>{t('accounts.sites')}</dt>
                        {sites.map((s) => <dd key={s}><bdi>{s}</bdi></dd>)}
                    </div>}
                </dl>
            </div>
        </aside>
    );
}

/*
 * White label: name, accent and logo in the place of ours, with a look at it
 * before it is kept.  How light the accent is stays ours (lib/brand.ts).
 */

import { useRef, useState } from 'react';
import { t } from '../../lib/t';
import { Field, FormEnd, TextField, useFaultFocus, useFaults }
    from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card } from '../../ui/page';
import { uploadLogo, useLocked, useSave } from './data';
import type { Tagged } from './data';
import { Stale } from './stale';

const OURS = '#1f6f4a';


export function BrandForm({ from, reload }: {
    from: Tagged; reload: () => void;
}) {
    const b = from.settings.brand;
    const { save, busy, error, stale } = useSave(from);
    const [name, setName] = useState(b?.name ?? '');
    const [accent, setAccent] = useState(b?.accent ?? '');
    const [logo, setLogo] = useState(b?.logo_id ?? '');
    const [loading, setLoading] = useState(false);
    const [refused, setRefused] = useState<unknown>(null);
    const file = useRef<HTMLInputElement>(null);
    const faults = useFaults(error);
    const form = useFaultFocus(error);
    const locked = useLocked();

    const pick = async (f: File) => {
        setLoading(true);
        setRefused(null);

        try {
            setLogo(await uploadLogo(f));
        } catch (e) {
            setRefused(e);
        }

        setLoading(false);
    };

    return (
        <Card title={t('settings.tab.brand')} hint={t('settings.brandHint')}>
            <form className="form" ref={form} onSubmit={(e: Event) => {
                e.preventDefault();
                void save({
                    brand: name === '' && accent === '' && logo === '' ? null
                        : { name: name || null, accent: accent || null,
                            logo_id: logo || null },
                });
            }}>
                <fieldset className="form settings-fields"
                    disabled={locked !== undefined}>
                    <div className="form-row">
                        <TextField label={t('settings.brandName')} value={name}
                            placeholder={t('app.name')} maxLength={60}
                            onChange={setName} optional
                            fault={faults.of('/brand/name')} />
                        <Field label={t('settings.accent')} optional
                            hint={t('settings.accentHint')}
                            fault={faults.of('/brand/accent')}>
                            {(ids) => (
                                <div className="settings-accent">
                                    <input {...ids} type="color"
                                        value={accent || OURS}
                                        onInput={(e: Event) => setAccent(
                                            (e.currentTarget as
                                             HTMLInputElement).value)} />
                                    <code dir="ltr">{accent || OURS}</code>
                                    {accent !== ''
                                        && <button type="button"
                                            className="button button-small"
                                            onClick={() => setAccent('')}>
                                            <Icon.Undo />
                                            {t('settings.ours')}
                                        </button>}
                                </div>
                            )}
                        </Field>
                    </div>
                    <Field label={t('settings.logo')} optional
                        hint={t('settings.logoHint')}
                        fault={faults.of('/brand/logo_id')}>
                        {(ids) => (
                            <div className="settings-logo">
                                <span className="settings-logo-now"
                                    aria-hidden="true">
                                    {logo === '' ? <Icon.Mark />
                                        : <img alt="" src={`/api/v1/media/${
                                            encodeURIComponent(logo)
                                        }/content`} />}
                                </span>
                                <input ref={file} type="file" hidden
                                    accept="image/png,image/jpeg,image/webp"
                                    onChange={() => {
                                        const f = file.current?.files?.[0];

                                        if (f !== undefined) {
                                            void pick(f);
                                        }
                                    }} />
                                <button {...ids} type="button"
                                    className="button"
                                    aria-label={t('settings.chooseLogo')}
                                    aria-disabled={loading ? 'true'
                                        : undefined}
                                    onClick={() => file.current?.click()}>
                                    <Icon.Upload />{t(loading
                                        ? 'form.saving' : 'settings.choose')}
                                </button>
                                {logo !== ''
                                    && <button type="button"
                                        className="button button-quiet"
                                        onClick={() => setLogo('')}>
                                        {t('form.remove')}
                                    </button>}
                            </div>
                        )}
                    </Field>
                    {stale ? <Stale error={error} reload={reload} />
                        : <FormEnd error={refused ?? error} busy={busy
                            || locked !== undefined} save={t('form.save')} />}
                </fieldset>
            </form>
        </Card>
    );
}

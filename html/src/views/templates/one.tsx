/*
 * One template: how it looks, where it stands with the provider, its other
 * languages, what came of it, its versions; and what can be done with it.
 */

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { call } from '../../api/client';
import { full, humanise, moment, num, share } from '../../lib/format';
import { useKeys } from '../../lib/keys';
import { Link, go } from '../../lib/router';
import type { Place } from '../../lib/router';
import { t } from '../../lib/t';
import { FormEnd, SelectField, Toggle } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card, Facts, Head, Tabs } from '../../ui/page';
import { Dialog, Failed, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import {
    LANGUAGE_CODES, categoryText, languageName, statusText, tq, useMayChange,
    useTemplatesChanged,
} from './data';
import type { Template } from './data';
import { Preview } from './editor';
import { State } from './list';
import { Submit } from './submit';
import { Versions } from './versions';


export function One({ id, place }: { id: string; place: Place }) {
    const got = useQuery(tq.one(id));

    if (got.isPending) {
        return <Skeleton rows={5} kind="detail" />;
    }

    if (got.data === undefined) {
        return <Failed error={got.error} retry={() => void got.refetch()} />;
    }

    return <Shown key={id} of={got.data.of} place={place} />;
}


function Shown({ of: x, place }: { of: Template; place: Place }) {
    const [open, setOpen] = useState<'submit' | 'copy' | 'bin' | ''>('');
    const { may, why } = useMayChange();
    const at = place.parts[2] === 'versions' ? 'versions' : 'now';
    const close = () => setOpen('');
    const off = may ? undefined : 'true' as const;

    useKeys({ e: () => go(`/templates/${x.id}/edit`) });

    return (
        <>
            <Head back={{ to: '/templates', text: t('nav.templates') }}
                title={<bdi>{x.name}</bdi>}
                lead={<span className="tpl-lead">
                    <State of={x.status} />
                    <span>{languageName(x.language)}</span>
                    <span>{categoryText(x.category)}</span>
                </span>}>
                <button className="button" title={why} aria-disabled={off}
                    onClick={() => may && setOpen('bin')}>
                    <Icon.Trash />{t('templates.bin')}
                </button>
                <button className="button" title={why} aria-disabled={off}
                    onClick={() => may && setOpen('copy')}>
                    <Icon.Copy />{t('templates.copy')}
                </button>
                <Link to={`/templates/${x.id}/edit`} className="button">
                    <Icon.Edit />{t('templates.edit')}
                </Link>
                <button className="button button-main" title={why}
                    aria-disabled={off}
                    onClick={() => may && setOpen('submit')}>
                    <Icon.Send />{t('templates.submit')}
                </button>
            </Head>
            <Tabs label={x.name} at={at} items={[
                { key: 'now', to: `/templates/${x.id}`,
                  text: t('templates.now') },
                { key: 'versions', to: `/templates/${x.id}/versions`,
                  text: t('templates.versions'), count: num(x.version) },
            ]} />
            {at === 'versions' ? <Versions of={x} place={place} />
                : <Now of={x} />}
            {open === 'submit' && <Submit of={x} onClose={close} />}
            {open === 'copy' && <Copy of={x} onClose={close} />}
            {open === 'bin' && <Bin of={x} onClose={close} />}
        </>
    );
}


function Now({ of: x }: { of: Template }) {
    return (
        <div className="tpl-editor">
            <div className="stack">
                <Card title={t('templates.review')}>
                    <Timeline of={x} />
                </Card>
                <Languages of={x} />
                <Results of={x} />
            </div>
            <aside className="tpl-side" aria-label={t('templates.preview')}>
                <Preview of={x.document} language={x.language} />
            </aside>
        </div>
    );
}


function Timeline({ of: x }: { of: Template }) {
    const steps: [string, string | null, string | undefined][] = [
        [t('templates.step.made'), x.created_at, undefined],
        [t('templates.step.submitted'), x.submitted_at,
         x.submitted_version === null ? undefined
         : t('templates.step.version', { version: x.submitted_version })],
        [t('templates.step.checked'), x.checked_at,
         x.checked_at === null ? undefined : statusText(x.status)],
    ];

    const facts: [ReactNode, ReactNode][] = [];

    if (x.status_reason !== null) {
        facts.push([t('templates.reason'), <bdi>{x.status_reason}</bdi>]);
    }

    if (x.paused_until !== null) {
        facts.push([t('templates.pausedUntil'), moment(x.paused_until)]);
    }

    if (x.quality !== 'UNKNOWN') {
        facts.push([t('templates.quality'), humanise(x.quality.toLowerCase())]);
    }

    return (
        <>
            <ol className="tpl-timeline">
                {steps.map(([what, when, note]) => (
                    <li key={what} className={when === null ? 'is-open'
                        : 'is-replied'}>
                        <i aria-hidden="true" />
                        <span>{what}</span>
                        {when !== null
                            ? <time dateTime={when} title={full(when)}>
                                {moment(when)}
                            </time>
                            : <span className="soft">
                                {t('templates.step.notYet')}
                            </span>}
                        {note !== undefined
                            && <span className="soft">{note}</span>}
                    </li>
                ))}
            </ol>
            {facts.length > 0 && <Facts of={facts} />}
            {x.category_was !== null
                && <p className="notice is-unknown">
                    <Icon.Alert />
                    <span>{t('templates.repriced', {
                        from: categoryText(x.category_was),
                        to: categoryText(x.category) })}</span>
                </p>}
            {x.submitted_version !== null && x.submitted_version < x.version
                && <p className="notice is-unknown">
                    <Icon.Info />
                    <span>{t('templates.behind', {
                        sent: x.submitted_version, newest: x.version })}</span>
                </p>}
        </>
    );
}


function Languages({ of: x }: { of: Template }) {
    const got = useQuery(tq.languages(x.id));
    const [adding, setAdding] = useState(false);
    const { may, why } = useMayChange();

    return (
        <Card title={t('templates.languages')} actions={
            <button className="button button-small" title={why}
                aria-disabled={may ? undefined : 'true'}
                onClick={() => may && setAdding(true)}>
                <Icon.Plus />{t('templates.addLanguage')}
            </button>}>
            {got.isPending ? <Skeleton rows={2} kind="lines" />
                : got.data === undefined
                ? <Failed error={got.error}
                    retry={() => void got.refetch()} />
                : <ul className="tpl-siblings">
                    {got.data.data.map((r) => (
                        <li key={r.id}>
                            {r.id === x.id
                                ? <strong>{languageName(r.language)}</strong>
                                : <Link to={`/templates/${r.id}`}
                                    className="text-link">
                                    {languageName(r.language)}
                                </Link>}
                            <State of={r.status} />
                        </li>
                    ))}
                </ul>}
            {adding
                && <AddLanguage of={x} onClose={() => setAdding(false)}
                    taken={got.data?.data.map((r) => r.language)
                           ?? [x.language]} />}
        </Card>
    );
}


/* a copy in another language, to be translated in the editor */
function AddLanguage({ of: x, taken, onClose }: {
    of: Template; taken: string[]; onClose: () => void;
}) {
    const free = LANGUAGE_CODES.filter((c) => !taken.includes(c));

    return (
        <Duplicate of={x} onClose={onClose} title={t('templates.addLanguage')}
            action={t('templates.addLanguage')} languages={free}>
            <p>{t('templates.addLanguageWords')}</p>
        </Duplicate>
    );
}


function Copy({ of: x, onClose }: { of: Template; onClose: () => void }) {
    return (
        <Duplicate of={x} onClose={onClose} title={t('templates.copy')}
            action={t('templates.copy')}>
            <p>{t('templates.copyWords', { name: `${x.name}_copy` })}</p>
        </Duplicate>
    );
}


function Duplicate({ of: x, title, action, languages, children, onClose }: {
    of: Template; title: string; action: string; languages?: string[];
    children: ReactNode; onClose: () => void;
}) {
    const [language, setLanguage] = useState(languages?.[0] ?? '');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const changed = useTemplatesChanged();

    return (
        <Dialog title={title} onClose={onClose}>
            <form className="form" onSubmit={(e: Event) => {
                e.preventDefault();
                setBusy(true);
                call<Template>('POST', `/templates/${x.id}/duplicate`, {
                    body: languages === undefined ? {} : { language },
                }).then(async (made) => {
                    await changed();
                    go(`/templates/${made.id}/edit`);
                }, (why) => {
                    setError(why);
                    setBusy(false);
                });
            }}>
                {children}
                {languages !== undefined
                    && <SelectField label={t('templates.language')}
                        value={language} onChange={setLanguage}
                        options={languages.map((c) => ({
                            value: c, label: languageName(c) }))
                            .sort((a, b) =>
                                a.label.localeCompare(b.label))} />}
                <FormEnd error={error} busy={busy} save={action}
                    onCancel={onClose} />
            </form>
        </Dialog>
    );
}


function Bin({ of: x, onClose }: { of: Template; onClose: () => void }) {
    const [there, setThere] = useState(false);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const changed = useTemplatesChanged();

    async function drop() {
        setBusy(true);

        try {
            await call('DELETE', `/templates/${x.id}${there
                ? '?at_provider=true' : ''}`);
            await changed();
            toast({
                text: t('templates.binned', { name: x.name }),
                undo: there ? undefined : async () => {
                    try {
                        await call('POST', `/templates/${x.id}/restore`);
                        await changed();
                    } catch {
                        toast({ kind: 'failed',
                                text: t('templates.undoFailed') });
                    }
                },
            });
            go('/templates');

        } catch (e) {
            setError(e);
            setBusy(false);
        }
    }

    return (
        <Dialog title={t('templates.binTitle')} onClose={onClose}>
            <form className="form" onSubmit={(e: Event) => {
                e.preventDefault();
                void drop();
            }}>
                <p>{t('templates.binWords')}</p>
                {x.submitted_at !== null
                    && <Toggle label={t('templates.binThere')} on={there}
                        hint={t('templates.binThereHint')}
                        onChange={setThere} />}
                <FormEnd error={error} busy={busy} danger
                    save={t('templates.bin')} onCancel={onClose} />
            </form>
        </Dialog>
    );
}


function Results({ of: x }: { of: Template }) {
    const got = useQuery(tq.results(x.id));
    const rows = got.data?.data ?? [];

    if (got.isPending || rows.length === 0) {
        return got.isError
            ? <Failed error={got.error} retry={() => void got.refetch()} />
            : null;
    }

    return (
        <Card title={t('templates.results')}
            hint={t('templates.resultsHint')}>
            <div className="table-scroll" tabIndex={0} role="group"
                aria-label={t('templates.results')}>
                <table className="table">
                    <thead>
                        <tr>
                            <th scope="col">{t('templates.version')}</th>
                            <th scope="col" className="n">
                                {t('status.sent')}</th>
                            <th scope="col" className="n">
                                {t('status.delivered')}</th>
                            <th scope="col" className="n">
                                {t('status.read')}</th>
                            <th scope="col" className="n">
                                {t('status.replied')}</th>
                            <th scope="col" className="n">
                                {t('status.failed')}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {rows.map((r) => (
                            <tr key={`${r.language} ${r.version}`}>
                                <td><bdi>{r.language}</bdi> {num(r.version)}
                                </td>
                                <td className="n">{num(r.sent)}</td>
                                <td className="n">
                                    {share(r.delivered, r.sent)}</td>
                                <td className="n">{share(r.read, r.sent)}</td>
                                <td className="n">
                                    {share(r.replied, r.sent)}</td>
                                <td className="n">{num(r.failed)}</td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
        </Card>
    );
}

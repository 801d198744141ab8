/*
 * Where a message is written: from which number, as plain text or as a
 * template.  When the contact has not written for a day WhatsApp takes only
 * templates; that is said before sending, not after.  Drafts outlive the
 * page.
 */

import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { asProblem, call } from '../api/client';
import { q } from '../api/queries';
import type { Preview } from '../api/types';
import { duration } from '../lib/format';
import { useKeys } from '../lib/keys';
import { t } from '../lib/t';
import * as Icon from '../ui/icons';
import { Phone, Segments } from '../ui/parts';

export interface Draft {
    account: string;
    text: string;
    body: { text: string } | { template: { id: string } };
}

type Mode = 'text' | 'template';

const MAX = 4096;
const DAY_MS = 86_400_000;


function draftKey(contact: string): string {
    return `herald.draft.${contact}`;
}


function storedDraft(contact: string): string {
    try {
        return sessionStorage.getItem(draftKey(contact)) ?? '';
    } catch {
        return '';
    }
}


function storeDraft(contact: string, text: string): void {
    try {
        if (text === '') {
            sessionStorage.removeItem(draftKey(contact));
        } else {
            sessionStorage.setItem(draftKey(contact), text);
        }
    } catch {
        /* the draft lives as long as the page, then */
    }
}


export function Composer({ contact, lastIn, knowsAll, lastAccount, onSend }: {
    contact: string; lastIn: string | undefined; knowsAll: boolean;
    lastAccount: string | undefined; onSend: (d: Draft) => void;
}) {
    const accounts = useQuery(q.accounts());
    const [chosen, setChosen] = useState('');
    const [mode, setMode] = useState<Mode>('text');
    const all = accounts.data?.data ?? [];
    const account = all.find((a) => a.id === chosen)
                    ?? all.find((a) => a.id === lastAccount) ?? all[0];
    const left = lastIn === undefined ? 0
        : DAY_MS - (Date.now() - Date.parse(lastIn));
    const closed = left <= 0 && (lastIn !== undefined || knowsAll);

    if (accounts.data !== undefined && account === undefined) {
        return (
            <div className="composer">
                <p className="notice"><Icon.Info />
                    <span>{t('compose.noAccount')}</span></p>
            </div>
        );
    }

    const send = (text: string, body: Draft['body']) => {
        if (account !== undefined) {
            onSend({ account: account.id, text, body });
        }
    };

    return (
        <div className="composer">
            {closed && mode === 'text'
                && <p className="notice is-unknown composer-window">
                    <Icon.Clock />
                    <span><strong>{t('compose.window')}.</strong>
                        {' '}{t('compose.windowText')}</span>
                </p>}
            <div className="composer-top">
                <Segments<Mode>
                    label={t('compose.mode')} name="mode" value={mode}
                    options={[
                        { value: 'text', label: t('compose.modeText') },
                        { value: 'template',
                          label: t('compose.modeTemplate') },
                    ]}
                    onChange={setMode}
                />
                {left > 0
                    && <span className="soft composer-left">
                        {t('compose.windowLeft', {
                            time: duration(left / 1000),
                        })}
                    </span>}
                <label className="composer-from">
                    <span>{t('compose.from')}</span>
                    {all.length > 1
                        ? <select value={account?.id} onChange={(e: Event) =>
                            setChosen((e.currentTarget as HTMLSelectElement)
                                .value)}>
                            {all.map((a) => (
                                <option key={a.id} value={a.id}>
                                    {a.name}, {a.phone}
                                </option>
                            ))}
                        </select>
                        : <output><bdi>{account?.name}</bdi>{' '}
                            <Phone of={account?.phone} /></output>}
                </label>
            </div>
            {mode === 'text'
                ? <TextForm contact={contact}
                    onSend={(text) => send(text, { text })} />
                : <TemplateForm contact={contact}
                    onSend={(id, text) => {
                        send(text, { template: { id } });
                        setMode('text');
                    }} />}
        </div>
    );
}


function TextForm({ contact, onSend }: {
    contact: string; onSend: (text: string) => void;
}) {
    const [text, setText] = useState(() => storedDraft(contact));
    const field = useRef<HTMLTextAreaElement>(null);
    const length = Array.from(text).length;
    const ready = text.trim() !== '' && length <= MAX;

    useKeys({ r: () => field.current?.focus() });
    useEffect(() => storeDraft(contact, text), [text]);

    /* as high as its text, within the limit that the style sets */
    useLayoutEffect(() => {
        const el = field.current!;

        el.style.blockSize = 'auto';
        el.style.blockSize = `${el.scrollHeight + 2}px`;
    }, [text]);

    const submit = () => {
        if (ready) {
            onSend(text.trim());
            setText('');
            field.current?.focus();
        }
    };

    return (
        <form className="composer-form" onSubmit={(e: Event) => {
            e.preventDefault();
            submit();
        }}>
            <textarea
                ref={field} rows={1} value={text} dir="auto"
                aria-label={t('compose.text')}
                placeholder={t('compose.placeholder')}
                aria-describedby="compose-hint"
                onInput={(e: Event) => setText(
                    (e.currentTarget as HTMLTextAreaElement).value)}
                onKeyDown={(e: KeyboardEvent) => {
                    if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) {
                        e.preventDefault();
                        submit();

                    } else if (e.key === 'Escape') {
                        e.preventDefault();
                        field.current?.blur();
                    }
                }}
            />
            <button className="button button-main composer-send"
                aria-disabled={!ready}>
                <Icon.Send /><span>{t('compose.send')}</span>
            </button>
            <p id="compose-hint" className="composer-hint">
                {length > MAX
                    ? <span className="bad">
                        {t('compose.tooLong', { n: length - MAX })}</span>
                    : t('compose.hint')}
            </p>
        </form>
    );
}


function TemplateForm({ contact, onSend }: {
    contact: string; onSend: (id: string, text: string) => void;
}) {
    const templates = useQuery(q.templates());
    const [chosen, setChosen] = useState('');
    const all = templates.data?.data ?? [];
    const template = all.find((x) => x.id === chosen) ?? all[0];

    const preview = useQuery({
        queryKey: ['preview', template?.id, contact],
        enabled: template !== undefined,
        queryFn: ({ signal }) => call<Preview>('POST',
            `/templates/${encodeURIComponent(template!.id)}/preview`,
            { body: { contact_id: contact }, signal }),
    });

    if (templates.data !== undefined && template === undefined) {
        return <p className="soft">{t('compose.noTemplate')}</p>;
    }

    const p = preview.data;
    const ready = p !== undefined && p.missing.length === 0;

    return (
        <form className="composer-template" onSubmit={(e: Event) => {
            e.preventDefault();

            if (ready) {
                onSend(template!.id, p.body);
            }
        }}>
            <select value={template?.id} aria-label={t('compose.template')}
                onChange={(e: Event) => setChosen(
                    (e.currentTarget as HTMLSelectElement).value)}>
                {all.map((x) => (
                    <option key={x.id} value={x.id}>
                        {x.name}, {x.language}
                    </option>
                ))}
            </select>
            <button className="button button-main composer-send"
                aria-disabled={!ready}>
                <Icon.Send /><span>{t('compose.sendTemplate')}</span>
            </button>
            <div className="template-preview" aria-label={t('compose.preview')}
                role="group" aria-busy={preview.isPending}>
                {p !== undefined
                    ? <>
                        {p.header && <p dir="auto"><strong>{p.header}
                        </strong></p>}
                        <p dir="auto">{p.body}</p>
                        {p.footer && <p dir="auto" className="soft">
                            {p.footer}</p>}
                    </>
                    : preview.isError
                    ? <p className="bad">{asProblem(preview.error).words}</p>
                    : <p className="soft">{t('state.loading')}</p>}
            </div>
            {p !== undefined && p.missing.length > 0
                && <p className="bad composer-hint">
                    {t('compose.missing', { names: p.missing.join(', ') })}
                </p>}
        </form>
    );
}

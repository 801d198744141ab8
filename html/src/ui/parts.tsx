/*
 * Small parts that every view uses: people, statuses, the four states of
 * whatever is loaded, dialogs.  What users typed is only ever a text node.
 */

import { useEffect, useRef } from 'react';
import type { ReactNode } from 'react';
import { asProblem } from '../api/client';
import { humanise } from '../lib/format';
import { t, tMaybe } from '../lib/t';
import * as Icon from './icons';


/* names and numbers keep their own direction inside any sentence */
export function Name({ of }: { of: string | null | undefined }) {
    return of
        ? <bdi className="name">{of}</bdi>
        : <span className="name unnamed">{t('contacts.unnamed')}</span>;
}


export function Phone({ of }: { of: string | null | undefined }) {
    return of ? <bdi className="phone" dir="ltr">{of}</bdi> : <span>–</span>;
}


function initials(name: string | null): string {
    const words = (name ?? '').split(/\s+/)
        .filter((w) => /^\p{L}/u.test(w));
    const pick = words.length > 1 ? [words[0]!, words[words.length - 1]!]
        : words;

    return pick.map((w) => Array.from(w)[0]!.toLocaleUpperCase()).join('');
}


export function Avatar({ name }: { name: string | null }) {
    return <span className="avatar" aria-hidden="true">{initials(name)}</span>;
}


const LOOK: Record<string, [string, (p: { className?: string }) => ReactNode]> = {
    queued: ['open', Icon.Clock],
    sending: ['open', Icon.Clock],
    accepted: ['sent', Icon.Tick],
    sent: ['sent', Icon.Tick],
    delivered: ['delivered', Icon.TwoTicks],
    read: ['read', Icon.TwoTicks],
    played: ['read', Icon.TwoTicks],
    replied: ['replied', Icon.Reply],
    failed: ['failed', Icon.Alert],
    skipped: ['skipped', Icon.Skip],
    unknown: ['unknown', Icon.Query],
    received: ['open', Icon.Reply],
};


export function statusWord(status: string): string {
    return tMaybe(`status.${status}`) ?? humanise(status);
}


/* the icon of a status; its word is there for who does not see it */
export function StatusIcon({ status }: { status: string }) {
    const [look, Shape] = LOOK[status] ?? ['open', Icon.Clock];

    return (
        <span className={`status-icon is-${look}`} data-status={status}
            title={statusWord(status)}>
            <Shape />
            <span className="sr">{statusWord(status)}</span>
        </span>
    );
}


export function Status({ status }: { status: string }) {
    const [look, Shape] = LOOK[status] ?? ['open', Icon.Clock];

    return (
        <span className={`status is-${look}`} data-status={status}>
            <Shape />{statusWord(status)}
        </span>
    );
}


/* why a message failed or was left out, in words where we have them */
export function whyNot(row: {
    status: string; error_code?: number | string | null;
    error?: string | null; reason?: string | null;
}): string {
    if (row.status === 'unknown') {
        return t('status.unknownDetail');
    }

    const said = row.error || row.reason || '';
    const code = row.error_code ?? '';

    return (code !== '' ? tMaybe(`error.${code}`) : undefined)
           ?? (row.reason ? tMaybe(`reason.${row.reason}`) : undefined)
           ?? (/^[a-z0-9_.]+$/.test(said)
               ? tMaybe(`reason.${said}`) ?? humanise(said) : said);
}


export function Empty({ icon, title, next, children }: {
    icon?: ReactNode; title: string; next?: string; children?: ReactNode;
}) {
    return (
        <div className="state">
            {icon}
            <h2>{title}</h2>
            {next !== undefined && <p>{next}</p>}
            {children}
        </div>
    );
}


export function Failed({ error, retry, title }: {
    error: unknown; retry?: () => void; title?: string;
}) {
    const p = asProblem(error);

    return (
        <div className="state" role="alert">
            <Icon.Alert className="state-bad" />
            <h2>{title ?? t('state.failed')}</h2>
            <p>{p.words}</p>
            {retry !== undefined
                && <button className="button" onClick={retry}>
                    {t('state.retry')}
                </button>}
            <RequestId of={p.requestId} />
        </div>
    );
}


export function RequestId({ of }: { of: string | undefined }) {
    return of === undefined ? null
        : <p className="request-id">
            {t('state.requestId', { id: '' })}<bdi>{of}</bdi>
        </p>;
}


/* a problem beside what caused it */
export function Notice({ error, onClose }: {
    error: unknown; onClose?: () => void;
}) {
    const p = asProblem(error);

    return (
        <div className="notice is-failed" role="alert">
            <Icon.Alert />
            <div>
                <p>{p.words}</p>
                <RequestId of={p.requestId} />
            </div>
            {onClose !== undefined
                && <button className="icon-button" onClick={onClose}
                    aria-label={t('contact.close')}>
                    <Icon.Close />
                </button>}
        </div>
    );
}


export function Skeleton({ rows, kind }: { rows: number; kind: string }) {
    return (
        <div className={`skeleton skeleton-${kind}`} role="status">
            <span className="sr">{t('state.loading')}</span>
            {Array.from({ length: rows }, (_, i) => (
                <div key={i} className="skeleton-row" aria-hidden="true">
                    <i /><i /><i />
                </div>
            ))}
        </div>
    );
}


/* the browser's own dialog: it traps the focus and gives it back */
export function Dialog({ title, onClose, children, className }: {
    title: string; onClose: () => void; children: ReactNode;
    className?: string;
}) {
    const ref = useRef<HTMLDialogElement>(null);

    useEffect(() => {
        const d = ref.current!;

        d.showModal();

        return () => d.close();
    }, []);

    return (
        <dialog
            ref={ref} className={`dialog ${className ?? ''}`}
            aria-labelledby="dialog-title"
            onCancel={(e: Event) => {
                e.preventDefault();
                onClose();
            }}
            onClick={(e: MouseEvent) => {
                if (e.target === ref.current) {
                    onClose();
                }
            }}
        >
            <div className="dialog-body">
                <h2 id="dialog-title">{title}</h2>
                {children}
            </div>
        </dialog>
    );
}


/* a choice between a few: radio buttons in the shape of a switch */
export function Segments<V extends string>({ label, name, value, options,
    onChange, className }: {
    label: string; name: string; value: V; className?: string;
    options: { value: V; label: ReactNode; hint?: string }[];
    onChange: (v: V) => void;
}) {
    return (
        <fieldset className={`segments ${className ?? ''}`}>
            <legend className="sr">{label}</legend>
            {options.map((o) => (
                <label key={o.value} title={o.hint}>
                    <input
                        type="radio" name={name} value={o.value}
                        checked={o.value === value} aria-label={o.hint}
                        onChange={() => onChange(o.value)}
                    />
                    <span>{o.label}</span>
                </label>
            ))}
        </fieldset>
    );
}

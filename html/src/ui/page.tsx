/*
 * What pages are laid out with: a head with its actions, cards, tabs, a list of
 * names and values, numbers, steps.
 */

import { useId, useRef } from 'react';
import type { ReactNode } from 'react';
import { Link } from '../lib/router';
import * as Icon from './icons';


/* the head of a page: what it is, what can be done */
export function Head({ title, lead, back, children }: {
    title: ReactNode; lead?: ReactNode;
    back?: { to: string; text: string }; children?: ReactNode;
}) {
    return (
        <header className="page-head">
            <div className="page-title">
                {back !== undefined
                    && <Link to={back.to} className="page-back">
                        <Icon.Back />{back.text}
                    </Link>}
                <h2>{title}</h2>
                {lead !== undefined && <p className="soft">{lead}</p>}
            </div>
            {children !== undefined
                && <div className="page-actions">{children}</div>}
        </header>
    );
}


export function Card({ title, hint, actions, children, className }: {
    title?: ReactNode; hint?: ReactNode; actions?: ReactNode;
    children?: ReactNode; className?: string;
}) {
    const id = useId();

    return (
        <section className={`card ${className ?? ''}`}
            aria-labelledby={title !== undefined ? id : undefined}>
            {(title !== undefined || actions !== undefined)
                && <header className="card-head">
                    <div>
                        {title !== undefined && <h3 id={id}>{title}</h3>}
                        {hint !== undefined && <p className="soft">{hint}</p>}
                    </div>
                    {actions !== undefined
                        && <div className="card-actions">{actions}</div>}
                </header>}
            {children}
        </section>
    );
}


/* tabs that are places: each is a link, so that a view can be shared */
export function Tabs({ label, at, items }: {
    label: string; at: string;
    items: { to: string; key: string; text: ReactNode; count?: ReactNode }[];
}) {
    const list = useRef<HTMLElement>(null);

    return (
        <nav className="tabs" aria-label={label} ref={list}
            onKeyDown={(e: KeyboardEvent) => {
                const step = e.key === 'ArrowRight' ? 1
                    : e.key === 'ArrowLeft' ? -1 : 0;

                if (step === 0) {
                    return;
                }

                const links = [...list.current!.querySelectorAll('a')];
                const way = getComputedStyle(list.current!).direction === 'rtl'
                    ? -step : step;
                const i = links.indexOf(document.activeElement as
                                        HTMLAnchorElement);

                links[(i + way + links.length) % links.length]?.focus();
            }}>
            {items.map((i) => (
                <Link key={i.key} to={i.to} className="tab"
                    aria-current={i.key === at ? 'page' : undefined}>
                    {i.text}
                    {i.count !== undefined
                        && <span className="tab-count">{i.count}</span>}
                </Link>
            ))}
        </nav>
    );
}


export function Facts({ of }: { of: [ReactNode, ReactNode][] }) {
    return (
        <dl className="facts">
            {of.map(([name, value], i) => (
                <div key={i}><dt>{name}</dt><dd>{value}</dd></div>
            ))}
        </dl>
    );
}


/* a number that matters, with its unit and its change, and where it leads */
export function Stat({ label, value, note, to, look }: {
    label: ReactNode; value: ReactNode; note?: ReactNode; to?: string;
    look?: string;
}) {
    const inside = <>
        <span className="stat-label">{label}</span>
        <strong className="stat-value">{value}</strong>
        {note !== undefined && <span className="stat-note">{note}</span>}
    </>;

    return to !== undefined
        ? <Link to={to} className={`stat ${look ? `is-${look}` : ''}`}>
            {inside}
        </Link>
        : <div className={`stat ${look ? `is-${look}` : ''}`}>{inside}</div>;
}


/* the way through a wizard */
export function Steps({ label, at, items, onGo }: {
    label: string; at: number; items: string[];
    onGo?: (i: number) => void;
}) {
    return (
        <ol className="steps" aria-label={label}>
            {items.map((text, i) => (
                <li key={text} aria-current={i === at ? 'step' : undefined}
                    className={i < at ? 'is-done' : ''}>
                    <button disabled={onGo === undefined || i > at}
                        onClick={() => onGo?.(i)}>
                        <span className="step-n" aria-hidden="true">
                            {i < at ? <Icon.Check /> : i + 1}
                        </span>
                        {text}
                    </button>
                </li>
            ))}
        </ol>
    );
}

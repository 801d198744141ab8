/*
 * What WhatsApp would say, at the fields it would say it of.  A refusal of
 * the server names fields the same way, and is shown there too.
 */

import { createContext, useContext } from 'react';
import { t, tn } from '../../lib/t';
import * as Icon from '../../ui/icons';
import type { Finding } from './data';

export const Findings = createContext<Finding[]>([]);


/* what is said of a field and of all below it that has no field of its own */
export function useMarks(at: string, below = false): Finding[] {
    return useContext(Findings).filter((f) => f.pointer === at
        || below && f.pointer.startsWith(`${at}/`));
}


/* for a field's `fault`: errors only, warnings stand below it */
export function useFault(at: string): string | undefined {
    const e = useMarks(at).filter((f) => f.level === 'error');

    return e.length === 0 ? undefined
        : e.map((f) => `${f.words} ${f.fix}`.trim()).join(' ');
}


/* so many characters of so many, which reads the same in every script */
export function Length({ of, max }: { of: string; max: number }) {
    return <bdi dir="ltr" className={of.length > max ? 'bad' : ''}>
        {of.length} / {max}
    </bdi>;
}


export function Warnings({ at, errors = false }: {
    at: string; errors?: boolean;
}) {
    const all = useMarks(at).filter((f) => errors || f.level === 'warning');

    return all.length === 0 ? null : <>
        {all.map((f) => (
            <p key={f.code} className={`tpl-mark is-${
                f.level === 'error' ? 'failed' : 'unknown'}`}>
                <Icon.Alert /><span>{f.words} {f.fix}</span>
            </p>
        ))}
    </>;
}


function focusAt(pointer: string): void {
    for (let at = pointer; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
        const el = document.querySelector<HTMLElement>(
            `[data-at="${CSS.escape(at)}"]`);

        if (el !== null) {
            const field = el.matches('input, textarea, select, button') ? el
                : el.querySelector<HTMLElement>('input, textarea, select, '
                                                + 'button');

            el.scrollIntoView({ block: 'center' });
            field?.focus({ preventScroll: true });

            return;
        }
    }
}


export function Verdict({ busy }: { busy: boolean }) {
    const all = useContext(Findings);
    const errors = all.filter((f) => f.level === 'error').length;

    return (
        <section className="tpl-verdict" aria-labelledby="tpl-verdict"
            aria-busy={busy}>
            <h3 id="tpl-verdict">{t('templates.verdict')}</h3>
            <p role="status" className={`tpl-mark is-${errors > 0 ? 'failed'
                : all.length > 0 ? 'unknown' : 'replied'}`}>
                {all.length > 0 ? <Icon.Alert /> : <Icon.Check />}
                <span>
                    {errors > 0 ? tn('templates.errors', errors)
                        : all.length > 0
                        ? tn('templates.warnings', all.length)
                        : t('templates.clean')}
                </span>
            </p>
            {all.length > 0
                && <ul>
                    {all.map((f, i) => (
                        <li key={`${f.pointer}${f.code}${i}`}
                            className={`is-${f.level === 'error' ? 'failed'
                                : 'unknown'}`}>
                            <button type="button"
                                onClick={() => focusAt(f.pointer)}>
                                <i aria-hidden="true" />
                                <span>{f.words}</span>
                            </button>
                        </li>
                    ))}
                </ul>}
        </section>
    );
}

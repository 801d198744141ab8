/*
 * The funnel: five stages, each a part of the one before, as columns on a
 * wide page and as bars on a phone.  Under it the ledger: every one of the
 * audience is sent, waiting, failed, skipped or unknown, and the five add up.
 */

import type { Counters } from '../api/types';
import { num, share } from '../lib/format';
import { vars } from '../lib/hooks';
import { Link, withQuery } from '../lib/router';
import type { Place } from '../lib/router';
import { t, tn } from '../lib/t';
import type { TextKey } from '../lib/t';
import * as Icon from '../ui/icons';


export function Funnel({ of: c }: { of: Counters }) {
    const part = (n: number) => c.audience > 0 ? n / c.audience : 0;

    /* a share of nothing would be a dash; a space keeps the line's height */
    const of = (key: TextKey, n: number, all: number) =>
        all > 0 ? t(key, { share: share(n, all) }) : '\u00a0';

    const stages = [
        { key: 'audience', n: c.audience, note: t('funnel.contacts') },
        { key: 'sent', n: c.sent,
          note: of('funnel.ofAudience', c.sent, c.audience) },
        { key: 'delivered', n: c.delivered,
          note: of('funnel.ofSent', c.delivered, c.sent) },
        { key: 'read', n: c.read,
          note: of('funnel.ofDelivered', c.read, c.delivered) },
        { key: 'replied', n: c.replied,
          note: of('funnel.ofRead', c.replied, c.read) },
    ] as const;

    return (
        <ol className="funnel" aria-label={t('funnel.label')}>
            {stages.map((s, i) => {
                const next = stages[i + 1];

                return (
                    <li key={s.key} className={`stage is-${s.key}`}
                        data-stage={s.key} data-value={s.n}
                        style={vars({
                            '--p': part(s.n),
                            '--n': next === undefined ? 0 : part(next.n),
                        })}>
                        <span className="stage-name">
                            {t(`funnel.${s.key}`)}
                        </span>
                        <strong className="stage-value">{num(s.n)}</strong>
                        <span className="stage-note">{s.note}</span>
                        <span className="stage-plot" aria-hidden="true">
                            <i className="stage-bar" />
                            {next !== undefined
                                && <i className={`stage-link is-${next.key}`}
                                />}
                        </span>
                    </li>
                );
            })}
        </ol>
    );
}


const PARTS = ['sent', 'queued', 'failed', 'skipped', 'unknown'] as const;


export function Ledger({ of: c, place }: { of: Counters; place: Place }) {
    const shown = place.query.get('status') ?? '';

    return (
        <section className="ledger" aria-labelledby="ledger-title">
            <h3 id="ledger-title" className="section-title">
                {t('ledger.title')}
            </h3>
            <div className="ledger-bar" aria-hidden="true">
                {PARTS.map((p) => (
                    <i key={p} className={`is-${p}`} style={vars({
                        '--p': c.audience > 0 ? c[p] / c.audience : 0,
                    })} data-none={c[p] === 0 ? '' : undefined} />
                ))}
            </div>
            <ul className="ledger-parts">
                {PARTS.map((p) => {
                    const label = <>
                        <i className={`key is-${p}`} aria-hidden="true" />
                        <span>{t(`ledger.${p}`)}</span>
                        <strong data-part={p}>{num(c[p])}</strong>
                        <span className="soft">
                            {share(c[p], c.audience)}
                        </span>
                    </>;

                    return (
                        <li key={p}>
                            {p !== 'sent' && c[p] > 0
                                ? <Link replace
                                    to={withQuery(place, {
                                        status: shown === p ? '' : p,
                                    })}
                                    aria-current={shown === p
                                        ? 'true' : undefined}
                                    title={t('ledger.show', {
                                        what: t(`ledger.${p}`)
                                            .toLocaleLowerCase(),
                                    })}>
                                    {label}
                                </Link>
                                : <span className="ledger-part">{label}</span>}
                        </li>
                    );
                })}
            </ul>
            {c.unknown > 0
                && <p className="notice is-unknown">
                    <Icon.Query />
                    <span>{tn('ledger.unknownHint', c.unknown)}</span>
                </p>}
        </section>
    );
}

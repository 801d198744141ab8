/*
 * What came of the parts: the variants beside each other with the verdict on
 * them, the steps with theirs, the links that were followed.
 */

import type { Broadcast } from '../../api/types';
import { duration, num, share, stamp } from '../../lib/format';
import { vars } from '../../lib/hooks';
import { region, t, tMaybe, tn } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { letter, usePart } from './model';
import type { Choice, Clicked, Full, Metric, Stage, VariantResult }
    from './model';

const RATES: Metric[] = ['delivered', 'read', 'replied'];


export function Variants({ of: b }: { of: Full }) {
    const on = (b.variants?.length ?? 0) > 1 && b.counters.audience > 0;
    const list = usePart<VariantResult>(b.id, 'variants',
                                        b.status === 'sending', on);
    const rows = list.data ?? [];

    if (!on || rows.length === 0) {
        return null;
    }

    const metric = b.test_result?.metric ?? b.test?.metric ?? 'read';
    const top = Math.max(...rows.map((v) => rateOf(v, metric)), 0.0001);

    return (
        <section className="results" aria-labelledby="variants-title">
            <h3 id="variants-title" className="section-title">
                {t('results.variants')}
            </h3>
            <Verdict of={b} />
            <div className="table-scroll" tabIndex={0} role="region"
                aria-labelledby="variants-title">
                <table className="results-table">
                    <thead>
                        <tr>
                            <th scope="col">{t('results.variant')}</th>
                            <th scope="col" className="n">
                                {t('funnel.audience')}</th>
                            <th scope="col" className="n">
                                {t('funnel.sent')}</th>
                            {RATES.map((r) => (
                                <th key={r} scope="col" className="n">
                                    {t(`funnel.${r}`)}</th>
                            ))}
                            <th scope="col" className="n">
                                {t('ledger.failed')}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {rows.map((v) => (
                            <tr key={v.variant}
                                data-winner={v.winner ? '' : undefined}>
                                <th scope="row">
                                    <span className="variant-letter">
                                        {letter(v.variant)}</span>
                                    <bdi>{v.template ?? '–'}</bdi>
                                    {v.winner
                                        && <span className="variant-won">
                                            <Icon.Check />
                                            {t('results.won')}</span>}
                                </th>
                                <td className="n">{num(v.audience)}</td>
                                <td className="n">{num(v.sent)}</td>
                                {RATES.map((r) => (
                                    <td key={r} className={`n is-${r}`}>
                                        {share(v[r], v.sent)}
                                        {r === metric
                                            && <i className="rate-bar"
                                                aria-hidden="true"
                                                style={vars({ '--p':
                                                    rateOf(v, r) / top })} />}
                                    </td>
                                ))}
                                <td className="n">{num(v.failed)}</td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
        </section>
    );
}


function rateOf(v: VariantResult, metric: Metric): number {
    return v.sent > 0 ? v[metric] / v.sent : 0;
}


function Verdict({ of: b }: { of: Full }) {
    const r = b.test_result;

    if (b.test === null) {
        return null;
    }

    if (r === null) {
        return <p className="soft">{t('results.testing', {
            metric: t(`new.metric.${b.test.metric ?? 'read'}`),
        })}</p>;
    }

    const p = new Intl.NumberFormat(region, { maximumFractionDigits: 4 })
        .format(r.p);

    return r.winner !== null
        ? <p className="notice is-replied" data-verdict="winner">
            <Icon.Check />
            <span>{t('results.winner', {
                letter: letter(r.winner), metric: t(`new.metric.${r.metric}`),
                p,
            })}</span>
        </p>
        : <p className="notice" data-verdict={r.reason}>
            <Icon.Info />
            <span>{tMaybe(`results.none.${r.reason}`, {
                n: num(r.min_sample), p,
            }) ?? t('results.none')}</span>
        </p>;
}


export function Stages({ of: b }: { of: Full }) {
    const on = b.ramp !== null || b.test !== null || b.local_time !== null;
    const list = usePart<Stage>(b.id, 'stages',
                                b.status === 'sending', on
                                && b.counters.audience > 0);
    const rows = list.data ?? [];

    if (!on || rows.length === 0) {
        return null;
    }

    return (
        <section className="results" aria-labelledby="stages-title">
            <h3 id="stages-title" className="section-title">
                {t('results.stages')}
            </h3>
            <ol className="stages">
                {rows.map((s, i) => (
                    <StageRow key={s.n} of={s} broadcast={b}
                        from={i === 0 ? 0 : rows[i - 1]!.to_seq} />
                ))}
            </ol>
        </section>
    );
}


function StageRow({ of: s, from, broadcast: b }: {
    of: Stage; from: number; broadcast: Broadcast;
}) {
    const bad = s.verdict !== null && s.verdict !== 'passed';
    const state = bad ? 'failed'
        : s.verdict === 'passed' || s.sent_at !== null && s.wait_s === 0
          || b.status === 'completed' ? 'replied'
        : s.opened_at !== null ? 'read' : 'open';
    const judged = s.sent_at === null ? undefined
        : Date.parse(s.sent_at) + s.wait_s * 1000;

    return (
        <li className={`stage-row is-${state}`} data-verdict={s.verdict ?? ''}>
            <i className="key" aria-hidden="true" />
            <span className="stage-kind">
                {t(`results.stage.${s.kind}`)}
                {s.opens_at !== null
                    && <span className="soft">{stamp(s.opens_at)}</span>}
            </span>
            <span className="soft">{tn('results.people', s.to_seq - from)}
            </span>
            <span className={bad ? 'bad' : ''}>
                {bad ? tMaybe(`results.verdict.${s.verdict}`) ?? s.verdict
                    : s.verdict === 'passed' ? t('results.passed')
                    : b.status === 'completed' ? t('results.stageDone')
                    : b.status === 'cancelled' ? t('broadcast.cancelled')
                    : s.opened_at === null ? t('results.stageWaits')
                    : s.sent_at === null ? t('results.stageSends')
                    : judged !== undefined && judged > Date.now()
                    ? t('results.stageJudges', {
                        time: duration((judged - Date.now()) / 1000),
                    })
                    : t('results.stageDone')}
            </span>
        </li>
    );
}


/* links and buttons that people chose; nothing is shown where none are */
export function Answers({ of: b }: { of: Full }) {
    const begun = b.counters.sent > 0;
    const links = usePart<Clicked>(b.id, 'links', false, begun);
    const choices = usePart<Choice>(b.id, 'choices', false, begun);
    const rows = [
        ...(links.data ?? []).map((l) => ({
            key: l.url, text: l.url, people: l.people,
        })),
        ...(choices.data ?? []).map((c) => ({
            key: c.choice, text: c.title, people: c.people,
        })),
    ];

    if (rows.length === 0) {
        return null;
    }

    return (
        <section className="results" aria-labelledby="answers-title">
            <h3 id="answers-title" className="section-title">
                {t('results.answers')}
            </h3>
            <ul className="answers">
                {rows.map((r) => (
                    <li key={r.key}>
                        <bdi className="answer-text">{r.text}</bdi>
                        <span>{tn('results.people', r.people)}</span>
                        <span className="soft">
                            {share(r.people, b.counters.sent)}</span>
                    </li>
                ))}
            </ul>
        </section>
    );
}

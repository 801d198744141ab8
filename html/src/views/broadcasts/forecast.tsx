/*
 * The forecast in words and bars: whom it reaches and why not the others,
 * what it costs, when it will be over, what to look at first.
 */

import { duration, num, share } from '../../lib/format';
import { vars } from '../../lib/hooks';
import { region, t, tMaybe, tn } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { Card, Facts } from '../../ui/page';
import { money } from './model';
import type { Counted, Forecast, Warning } from './model';
import { zoned } from './zone';


/* who is in, who is out, each once: the parts make the whole */
export function Reach({ of: f }: { of: Forecast }) {
    const out = f.excluded.filter((x) => x.count > 0);
    const later = f.deferred.filter((x) => x.count > 0);
    const part = (n: number) =>
        vars({ '--p': f.audience > 0 ? n / f.audience : 0 });

    return (
        <div className="reach" data-audience={f.audience}
            data-reachable={f.reachable}>
            <p className="reach-sum">
                <strong>{num(f.reachable)}</strong>
                <span>{tn('reach.of', f.audience)}</span>
            </p>
            <div className="ledger-bar" aria-hidden="true">
                <i className="is-replied" style={part(f.reachable)}
                    data-none={f.reachable === 0 ? '' : undefined} />
                {out.map((x) => (
                    <i key={x.reason} className="is-skipped"
                        style={part(x.count)} />
                ))}
            </div>
            {out.length > 0
                ? <table className="reach-table">
                    <caption className="sr">{t('reach.why')}</caption>
                    <tbody>
                        {out.map((x) => (
                            <Reason key={x.reason} of={x} all={f.audience} />
                        ))}
                    </tbody>
                </table>
                : f.audience > 0
                && <p className="soft">{t('reach.everybody')}</p>}
            {later.map((x) => (
                <p key={x.reason} className="reach-later">
                    <Icon.Clock />
                    <span>{tn('reach.later', x.count, {
                        why: wordsOf(x),
                    })}</span>
                </p>
            ))}
        </div>
    );
}


function wordsOf(x: Counted): string {
    return tMaybe(`reason.${x.reason}`) ?? x.words;
}


function Reason({ of: x, all }: { of: Counted; all: number }) {
    const fix = tMaybe(`reach.fix.${x.reason}`);

    return (
        <tr data-reason={x.reason}>
            <th scope="row">
                <i className="key is-skipped" aria-hidden="true" />
                <span>
                    {wordsOf(x)}
                    {fix !== undefined
                        && <span className="soft reach-fix">{fix}</span>}
                </span>
            </th>
            <td>{num(x.count)}</td>
            <td className="soft">{share(x.count, all)}</td>
        </tr>
    );
}


export function Warnings({ of }: { of: Warning[] }) {
    return of.length === 0 ? null : (
        <ul className="warnings">
            {of.map((w, i) => (
                <li key={i} className="notice is-unknown" data-code={w.code}>
                    <Icon.Alert />
                    <span>{tMaybe(`warning.${w.code}`) ?? w.detail}</span>
                </li>
            ))}
        </ul>
    );
}


function country(code: string | null): string {
    try {
        return code === null ? t('forecast.noCountry')
            : new Intl.DisplayNames(region, { type: 'region' }).of(code)
              ?? code;
    } catch {
        return code ?? '';
    }
}


export function Cost({ of: f }: { of: Forecast }) {
    const { currency, total, by } = f.cost;

    return (
        <Card title={t('forecast.cost')} hint={t('forecast.costHint')}>
            <p className="forecast-sum">
                {total === null ? t('forecast.noPrices')
                    : money(total, currency)}
            </p>
            {by.length > 0 && total !== null
                && <div className="table-scroll">
                    <table className="table forecast-table">
                        <thead>
                            <tr>
                                <th scope="col">{t('forecast.country')}</th>
                                <th scope="col">{t('forecast.category')}</th>
                                <th scope="col" className="n">
                                    {t('forecast.messages')}</th>
                                <th scope="col" className="n">
                                    {t('forecast.price')}</th>
                                <th scope="col" className="n">
                                    {t('forecast.amount')}</th>
                            </tr>
                        </thead>
                        <tbody>
                            {by.map((x, i) => (
                                <tr key={i}>
                                    <td>{country(x.country)}</td>
                                    <td>{tMaybe(`category.${x.category}`)
                                         ?? x.category}</td>
                                    <td className="n">{num(x.count)}</td>
                                    <td className="n">{x.price === null ? '–'
                                        : money(x.price, currency)}</td>
                                    <td className="n">{x.amount === null ? '–'
                                        : money(x.amount, currency)}</td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>}
            {f.spend !== null
                && <p className={f.spend.exceeded ? 'bad' : 'soft'}>
                    {t('forecast.spend', {
                        left: money(f.spend.left, currency),
                        limit: money(f.spend.limit, currency),
                    })}
                </p>}
        </Card>
    );
}


export function Timing({ of: f, zone }: { of: Forecast; zone: string }) {
    const seconds = f.finish_at === null ? undefined
        : (Date.parse(f.finish_at) - Date.parse(f.start_at)) / 1000;

    return (
        <Card title={t('forecast.time')} hint={t('forecast.timeHint', {
            zone,
        })}>
            <Facts of={[
                [t('forecast.start'), Date.parse(f.start_at)
                    - Date.now() < 60_000 ? t('forecast.atOnce')
                    : zoned(f.start_at, zone)],
                [t('forecast.finish'), f.finish_at === null
                    ? t('forecast.never') : zoned(f.finish_at, zone)],
                [t('forecast.takes'), seconds === undefined ? '–'
                    : duration(seconds)],
                [t('forecast.rate'), f.rate === null ? t('forecast.noRate')
                    : tn('forecast.perMinute', Math.round(f.rate), {
                        by: tMaybe(`forecast.by.${f.rate_by}`) ?? '',
                    })],
                ...(f.ahead > 0
                    ? [[t('forecast.ahead'), num(f.ahead)] as
                       [string, string]] : []),
                ...(f.portfolio !== null && f.portfolio.limit !== null
                    ? [[t('forecast.portfolio'), t('forecast.portfolioLeft', {
                        needed: num(f.portfolio.needed),
                        left: num(f.portfolio.left ?? 0),
                    })] as [string, string]] : []),
            ]} />
        </Card>
    );
}

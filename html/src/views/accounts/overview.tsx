/*
 * How a number does: what its provider says, what may still be sent, what
 * waits; and of a phone behind a QR code, its session.
 */

import { useQuery } from '@tanstack/react-query';
import { qn } from '../../api/accounts';
import type { Health, NumberDetail, QueueRow } from '../../api/accounts';
import { duration, humanise, moment, num, when } from '../../lib/format';
import { t, tMaybe, tn } from '../../lib/t';
import { Card, Facts, Stat } from '../../ui/page';
import { SessionCard } from './session';
import { Quality, Used, qualityOf, rateWords, tierWords } from './words';


export function Overview({ of: a }: { of: NumberDetail }) {
    const queue = useQuery(qn.queue());
    const now = queue.data?.data.find((r) => r.account_id === a.id);

    return (
        <div className="stack">
            {a.provider === 'waha' && <SessionCard of={a} />}
            {a.provider === 'waha' ? <PhoneStats of={a} />
                : <Stats of={a} />}
            <div className="grid">
                <HealthCard of={a} />
                <WaitingCard now={now} of={a} />
            </div>
        </div>
    );
}


function Today({ of: a }: { of: NumberDetail }) {
    const { sent, cap } = a.today;

    return <Stat label={t('accounts.today')} value={num(sent)}
        note={cap === null ? t('accounts.noCap')
            : <Used used={sent} of={cap} />} />;
}


function Stats({ of: a }: { of: NumberDetail }) {
    const p = a.portfolio;
    const quality = qualityOf(a.quality);
    const tier = p?.daily_limit ?? a.health?.limit;

    return (
        <div className="stats">
            <Stat label={t('accounts.quality')}
                value={quality.look === 'skipped' ? '–' : quality.text}
                look={quality.look === 'skipped' ? undefined : quality.look}
                note={quality.look === 'skipped' ? quality.text
                    : t('accounts.qualityNote')} />
            <Stat label={t('accounts.tier')} value={tier == null ? '–'
                : tier < 0 ? t('accounts.noLimit') : num(tier)}
                note={t(tier == null ? 'accounts.notTold'
                    : 'accounts.tierNote')} />
            <Stat label={t('accounts.left')}
                value={p?.left == null ? '–' : num(p.left)}
                note={p !== null && p.daily_limit !== null
                    ? <Used used={p.used_24h} of={p.daily_limit} />
                    : t('accounts.leftNote')} />
            <Today of={a} />
        </div>
    );
}


/* a phone has no tier and no rating: what counts is whether it is alive */
function PhoneStats({ of: a }: { of: NumberDetail }) {
    const s = useQuery(qn.session(a.id)).data;

    return (
        <div className="stats">
            <Today of={a} />
            <Stat label={t('accounts.pace')}
                value={a.pacing?.gap_min_ms != null
                    && a.pacing.gap_max_ms != null
                    ? t('accounts.gapOf', {
                        min: num(a.pacing.gap_min_ms / 1000),
                        max: num(a.pacing.gap_max_ms / 1000),
                    }) : t('accounts.noGap')}
                note={t('accounts.paceNote')} />
            <Stat label={t('accounts.lastInbound')}
                value={s?.inbound_at ? when(s.inbound_at) : '–'}
                note={t('accounts.lastInboundNote')} />
            <Stat label={t('accounts.lastReceipt')}
                value={s?.receipt_at ? when(s.receipt_at) : '–'}
                note={t('accounts.lastReceiptNote')} />
        </div>
    );
}


function canSend(word: string | undefined) {
    if (word === undefined || word === '') {
        return t('accounts.notTold');
    }

    const look = { available: 'replied', limited: 'unknown',
                   blocked: 'failed' }[word] ?? 'skipped';

    return (
        <span className={`state-word is-${look}`}>
            <i aria-hidden="true" />
            {tMaybe(`accounts.can.${word}`) ?? humanise(word)}
        </span>
    );
}


const said = (word: string | undefined) =>
    word ? humanise(word.toLowerCase()) : t('accounts.notTold');


function HealthCard({ of: a }: { of: NumberDetail }) {
    const h: Health = a.health ?? {};
    const faults = (h.health?.entities ?? []).flatMap((e) =>
        (e.errors ?? []).map((x) => ({ ...x, type: e.type })));

    if (a.provider === 'waha') {
        return <ReceivingCard of={a} health={h} />;
    }

    return (
        <Card title={t('accounts.said')}
            hint={a.checked_at ? t('accounts.askedAt',
                { time: moment(a.checked_at) }) : t('accounts.neverAsked')}>
            {h.error !== undefined && <p className="notice is-failed">
                <span>{h.error.detail || t('accounts.refused')}</span>
            </p>}
            <Facts of={[
                [t('accounts.shownName'), h.name
                    ? <bdi>{h.name}</bdi> : t('accounts.notTold')],
                [t('accounts.canSend'), canSend(h.health?.can_send)],
                [t('accounts.quality'), <Quality of={a.quality} />],
                [t('accounts.tier'), tierWords(a.portfolio?.daily_limit, h)],
                [t('accounts.throughput'), h.throughput
                    ? tn('accounts.perSecond', h.throughput)
                    : t('accounts.notTold')],
                [t('accounts.registration'), said(h.status)],
                [t('accounts.verified'), said(h.verified)],
            ]} />
            {faults.map((f, i) => (
                <div key={i} className="notice is-unknown">
                    <div>
                        <p><strong>{f.description}</strong></p>
                        {f.solution && <p>{f.solution}</p>}
                    </div>
                </div>
            ))}
        </Card>
    );
}


/* of a phone: whether what happens on it arrives here */
function ReceivingCard({ of: a, health: h }: {
    of: NumberDetail; health: Health;
}) {
    const look = { alive: 'replied', silent: 'unknown', down: 'failed' }[
        h.verdict ?? ''] ?? 'skipped';

    return (
        <Card title={t('accounts.receiving')}
            hint={a.checked_at ? t('accounts.askedAt',
                { time: moment(a.checked_at) }) : t('accounts.neverAsked')}>
            <Facts of={[
                [t('accounts.verdict'), h.verdict === undefined
                    ? t('accounts.notTold')
                    : <span className={`state-word is-${look}`}>
                        <i aria-hidden="true" />
                        {tMaybe(`accounts.verdict.${h.verdict}`)
                         ?? humanise(h.verdict)}
                    </span>],
                [t('accounts.session'), a.number_id],
                [t('accounts.server'), <bdi className="acc-id">
                    {a.base_url}
                </bdi>],
            ]} />
            {h.verdict !== undefined && h.verdict !== 'alive' && h.words
                && <p className="soft">{h.words} {h.fix ?? ''}</p>}
        </Card>
    );
}


function WaitingCard({ now, of: a }: {
    now: QueueRow | undefined; of: NumberDetail;
}) {
    const slow = now !== undefined && now.rate.share < 1;

    return (
        <Card title={t('accounts.sending')} hint={t('accounts.sendingHint')}>
            <Facts of={[
                [t('accounts.speed'), rateWords(a.rate_limit)],
                [t('accounts.slowed'), now === undefined ? '–'
                    : now.breaker === 'open' ? t('accounts.breaker')
                    : slow ? t('accounts.slowedTo',
                        { share: Math.round(now.rate.share * 100) })
                    : t('accounts.fullSpeed')],
                [t('accounts.waitReply'), now === undefined ? '–'
                    : num(now.depth.reply)],
                [t('accounts.waitBroadcast'), now === undefined ? '–'
                    : num(now.depth.broadcast)],
                [t('accounts.oldest'), now?.oldest_age_s == null
                    ? t('accounts.nothingWaits')
                    : duration(now.oldest_age_s)],
                [t('accounts.pace'), a.pacing?.gap_min_ms != null
                    && a.pacing.gap_max_ms != null
                    ? t('accounts.gapOf', {
                        min: num(a.pacing.gap_min_ms / 1000),
                        max: num(a.pacing.gap_max_ms / 1000),
                    }) : t('accounts.noGap')],
                [t('accounts.hours'), a.pacing?.hours
                    ? <span dir="ltr">
                        {a.pacing.hours.from}–{a.pacing.hours.to}
                    </span> : t('accounts.anyHour')],
            ]} />
        </Card>
    );
}

/*
 * Who a broadcast goes to, row by row, with what became of each in words.
 */

import type { RefObject } from 'react';
import { rowsOf, useRecipients } from '../api/queries';
import type { Broadcast, Recipient } from '../api/types';
import { clockSeconds, full, num, when } from '../lib/format';
import { Link, go, withQuery } from '../lib/router';
import type { Place } from '../lib/router';
import { t } from '../lib/t';
import { letter } from './broadcasts/model';
import type { Full } from './broadcasts/model';
import { AskWhy, Why } from './broadcasts/why';
import { Empty, Failed, Name, Phone, Skeleton, Status, statusWord, whyNot }
    from '../ui/parts';
import { Rows } from '../ui/rows';

const FILTERS = ['', 'queued', 'sent', 'delivered', 'read', 'replied',
                 'failed', 'skipped', 'unknown'];


function lastChange(r: Recipient): string | null {
    return r.replied_at ?? r.read_at ?? r.delivered_at ?? r.sent_at;
}


export function Recipients({ broadcast: b, place, scroller }: {
    broadcast: Broadcast; place: Place;
    scroller: RefObject<HTMLDivElement | null>;
}) {
    const status = place.query.get('status') ?? '';
    const list = useRecipients(b.id, status, b.status === 'sending');
    const rows = rowsOf(list.data);
    const compared = ((b as Full).variants?.length ?? 0) > 1;
    const who = place.query.get('why') ?? '';

    return (
        <section className="recipients" aria-labelledby="recipients-title">
            <header className="recipients-head">
                <h3 id="recipients-title" className="section-title">
                    {t('recipients.title')}
                </h3>
                <nav className="filters" aria-label={t('recipients.filter')}>
                    {FILTERS.map((f) => (
                        <Link key={f} replace className="filter"
                            to={withQuery(place, { status: f })}
                            aria-current={f === status ? 'true' : undefined}>
                            {f === '' ? t('recipients.all') : statusWord(f)}
                        </Link>
                    ))}
                </nav>
                <AskWhy place={place} />
            </header>
            {list.isPending ? <Skeleton rows={6} kind="table" />
                : list.data === undefined
                ? <Failed error={list.error}
                    retry={() => void list.refetch()} />
                : rows.length === 0
                ? <Nobody status={status} place={place} />
                : <div className="table" role="table"
                    aria-labelledby="recipients-title"
                    aria-rowcount={status === '' ? b.counters.audience + 1
                        : -1}>
                    <div role="rowgroup">
                        <div className="recipient table-head" role="row">
                            <span role="columnheader">#</span>
                            <span role="columnheader">
                                {t('recipients.name')}</span>
                            <span role="columnheader">
                                {t('recipients.phone')}</span>
                            <span role="columnheader">
                                {t('recipients.status')}</span>
                            <span role="columnheader">
                                {t('recipients.detail')}</span>
                            <span role="columnheader">
                                {t('recipients.time')}</span>
                        </div>
                    </div>
                    <Rows
                        items={rows} keyOf={(r) => String(r.seq)}
                        height={48} label={t('recipients.title')}
                        role="rowgroup" scroller={scroller}
                        hasMore={list.hasNextPage}
                        loadMore={() => {
                            if (!list.isFetchingNextPage) {
                                void list.fetchNextPage();
                            }
                        }}
                        render={(r, props, i) =>
                            <Row of={r} props={props} index={i}
                                place={place} compared={compared} />}
                    />
                </div>}
            {who !== '' && <Why key={who} id={b.id} who={who} place={place} />}
        </section>
    );
}


function Nobody({ status, place }: { status: string; place: Place }) {
    return status === ''
        ? <Empty title={t('recipients.none')}
            next={t('recipients.noneNext')} />
        : <Empty title={t('recipients.noneSuch')}
            next={t('recipients.noneSuchNext')}>
            <button className="button"
                onClick={() => go(withQuery(place, { status: '' }), true)}>
                {t('recipients.all')}
            </button>
        </Empty>;
}


function Row({ of, props, index, place, compared }: {
    of: Recipient; props: object; index: number; place: Place;
    compared: boolean;
}) {
    const r = of as Recipient & { variant?: number; reason_text?: string };
    const at = lastChange(r);
    const why = whyNot(r);

    return (
        <div className="recipient" role="row" aria-rowindex={index + 2}>
            <span role="cell" className="recipient-seq">{num(r.seq)}</span>
            <span role="cell" className="recipient-name">
                <Link {...props} to={withQuery(place, { why: r.contact_id })}
                    title={t('why.title')}>
                    <Name of={r.name} />
                </Link>
            </span>
            <span role="cell" className="recipient-phone">
                <Phone of={r.phone} />
            </span>
            <span role="cell" className="recipient-status">
                <Status status={r.status} />
            </span>
            <span role="cell" className="recipient-why"
                title={why === '' ? undefined : why}>
                {why}
                {r.error_code !== null && r.error_code !== undefined
                    && why !== ''
                    && <span className="soft">
                        {' '}{t('recipients.code', { code: r.error_code })}
                    </span>}
                {r.attempts > 1
                    && <span className="soft">
                        {why !== '' ? ', ' : ''}
                        {t('recipients.tries', { n: r.attempts })}
                    </span>}
                {why === '' && r.attempts <= 1 && compared
                    && r.variant !== undefined && r.variant >= 0
                    && <span className="soft">
                        {t('new.variant', { letter: letter(r.variant) })}
                    </span>}
            </span>
            <span role="cell" className="recipient-time">
                {at !== null && at !== undefined
                    && <time dateTime={at} title={full(at)}>
                        {new Date(at).toDateString()
                            === new Date().toDateString()
                            ? clockSeconds(new Date(at)) : when(at)}
                    </time>}
            </span>
        </div>
    );
}

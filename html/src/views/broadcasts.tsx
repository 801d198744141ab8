/*
 * Broadcasts: the list, and beside it (on a phone: instead of it) one of
 * them with its funnel; or the wizard in which one is written.
 */

import { lazy, useEffect, useRef } from 'react';
import { rowsOf, useBroadcasts } from '../api/queries';
import { settled } from '../api/types';
import type { Broadcast } from '../api/types';
import { num, when } from '../lib/format';
import { vars } from '../lib/hooks';
import { useKeys } from '../lib/keys';
import { Link, go } from '../lib/router';
import type { Place } from '../lib/router';
import { t } from '../lib/t';
import * as Icon from '../ui/icons';
import { Empty, Failed, Skeleton } from '../ui/parts';
import { Rows } from '../ui/rows';
import { BroadcastDetail } from './broadcast';

const Wizard = lazy(() => import('./broadcasts/wizard')
    .then((m) => ({ default: m.Wizard })));

/* two panes fit side by side from here on */
export const WIDE = '(min-width: 56rem)';


export function Broadcasts({ place }: { place: Place }) {
    const [, id, part] = place.parts;

    /* one wizard for both, so that it stays while its draft gets an id */
    return id === 'new' || part === 'edit'
        ? <Wizard id={id === 'new' ? undefined : id} place={place} />
        : <List place={place} />;
}


function List({ place }: { place: Place }) {
    const list = useBroadcasts();
    const rows = rowsOf(list.data);
    const id = place.parts[1];
    const first = useRef(true);

    /* on a wide page there is room to show the newest at once */
    useEffect(() => {
        if (id === undefined && rows[0] !== undefined && first.current
            && matchMedia(WIDE).matches)
        {
            go(`/broadcasts/${rows[0].id}`, true);
        }

        first.current &&= rows.length === 0;
    }, [id, rows.length]);

    useKeys({ Escape: () => go('/broadcasts') }, id !== undefined);
    useKeys({ c: () => go('/broadcasts/new') });

    if (list.data !== undefined && rows.length === 0) {
        return (
            <Empty icon={<Icon.Broadcast />} title={t('broadcasts.empty')}
                next={t('broadcasts.emptyNext')}>
                <Link to="/broadcasts/new" className="button button-main">
                    <Icon.Plus />{t('broadcasts.new')}
                </Link>
            </Empty>
        );
    }

    return (
        <div className={`panes ${id !== undefined ? 'has-detail' : ''}`}>
            <section className="pane pane-list"
                aria-labelledby="broadcasts-title">
                <header className="pane-head">
                    <h2 id="broadcasts-title">{t('broadcasts.title')}</h2>
                    <Link to="/broadcasts/new" className="button button-small">
                        <Icon.Plus />{t('broadcasts.new')}
                    </Link>
                </header>
                {list.isPending ? <Skeleton rows={6} kind="tall" />
                    : list.data === undefined
                    ? <Failed error={list.error}
                        retry={() => void list.refetch()} />
                    : <Rows
                        items={rows} keyOf={(b) => b.id} height={80}
                        label={t('broadcasts.title')}
                        hasMore={list.hasNextPage}
                        loadMore={() => void list.fetchNextPage()}
                        current={rows.findIndex((b) => b.id === id)}
                        render={(b, props) => (
                            <Link {...props} to={`/broadcasts/${b.id}`}
                                className="row broadcast-row"
                                aria-current={b.id === id
                                    ? 'true' : undefined}>
                                <BroadcastRow of={b} />
                            </Link>
                        )}
                    />}
            </section>
            <section className="pane pane-detail">
                {id !== undefined
                    ? <BroadcastDetail key={id} id={id} place={place} />
                    : list.isPending ? <Skeleton rows={5} kind="detail" />
                    : <Empty icon={<Icon.Broadcast />}
                        title={t('broadcasts.pick')} />}
            </section>
        </div>
    );
}


function BroadcastRow({ of: b }: { of: Broadcast }) {
    const c = b.counters;
    const part = (n: number) =>
        vars({ '--p': c.audience > 0 ? n / c.audience : 0 });

    return (
        <>
            <span className="broadcast-name"><bdi>{b.name}</bdi></span>
            <time dateTime={b.created_at}>
                {when(b.started_at ?? b.send_at ?? b.created_at)}
            </time>
            <span className={`state-word is-${b.status}`}>
                <i aria-hidden="true" />{t(`broadcast.${b.status}`)}
            </span>
            <span className="broadcast-count">
                {c.audience === 0 && (b.status === 'scheduled'
                    || b.status === 'draft') ? ''
                    : t('broadcasts.of', {
                        done: num(settled(c)), all: num(c.audience),
                    })}
            </span>
            <span className="meter" aria-hidden="true">
                <i className="is-sent" style={part(c.sent)} />
                <i className="is-failed" style={part(c.failed)} />
                <i className="is-unknown" style={part(c.unknown)} />
                <i className="is-skipped" style={part(c.skipped)} />
            </span>
        </>
    );
}

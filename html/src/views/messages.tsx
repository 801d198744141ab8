/*
 * Messages: the conversations, newest first, and one of them beside.  The
 * API lists messages; of each contact the newest stands for the conversation.
 */

import { useMemo } from 'react';
import { rowsOf, useMessages } from '../api/queries';
import type { Message } from '../api/types';
import { when } from '../lib/format';
import { useKeys } from '../lib/keys';
import { Link, go, withQuery } from '../lib/router';
import type { Place } from '../lib/router';
import { t, tMaybe } from '../lib/t';
import * as Icon from '../ui/icons';
import { Avatar, Empty, Failed, Name, Phone, Segments, Skeleton, StatusIcon }
    from '../ui/parts';
import { Rows } from '../ui/rows';
import { Picker } from './picker';
import { Thread } from './thread';


/* what a message says, or what it is when it says nothing */
export function summary(m: Message): string {
    return m.text ? m.text
        : tMaybe(`messages.kind.${m.type}`)
          ?? t('messages.kind.other', { kind: m.type });
}


function newestOfEach(messages: Message[]): Message[] {
    const seen = new Set<string>();

    return messages.filter((m) => {
        if (seen.has(m.contact_id)) {
            return false;
        }

        seen.add(m.contact_id);

        return true;
    });
}


export function Messages({ place }: { place: Place }) {
    const direction = place.query.get('direction') ?? '';
    const id = place.parts[1];
    const list = useMessages(direction, '');
    const rows = useMemo(() => newestOfEach(rowsOf(list.data)), [list.data]);
    const picking = id === 'new';
    const link = (to: string) => withQuery({ ...place, path: to }, {});

    useKeys({ Escape: () => go(link('/messages')) }, id !== undefined);

    return (
        <div className={`panes ${id !== undefined ? 'has-detail' : ''}`}>
            <section className="pane pane-list"
                aria-labelledby="messages-title">
                <header className="pane-head">
                    <h2 id="messages-title">{t('messages.title')}</h2>
                    <Link to={link('/messages/new')}
                        className="button button-main button-small">
                        <Icon.Plus />{t('messages.new')}
                    </Link>
                    <Segments
                        label={t('messages.filter')} name="direction"
                        className="pane-filter" value={direction}
                        options={[
                            { value: '', label: t('messages.all') },
                            { value: 'in', label: t('messages.in') },
                            { value: 'out', label: t('messages.out') },
                        ]}
                        onChange={(v) => go(withQuery(place,
                            { direction: v }), true)}
                    />
                </header>
                {list.isPending ? <Skeleton rows={8} kind="tall" />
                    : list.data === undefined
                    ? <Failed error={list.error}
                        retry={() => void list.refetch()} />
                    : rows.length === 0
                    ? <Empty icon={<Icon.Speech />}
                        title={t('messages.empty')}
                        next={t('messages.emptyNext')} />
                    : <Rows
                        items={rows} keyOf={(m) => m.contact_id} height={68}
                        label={t('messages.list')}
                        hasMore={list.hasNextPage}
                        loadMore={() => {
                            if (!list.isFetchingNextPage) {
                                void list.fetchNextPage();
                            }
                        }}
                        current={rows.findIndex((m) => m.contact_id === id)}
                        render={(m, props) => (
                            <Link {...props}
                                to={link(`/messages/${m.contact_id}`)}
                                className="row talk-row"
                                aria-current={m.contact_id === id
                                    ? 'true' : undefined}>
                                <Talk of={m} />
                            </Link>
                        )}
                    />}
            </section>
            <section className="pane pane-detail pane-talk">
                {picking
                    ? <Picker back={link('/messages')}
                        onPick={(c) => go(link(`/messages/${c.id}`), true)} />
                    : id !== undefined
                    ? <Thread key={id} contact={id}
                        back={link('/messages')} />
                    : <Empty icon={<Icon.Speech />}
                        title={t('messages.pick')} />}
            </section>
        </div>
    );
}


function Talk({ of: m }: { of: Message }) {
    return (
        <>
            <Avatar name={m.contact_name} />
            <span className="talk-name">
                {m.contact_name ? <Name of={m.contact_name} />
                    : <Phone of={m.phone} />}
            </span>
            <time dateTime={m.created_at}>{when(m.created_at)}</time>
            <span className="talk-text">
                {m.direction === 'out' && <StatusIcon status={m.status} />}
                <span dir="auto">{summary(m)}</span>
            </span>
        </>
    );
}

/*
 * An entry as it stands in a day: what it is, when, how it is with it.  All
 * that its colour says stands in its label too.
 */

import { t, tn } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { keyOf, titleOf } from './data';
import type { Entry, Group, Kind } from './data';
import type { Drag } from './drag';
import { clockText, dayLong, wallOf } from './wall';

export const LOOK: Record<Group, string> = {
    scheduled: 'scheduled', pending: 'paused', posted: 'replied',
    failed: 'failed', cancelled: 'cancelled',
};


export function KindIcon({ of }: { of: Kind }) {
    const Shape = { message: Icon.Speech, broadcast: Icon.Broadcast,
                    status: Icon.Image, sequence: Icon.Queue }[of];

    return <Shape />;
}


export function Chip({ of: e, zone, drag, onOpen, style, className }: {
    of: Entry; zone: string; drag?: Drag; onOpen: (e: Entry) => void;
    style?: Record<string, string>; className?: string;
}) {
    const wall = wallOf(Date.parse(e.at), zone);
    const more = [
        t(`calendar.kind.${e.kind}`), t(`calendar.group.${e.status}`),
        `${dayLong(wall)} ${clockText(wall)}`,
        e.audience > 1 ? tn('calendar.people', e.audience) : '',
        e.conflict ? t('calendar.conflict') : '',
    ].filter(Boolean).join(', ');

    return (
        <button className={`chip is-${LOOK[e.status]} ${className ?? ''}`}
            title={titleOf(e)} style={style}
            data-entry={keyOf(e)} data-at={e.at} data-state={e.status}
            data-moves={e.move !== null ? '' : undefined}
            data-lifted={drag?.lifted === keyOf(e) ? '' : undefined}
            onPointerDown={(p: PointerEvent) => drag?.start(p, e)}
            onClick={() => drag?.wasDrag() !== true && onOpen(e)}>
            <KindIcon of={e.kind} />
            <time>{clockText(wall)}</time>{' '}
            <bdi className="chip-title">{titleOf(e)}</bdi>
            <span className="sr">, {more}</span>
            {e.conflict && <Icon.Alert className="chip-conflict" />}
        </button>
    );
}

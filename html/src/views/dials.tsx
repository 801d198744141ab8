/*
 * The dials above the funnel: how fast it goes, when it will be done, and
 * afterwards how long it took.
 */

import { useEffect, useState } from 'react';
import { settled } from '../api/types';
import type { Broadcast } from '../api/types';
import { clock, duration, full, num, rate as rateText, stamp }
    from '../lib/format';
import { speed, trace } from '../lib/rate';
import { t } from '../lib/t';
import type { ReactNode } from 'react';

const W = 120;
const H = 32;


/* renders again each second, as long as there is something to see */
function useSeconds(on: boolean): void {
    const [, set] = useState(0);

    useEffect(() => {
        if (on) {
            const timer = setInterval(() => set((n) => n + 1), 1000);

            return () => clearInterval(timer);
        }

        return undefined;
    }, [on]);
}


function Dial({ name, value, note, children, className }: {
    name: string; value: ReactNode; note?: ReactNode; children?: ReactNode;
    className?: string;
}) {
    return (
        <div className={`dial ${className ?? ''}`}>
            <dt>{name}</dt>
            <dd>
                <span className="dial-value">{value}</span>
                {note !== undefined && <span className="soft">{note}</span>}
                {children}
            </dd>
        </div>
    );
}


export function Dials({ of: b }: { of: Broadcast }) {
    const live = b.status === 'sending';

    useSeconds(live || b.status === 'scheduled');

    return (
        <dl className="dials">
            {live ? <Running of={b} />
                : b.status === 'scheduled' ? <Waiting of={b} />
                : <Done of={b} />}
        </dl>
    );
}


function Running({ of: b }: { of: Broadcast }) {
    const v = speed(b.id);
    const points = trace(b.id);
    const left = b.counters.queued;
    const seconds = v !== undefined && v > 0 ? left / v : undefined;

    return (
        <>
            <Dial
                name={t('dial.rate')} className="dial-rate"
                value={v === undefined ? t('dial.measuring')
                    : v === 0 ? t('dial.standing')
                    : t('dial.perSecond', { n: rateText(v) })}
            >
                <Trace points={points} />
            </Dial>
            <Dial
                name={t('dial.finish')}
                value={seconds === undefined ? '–'
                    : clock(new Date(Date.now() + seconds * 1000))}
                note={seconds === undefined ? undefined
                    : t('dial.left', { time: duration(seconds) })}
            />
            <Dial name={t('dial.waiting')} value={num(left)} />
            <Started of={b} running />
        </>
    );
}


function Started({ of: b, running }: { of: Broadcast; running?: boolean }) {
    const at = b.started_at;

    return (
        <Dial
            name={t('dial.started')}
            value={at === null ? t('dial.notYet')
                : <time dateTime={at} title={full(at)}>{stamp(at)}</time>}
            note={running && at !== null
                ? t('dial.ago', { time: duration(
                    (Date.now() - Date.parse(at)) / 1000) })
                : undefined}
        />
    );
}


function Waiting({ of: b }: { of: Broadcast }) {
    const at = b.send_at;
    const seconds = at === null ? 0 : (Date.parse(at) - Date.now()) / 1000;

    return (
        <Dial
            name={t('dial.starts')}
            value={at === null ? '–'
                : <time dateTime={at} title={full(at)}>{stamp(at)}</time>}
            note={seconds > 0
                ? t('dial.left', { time: duration(seconds) }) : undefined}
        />
    );
}


function Done({ of: b }: { of: Broadcast }) {
    const took = b.started_at !== null && b.finished_at !== null
        ? (Date.parse(b.finished_at) - Date.parse(b.started_at)) / 1000
        : undefined;

    return (
        <>
            <Started of={b} />
            {b.status === 'paused'
                ? <Dial name={t('dial.waiting')}
                    value={num(b.counters.queued)} />
                : b.finished_at !== null
                && <Dial
                    name={t(b.status === 'cancelled' ? 'dial.cancelled'
                                                     : 'dial.finished')}
                    value={<time dateTime={b.finished_at}
                        title={full(b.finished_at)}>
                        {stamp(b.finished_at)}</time>}
                />}
            {took !== undefined
                && <Dial name={t('dial.took')} value={duration(took)} />}
            {took !== undefined && took > 0
                && <Dial name={t('dial.average')}
                    value={t('dial.perSecond', {
                        n: rateText(settled(b.counters) / Math.max(1, took)),
                    })} />}
        </>
    );
}


function Trace({ points }: { points: number[] }) {
    const top = Math.max(1, ...points) * 1.1;
    const x = (i: number) => W - (points.length - 1 - i) * (W / 29);
    const y = (n: number) => H - 1 - n / top * (H - 2);
    const line = points.map((n, i) =>
        `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(n).toFixed(1)}`)
        .join('');

    return (
        <svg className="trace" viewBox={`0 0 ${W} ${H}`} role="img"
            aria-label={t('dial.trace')} preserveAspectRatio="none">
            <path className="trace-base" d={`M0 ${H - 0.5}H${W}`} />
            {points.length > 1
                && <>
                    <path className="trace-area"
                        d={`${line}V${H}H${x(0).toFixed(1)}Z`} />
                    <path className="trace-line" d={line} />
                </>}
        </svg>
    );
}

/*
 * One broadcast: what it is, its funnel while it moves, and who got it.
 */

import { useEffect, useRef, useState } from 'react';
import { useMutation, useQuery, useQueryClient }
    from '@tanstack/react-query';
import { Problem, call } from '../api/client';
import { newestBroadcast } from '../api/live';
import { q, useBroadcast } from '../api/queries';
import { settled } from '../api/types';
import type { Broadcast, BroadcastStatus } from '../api/types';
import { num } from '../lib/format';
import { Link } from '../lib/router';
import type { Place } from '../lib/router';
import { t, tn } from '../lib/t';
import * as Icon from '../ui/icons';
import { Dialog, Empty, Failed, Notice, Phone, Skeleton } from '../ui/parts';
import { Dials } from './dials';
import { Funnel, Ledger } from './funnel';
import { Recipients } from './recipients';

type Step = 'pause' | 'resume' | 'cancel';


export function BroadcastDetail({ id, place }: { id: string; place: Place }) {
    const one = useBroadcast(id);
    const scroller = useRef<HTMLDivElement>(null);

    if (one.isPending) {
        return <Skeleton rows={5} kind="detail" />;
    }

    if (one.data === undefined) {
        return one.error instanceof Problem && one.error.status === 404
            ? <Empty title={t('broadcasts.missing')}>
                <Link to="/broadcasts" className="button">
                    {t('broadcasts.all')}
                </Link>
            </Empty>
            : <Failed error={one.error} retry={() => void one.refetch()} />;
    }

    const b = one.data;

    return (
        <div className="detail" ref={scroller}>
            <div className="detail-in">
                <Link to="/broadcasts" className="back">
                    <Icon.Back />{t('broadcasts.all')}
                </Link>
                <Head of={b} />
                {one.isError
                    && <p className="stale" role="status">
                        {t('state.stale', {
                            words: one.error instanceof Problem
                                ? one.error.words : t('problem.other'),
                        })}
                    </p>}
                <Dials of={b} />
                <Funnel of={b.counters} />
                {b.counters.audience > 0
                    && <Ledger of={b.counters} place={place} />}
                <Spoken of={b} />
            </div>
            <Recipients broadcast={b} place={place} scroller={scroller} />
        </div>
    );
}


function Head({ of: b }: { of: Broadcast }) {
    const accounts = useQuery(q.accounts());
    const templates = useQuery(q.templates());
    const account = accounts.data?.data.find((a) => a.id === b.account_id);
    const template = templates.data?.data.find((x) => x.id === b.template_id);

    return (
        <header className="detail-head">
            <div className="detail-title">
                <h2><bdi>{b.name}</bdi></h2>
                <span className={`pill is-${b.status}`} data-state={b.status}>
                    <i aria-hidden="true" />{t(`broadcast.${b.status}`)}
                </span>
            </div>
            <Actions of={b} />
            <dl className="facts">
                <div>
                    <dt>{t('broadcast.template')}</dt>
                    <dd>{template === undefined ? '–'
                        : <><bdi>{template.name}</bdi>
                            {' '}<span className="tag">{template.language}
                            </span></>}</dd>
                </div>
                <div>
                    <dt>{t('broadcast.from')}</dt>
                    <dd>{account === undefined ? '–'
                        : <><bdi>{account.name}</bdi>{' '}
                            <span className="soft">
                                <Phone of={account.phone} /></span></>}</dd>
                </div>
                <div>
                    <dt>{t('broadcast.to')}</dt>
                    <dd>{b.audience.tag !== undefined
                        ? t('broadcast.toTag', { tag: b.audience.tag })
                        : t('broadcast.toAll')}</dd>
                </div>
            </dl>
        </header>
    );
}


const BUSY: Record<Step, 'broadcast.pausing' | 'broadcast.resuming'
    | 'broadcast.cancelling'> =
{
    pause: 'broadcast.pausing',
    resume: 'broadcast.resuming',
    cancel: 'broadcast.cancelling',
};


function Actions({ of: b }: { of: Broadcast }) {
    const qc = useQueryClient();
    const [ask, setAsk] = useState<'pause' | 'cancel'>();

    const step = useMutation({
        mutationFn: async (s: Step) => {
            const after = await call<Broadcast>('POST',
                `/broadcasts/${encodeURIComponent(b.id)}/${s}`);

            /* the state is what was asked for; the numbers may be older than
               an event that came meanwhile */
            return { ...newestBroadcast(after), status: after.status };
        },
        onSuccess: (after) => {
            qc.setQueryData(q.broadcast(b.id).queryKey, after);
            void qc.invalidateQueries({ queryKey: ['broadcasts'] });
        },
        onError: () => void qc.invalidateQueries({
            queryKey: ['broadcast', b.id],
        }),
    });

    const running = b.status === 'sending';
    const paused = b.status === 'paused';
    const open = running || paused || b.status === 'scheduled';

    if (!open && !step.isError) {
        return null;
    }

    const go = (s: Step) => {
        setAsk(undefined);
        step.mutate(s);
    };

    const button = (s: Step, look: string, icon: unknown, text: string,
        onClick: () => void) => (
        <button className={`button ${look}`} aria-disabled={step.isPending}
            onClick={() => {
                if (!step.isPending) {
                    onClick();
                }
            }}>
            {icon as Element & string}
            {step.isPending && step.variables === s ? t(BUSY[s]) : text}
        </button>
    );

    return (
        <div className="actions">
            {running && button('pause', '', <Icon.Pause />,
                               t('broadcast.pause'), () => setAsk('pause'))}
            {paused && button('resume', 'button-main', <Icon.Play />,
                              t('broadcast.resume'), () => go('resume'))}
            {open && button('cancel', 'button-quiet is-failed', <Icon.Stop />,
                            t('broadcast.cancel'), () => setAsk('cancel'))}
            {step.isError
                && <Notice error={step.error} onClose={() => step.reset()} />}
            {ask !== undefined
                && <Dialog
                    title={t(`broadcast.${ask}Title`)}
                    onClose={() => setAsk(undefined)}
                >
                    <p><strong><bdi>{b.name}</bdi></strong></p>
                    <p>{tn(`broadcast.${ask}Text`, b.counters.queued)}</p>
                    <div className="dialog-actions">
                        <button className="button"
                            onClick={() => setAsk(undefined)}>
                            {t('broadcast.keep')}
                        </button>
                        <button
                            className={`button ${ask === 'cancel'
                                ? 'button-bad' : 'button-main'}`}
                            onClick={() => go(ask)}>
                            {t(ask === 'cancel' ? 'broadcast.cancelYes'
                                                : 'broadcast.pause')}
                        </button>
                    </div>
                </Dialog>}
        </div>
    );
}


/* progress for ears: each tenth and each change of state, not each number */
function Spoken({ of: b }: { of: Broadcast }) {
    const [text, setText] = useState('');
    const c = b.counters;
    const tenth = c.audience > 0
        ? Math.floor(settled(c) / c.audience * 10) : 0;
    const before = useRef<[BroadcastStatus, number]>([b.status, tenth]);

    useEffect(() => {
        const [state, at] = before.current;

        if (state !== b.status || at !== tenth) {
            before.current = [b.status, tenth];
            setText(`${t(`broadcast.${b.status}`)}. ` + t('funnel.live', {
                name: b.name, done: num(settled(c)), all: num(c.audience),
                delivered: num(c.delivered), read: num(c.read),
            }));
        }
    }, [b.status, tenth]);

    return <p className="sr" aria-live="polite">{text}</p>;
}

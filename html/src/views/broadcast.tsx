/*
 * One broadcast: what it is, its funnel while it moves, and who got it.
 */

import { useEffect, useRef, useState } from 'react';
import { useMutation, useQuery, useQueryClient }
    from '@tanstack/react-query';
import { Problem, call } from '../api/client';
import { newestBroadcast, useLiveStatus } from '../api/live';
import { q, useBroadcast } from '../api/queries';
import { settled } from '../api/types';
import type { Broadcast, BroadcastStatus } from '../api/types';
import { num } from '../lib/format';
import { Link } from '../lib/router';
import type { Place } from '../lib/router';
import { t, tn } from '../lib/t';
import * as Icon from '../ui/icons';
import { Dialog, Empty, Failed, Notice, Phone, Skeleton } from '../ui/parts';
import { Failures } from './broadcasts/failures';
import { money, pathOf, useMaySend, useSettings } from './broadcasts/model';
import type { Full } from './broadcasts/model';
import { More, Paused } from './broadcasts/notes';
import { Answers, Stages, Variants } from './broadcasts/results';
import { Dials } from './dials';
import { Funnel, Ledger } from './funnel';
import { Recipients } from './recipients';

type Step = 'pause' | 'resume' | 'cancel';


export function BroadcastDetail({ id, place }: { id: string; place: Place }) {
    const one = useBroadcast(id);
    const scroller = useRef<HTMLDivElement>(null);
    const send = useMaySend();

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

    const b = one.data as Full;

    return (
        <div className="detail" ref={scroller}>
            <div className="detail-in">
                <Link to="/broadcasts" className="back">
                    <Icon.Back />{t('broadcasts.all')}
                </Link>
                <Head of={b} send={send} />
                {one.isError
                    && <p className="stale" role="status">
                        {t('state.stale', {
                            words: one.error instanceof Problem
                                ? one.error.words : t('problem.other'),
                        })}
                    </p>}
                {b.status === 'paused' && <Paused of={b} />}
                {b.status === 'draft'
                    ? <Empty icon={<Icon.Edit />}
                        title={t('broadcast.draftTitle')}
                        next={t('broadcast.draftNext')}>
                        {send
                            && <Link className="button button-main"
                                to={`/broadcasts/${b.id}/edit?step=review`}>
                                {t('broadcast.draftGo')}
                            </Link>}
                    </Empty>
                    : <>
                        <Dials of={b} />
                        <Funnel of={b.counters} />
                        {b.counters.audience > 0
                            && <Ledger of={b.counters} place={place} />}
                        <Failures of={b} send={send} />
                        <Variants of={b} />
                        <Stages of={b} />
                        <Answers of={b} />
                    </>}
                <Spoken of={b} />
            </div>
            {b.status !== 'draft'
                && <Recipients broadcast={b} place={place}
                    scroller={scroller} />}
        </div>
    );
}


function Head({ of: b, send }: { of: Full; send: boolean }) {
    const settings = useSettings();
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
            {send && <Actions of={b} />}
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
                {Number(b.cost) > 0
                    && <div>
                        <dt>{t('broadcast.cost')}</dt>
                        <dd>{money(b.cost, settings.data?.currency
                            ?? null)}</dd>
                    </div>}
                {(b.counters.opted_out ?? 0) > 0
                    && <div>
                        <dt>{t('broadcast.optedOut')}</dt>
                        <dd>{num(b.counters.opted_out!)}</dd>
                    </div>}
                {b.resent > 0
                    && <div>
                        <dt>{t('broadcast.resent')}</dt>
                        <dd>{num(b.resent)}</dd>
                    </div>}
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


function Actions({ of: b }: { of: Full }) {
    const qc = useQueryClient();
    const offline = useLiveStatus() === 'offline';
    const [ask, setAsk] = useState<'pause' | 'cancel'>();

    const step = useMutation({
        mutationFn: async (s: Step | 'insist') => {
            const after = s === 'insist'
                ? await call<Full>('POST', `${pathOf(b.id)}/resume`,
                                   { body: { despite_quality: true } })
                : await call<Full>('POST', `${pathOf(b.id)}/${s}`);

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

    const low = step.error instanceof Problem
        && step.error.code === 'number_quality';

    const go = (s: Step | 'insist') => {
        setAsk(undefined);
        step.mutate(s);
    };

    const button = (s: Step, look: string, icon: unknown, text: string,
        onClick: () => void) => (
        <button className={`button ${look}`}
            aria-disabled={step.isPending || offline}
            title={offline ? t('new.offline') : undefined}
            onClick={() => {
                if (!step.isPending && !offline) {
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
            <More of={b} />
            {step.isError && !low
                && <Notice error={step.error} onClose={() => step.reset()} />}
            {low
                && <Dialog title={t('broadcast.lowTitle')}
                    onClose={() => step.reset()}>
                    <p>{t('broadcast.lowText')}</p>
                    <div className="dialog-actions">
                        <button className="button"
                            onClick={() => step.reset()}>
                            {t('broadcast.lowWait')}
                        </button>
                        <button className="button button-bad"
                            onClick={() => go('insist')}>
                            {t('broadcast.lowInsist')}
                        </button>
                    </div>
                </Dialog>}
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

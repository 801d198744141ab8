/*
 * One entry: what it is, and what can be done with it.  Of a rule the question
 * is always asked which are meant: this one, those from it on, or all.
 */

import { useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client';
import { num } from '../../lib/format';
import { Link } from '../../lib/router';
import { t, tMaybe } from '../../lib/t';
import { FormEnd, SelectField, TextField } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Dialog, Notice, Skeleton } from '../../ui/parts';
import { Facts } from '../../ui/page';
import { toast } from '../../ui/toast';
import { KindIcon, LOOK } from './chip';
import {
    moveEntry, pathOf, refreshPlan, scheduleQuery, titleOf, usePlanAccounts,
} from './data';
import type { Entry, Schedule } from './data';
import { copyOf, fromSchedule } from './draft';
import type { Draft, Scope } from './draft';
import { ruleWords } from './recur';
import {
    DAY, dayText, instantOf, momentText, timeText, wallFrom, wallOf, wallText,
} from './wall';


export function MoveDialog({ entry: e, zone, onClose }: {
    entry: Entry; zone: string; onClose: () => void;
}) {
    const qc = useQueryClient();
    const wall = wallOf(Date.parse(e.at), zone);
    const [day, setDay] = useState(dayText(wall));
    const [time, setTime] = useState(timeText(wall));
    const [busy, setBusy] = useState(false);
    const to = wallFrom(`${day}T${time}`);

    return (
        <Dialog title={t('calendar.moveTitle')} onClose={onClose}>
            <p><bdi>{titleOf(e)}</bdi></p>
            <form className="form" onSubmit={(x: Event) => {
                x.preventDefault();

                if (busy || Number.isNaN(to)) {
                    return;
                }

                setBusy(true);
                void moveEntry(qc, e, instantOf(to, zone), zone)
                    .then((ok) => ok ? onClose() : setBusy(false));
            }}>
                <div className="form-row">
                    <TextField label={t('calendar.date')} type="date"
                        value={day} onChange={setDay} required />
                    <TextField label={t('calendar.time')} type="time"
                        value={time} onChange={setTime} required />
                </div>
                <p className="form-hint">
                    {t('calendar.zoneOf', { zone: zone.replaceAll('_', ' ') })}
                </p>
                <FormEnd busy={busy} save={t('calendar.moveDo')}
                    onCancel={onClose} />
            </form>
        </Dialog>
    );
}


interface Props {
    entry: Entry;
    zone: string;
    canSend: boolean;
    onMove: (e: Entry) => void;
    onDraft: (d: Draft) => void;
    onClose: () => void;
}

export function EntryDialog(p: Props) {
    const { entry: e, zone, onClose } = p;
    const accounts = usePlanAccounts();
    const schedule = useQuery({
        ...scheduleQuery(e.schedule_id ?? ''),
        enabled: e.schedule_id !== null,
    });
    const s = schedule.data;
    const account = accounts.data?.data.find((a) => a.id === e.account_id);
    const wall = wallOf(Date.parse(e.at), zone);

    return (
        <Dialog title={titleOf(e)} onClose={onClose} className="entry">
            <p className={`entry-state is-${LOOK[e.status]}`}>
                <KindIcon of={e.kind} />
                {t(`calendar.kind.${e.kind}`)}
                <span className="pill"><i />
                    {t(`calendar.group.${e.status}`)}</span>
            </p>
            {e.conflict
                && <p className="notice is-unknown">
                    <Icon.Alert /><span>{t('calendar.conflictText')}</span>
                </p>}
            {e.reason !== null
                && <p className="notice is-failed">
                    <Icon.Info />
                    <span>{tMaybe(`calendar.reason.${e.reason}`)
                        ?? tMaybe(`reason.${e.reason}`) ?? e.reason}</span>
                </p>}
            <Facts of={[
                [t('calendar.when'), <>
                    <time dateTime={e.at}>{momentText(wall)}</time>
                    <span className="soft"> {zone.replaceAll('_', ' ')}</span>
                </>],
                ...(s !== undefined && s.time_zone !== zone
                    ? [[t('calendar.itsZone'), <>
                        {momentText(wallOf(Date.parse(e.at), s.time_zone))}
                        <span className="soft"> {s.time_zone}</span>
                    </>] as [string, React.ReactNode]] : []),
                [t('calendar.number'), <bdi>{account?.name ?? '–'}</bdi>],
                ...(e.kind !== 'status'
                    ? [[t('calendar.audience'), num(e.audience)] as
                        [string, React.ReactNode]] : []),
                ...(s !== undefined
                    ? [[t('calendar.repeats'),
                        ruleWords(s.rrule, wallFrom(s.starts_at))] as
                        [string, React.ReactNode]] : []),
            ]} />
            {e.schedule_id !== null && s === undefined
                ? schedule.isError
                    ? <Notice error={schedule.error} />
                    : <Skeleton rows={1} kind="lines" />
                : <Actions {...p} schedule={s} />}
        </Dialog>
    );
}


function resultOf(e: Entry): string | undefined {
    return e.ref_id === null ? undefined
        : e.kind === 'broadcast' || e.kind === 'sequence'
        ? `/broadcasts/${e.ref_id}` : undefined;
}


function Actions({ entry: e, schedule: s, zone, canSend, onMove, onDraft,
    onClose }: Props & { schedule: Schedule | undefined })
{
    const qc = useQueryClient();
    const [asking, setAsking] = useState<'edit' | 'delete' | null>(null);
    const [error, setError] = useState<unknown>(null);
    const [busy, setBusy] = useState(false);
    const open = e.status === 'scheduled' || e.status === 'pending';
    const unmade = open && e.ref_id === null && s !== undefined
                   && s.kind !== 'sequence';
    const repeats = s?.rrule !== null && s?.rrule !== undefined;
    const result = resultOf(e);

    const run = (f: () => Promise<void>) => {
        if (busy) {
            return;
        }

        setBusy(true);
        setError(null);
        f().catch((x: unknown) => {
            setError(x);
            setBusy(false);
        });
    };

    const edit = (scope: Scope) => run(async () => {
        /* its own time where only it, or it and what follows, is meant */
        const own = scope === 'all' && repeats ? s!.starts_at
            : wallText(wallOf(Date.parse(e.at), s!.time_zone));
        const changed = scope !== 'all' || !repeats
            ? await ownOf(s!.id, e.starts_at!) : null;

        onDraft(await fromSchedule(s!, changed, own, {
            id: s!.id, scope, place: e.starts_at!,
        }));
    });

    const copy = () => run(async () => {
        if (s !== undefined && s.kind !== 'sequence') {
            const later = Math.max(Date.parse(e.at), Date.now()) + DAY;

            onDraft(await fromSchedule({ ...s, rrule: null }, null,
                wallText(wallOf(later, s.time_zone))));
        } else {
            onDraft(await copyOf(e, zone));
        }
    });

    const done = (text: string, undo?: () => Promise<void>) => {
        refreshPlan(qc);
        toast({
            text,
            undo: undo === undefined ? undefined : async () => {
                await undo().catch((x: unknown) => toast({
                    kind: 'failed', text: String((x as Error).message),
                }));
                refreshPlan(qc);
            },
        });
        onClose();
    };

    const leaveOut = () => run(async () => {
        const path = `/schedules/${s!.id}/occurrences/${e.starts_at}`;

        await call('PATCH', path, { body: { cancelled: true } });
        done(t('calendar.leftOut'), async () => {
            await call('PATCH', path, { body: { cancelled: false } });
        });
    });

    const remove = () => run(async () => {
        await call('DELETE', `/schedules/${s!.id}`);
        done(t('calendar.deleted'));
    });

    const cancel = () => run(async () => {
        const path = e.kind === 'status' ? `/statuses/${e.ref_id}`
            : `/${e.kind}s/${e.ref_id}/cancel`;

        await call(e.kind === 'status' ? 'DELETE' : 'POST', path);
        done(t('calendar.cancelledDone'));
    });

    const hold = (on: boolean) => run(async () => {
        const path = `/schedules/${s!.id}`;

        await call('POST', `${path}/${on ? 'pause' : 'resume'}`);
        done(t(on ? 'calendar.paused' : 'calendar.resumed'), async () => {
            await call('POST', `${path}/${on ? 'resume' : 'pause'}`);
        });
    });

    if (asking !== null) {
        return <Which what={asking} busy={busy} error={error}
            onCancel={() => setAsking(null)}
            repeats={repeats}
            onPick={(scope) => asking === 'edit' ? edit(scope)
                : scope === 'this' && repeats ? leaveOut() : remove()} />;
    }

    return (
        <>
            {error !== null && <Notice error={error} />}
            <div className="entry-actions">
                {result !== undefined
                    && <Link className="button" to={result}>
                        <Icon.Broadcast />{t('calendar.openBroadcast')}
                    </Link>}
                {e.kind === 'message' && e.ref_id !== null
                    && e.status === 'posted'
                    && <Link className="button" to="/messages">
                        <Icon.Speech />{t('calendar.openMessages')}
                    </Link>}
                {canSend && unmade
                    && <button className="button button-main"
                        onClick={() => repeats ? setAsking('edit')
                            : edit('all')}>
                        <Icon.Edit />{t('calendar.edit')}
                    </button>}
                {canSend && e.move !== null
                    && <button className="button" onClick={() => onMove(e)}>
                        <Icon.Calendar />{t('calendar.moveTo')}
                    </button>}
                {canSend && e.kind !== 'sequence'
                    && <button className="button" onClick={copy}>
                        <Icon.Copy />{t('calendar.duplicate')}
                    </button>}
                {canSend && s !== undefined && repeats
                    && (s.status === 'active' || s.status === 'paused')
                    && <button className="button"
                        onClick={() => hold(s.status === 'active')}>
                        {s.status === 'active' ? <Icon.Pause /> : <Icon.Play />}
                        {t(s.status === 'active' ? 'calendar.pause'
                            : 'calendar.resume')}
                    </button>}
                {canSend && s !== undefined && e.status === 'cancelled'
                    && e.ref_id === null && s.status !== 'cancelled'
                    && <button className="button" onClick={() => run(
                        async () => {
                            await call('PATCH', pathOf(
                                `/schedules/${s.id}/occurrences/`
                                + e.starts_at), {
                                body: { cancelled: false },
                            });
                            done(t('calendar.broughtBack'));
                        })}>
                        <Icon.Undo />{t('calendar.bringBack')}
                    </button>}
                {canSend && s === undefined && open && e.ref_id !== null
                    && <button className="button button-bad" onClick={cancel}>
                        <Icon.Stop />{t('calendar.cancelIt')}
                    </button>}
                {canSend && unmade
                    && <button className="button button-bad"
                        onClick={() => setAsking('delete')}>
                        <Icon.Trash />{t('calendar.delete')}
                    </button>}
            </div>
        </>
    );
}


/* what an occurrence has by itself */
async function ownOf(id: string, place: string):
    Promise<Record<string, unknown> | null>
{
    const all = await call<{ data: {
        starts_at: string; document: Record<string, unknown> | null;
    }[] }>('GET', `/schedules/${id}/occurrences`);

    return all.data.find((o) => o.starts_at === place)?.document ?? null;
}


function Which({ what, repeats, busy, error, onPick, onCancel }: {
    what: 'edit' | 'delete'; repeats: boolean; busy: boolean; error: unknown;
    onPick: (s: Scope) => void; onCancel: () => void;
}) {
    const [scope, setScope] = useState<Scope>('this');
    const scopes: Scope[] = what === 'edit' ? ['this', 'following', 'all']
        : ['this', 'all'];

    return (
        <form className="form" onSubmit={(e: Event) => {
            e.preventDefault();
            onPick(scope);
        }}>
            {repeats
                ? <SelectField<Scope>
                    label={t(`calendar.which.${what}`)} value={scope}
                    onChange={setScope} options={scopes.map((value) => ({
                        value, label: t(`calendar.scope.${value}`),
                    }))} />
                : <p>{t('calendar.deleteSure')}</p>}
            <FormEnd busy={busy} error={error} onCancel={onCancel}
                danger={what === 'delete'}
                save={t(what === 'edit' ? 'calendar.edit'
                    : 'calendar.delete')} />
        </form>
    );
}

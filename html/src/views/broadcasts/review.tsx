/*
 * The last step: what would happen, a test to oneself, and the launch, which
 * for many people is confirmed by typing their number.
 */

import { useState } from 'react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call, uuid } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { q } from '../../api/queries';
import { num } from '../../lib/format';
import { go } from '../../lib/router';
import { t, tn } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { TextField } from '../../ui/form';
import { Card } from '../../ui/page';
import { Dialog, Failed, Notice, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';
import { Cost, Reach, Timing, Warnings } from './forecast';
import { money, pathOf, useForecast } from './model';
import type { Forecast, Full } from './model';
import { Trial } from './trial';
import type { StepProps } from './wizard';
import { fromWall, zoned } from './zone';

/* above this the number is typed */
const TYPED = 1000;


export function ReviewStep({ d, id, stamp, zone, scheduled, variant }:
    StepProps & { id: string; scheduled: boolean; variant: number })
{
    const [ask, setAsk] = useState(false);
    const forecast = useForecast(id, stamp);
    const offline = useLiveStatus() === 'offline';
    const f = forecast.data;

    if (f === undefined) {
        return forecast.isError
            ? <Failed error={forecast.error}
                retry={() => void forecast.refetch()} />
            : <Skeleton rows={6} kind="lines" />;
    }

    const stop = offline || forecast.isPlaceholderData || f.reachable === 0;

    return (
        <div className={`review ${forecast.isPlaceholderData
            ? 'is-waiting' : ''}`}>
            <Warnings of={f.warnings} />
            <Card title={t('new.reach')}><Reach of={f} /></Card>
            <div className="grid">
                <Timing of={f} zone={zone} />
                <Cost of={f} />
            </div>
            <Trial id={id} variant={variant}
                variants={d.variants.length} />
            <div className="launch">
                <div>
                    <strong>
                        {d.when === 'at' && d.at !== ''
                            ? tn('new.willAt', f.reachable, {
                                time: zoned(fromWall(d.at, zone), zone),
                            })
                            : tn('new.willNow', f.reachable)}
                    </strong>
                    <p className="soft">
                        {offline ? t('new.offline')
                            : f.reachable === 0 ? t('new.nobody')
                            : t(scheduled ? 'new.isScheduled'
                                : 'new.afterwards')}
                    </p>
                </div>
                {scheduled
                    ? <button type="button" className="button button-main"
                        onClick={() => go(`/broadcasts/${id}`)}>
                        {t('new.done')}
                    </button>
                    : <button type="button" className="button button-main"
                        aria-disabled={stop ? 'true' : undefined}
                        onClick={() => {
                            if (!stop) {
                                setAsk(true);
                            }
                        }}>
                        <Icon.Send />
                        {t(d.when === 'at' ? 'new.schedule' : 'new.send')}
                    </button>}
            </div>
            {ask
                && <Launch id={id} f={f} name={d.name}
                    at={d.when === 'at' && d.at !== ''
                        ? fromWall(d.at, zone) : undefined}
                    zone={zone} onClose={() => setAsk(false)} />}
        </div>
    );
}


/*
 * A number as people write it: with separators, in the digits of their own
 * script (each of which begins at a zero that is known).
 */
function digits(typed: string): string {
    const zeros = [0x30, 0x660, 0x6f0, 0x966];

    return Array.from(typed, (c) => {
        const code = c.codePointAt(0)!;
        const zero = zeros.find((z) => code >= z && code < z + 10);

        return zero !== undefined ? String(code - zero) : '';
    }).join('');
}


function Launch({ id, f, name, at, zone, onClose }: {
    id: string; f: Forecast; name: string; at: string | undefined;
    zone: string; onClose: () => void;
}) {
    const qc = useQueryClient();
    const [typed, setTyped] = useState('');
    const word = String(f.reachable);
    const asks = f.reachable > TYPED;

    const launch = useMutation({
        mutationFn: () => call<Full>('POST', `${pathOf(id)}/launch`, {
            body: {}, headers: { 'Idempotency-Key': uuid() },
        }),
        onSuccess: (b) => {
            qc.setQueryData(q.broadcast(id).queryKey, b);
            void qc.invalidateQueries({ queryKey: ['broadcasts'] });
            toast({ text: t(at === undefined ? 'new.launched'
                                             : 'new.launchedLater') });
            go(`/broadcasts/${id}`);
        },
    });

    const right = !asks || digits(typed) === word;
    const busy = launch.isPending || !right;

    return (
        <Dialog title={t(at === undefined ? 'new.launchTitle'
                                          : 'new.launchTitleAt')}
            onClose={onClose}>
            <form className="form" onSubmit={(e: Event) => {
                e.preventDefault();

                if (!busy) {
                    launch.mutate();
                }
            }}>
                <p><strong><bdi>{name}</bdi></strong></p>
                <p>
                    {at === undefined ? tn('new.launchText', f.reachable)
                        : tn('new.launchTextAt', f.reachable, {
                            time: zoned(at, zone),
                        })}
                    {f.cost.total !== null
                        && <>{' '}{t('new.launchCost', {
                            cost: money(f.cost.total, f.cost.currency),
                        })}</>}
                </p>
                {asks
                    && <TextField value={typed} onChange={setTyped}
                        label={t('new.launchType', { n: num(f.reachable) })}
                        inputMode="numeric" autoComplete="off" autoFocus
                        name="launch-count" />}
                {launch.isError && <Notice error={launch.error} />}
                <div className="dialog-actions">
                    <button type="button" className="button"
                        onClick={onClose}>
                        {t('form.cancel')}
                    </button>
                    <button className="button button-main"
                        aria-disabled={busy ? 'true' : undefined}>
                        {launch.isPending ? t('new.launching')
                            : t(at === undefined ? 'new.launchYes'
                                                 : 'new.launchYesAt')}
                    </button>
                </div>
            </form>
        </Dialog>
    );
}

/*
 * Writing a broadcast, step by step.  From the moment that its audience is
 * chosen it is a draft of the server's, saved at each step, so that nothing
 * is lost and the forecast is that of what would really be sent.
 */

import { useEffect, useRef, useState } from 'react';
import { useMutation, useQuery, useQueryClient }
    from '@tanstack/react-query';
import { asProblem, call, uuid } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import { q } from '../../api/queries';
import { go } from '../../lib/router';
import type { Place } from '../../lib/router';
import { t } from '../../lib/t';
import type { TextKey } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { useFaults } from '../../ui/form';
import type { Faults } from '../../ui/form';
import { Head, Steps } from '../../ui/page';
import { Empty, Failed, Notice, Skeleton } from '../../ui/parts';
import { AudienceStep } from './audience';
import { DeliveryStep } from './delivery';
import { STEPS, bodyOf, draftOf, emptyDraft, stepOf } from './draft';
import type { Draft, StepName } from './draft';
import { MessageStep } from './message';
import { pathOf, useFull, useMaySend, useSettings } from './model';
import type { Full, TemplateFull } from './model';
import { Preview } from './preview';
import { ReviewStep } from './review';
import { ValuesStep } from './values';

export interface StepProps {
    d: Draft;
    set: (change: Partial<Draft>) => void;
    faults: Faults;
    zone: string;
    templates: TemplateFull[];
    id: string | undefined;
    stamp: number;
}


export function Wizard({ id, place }: {
    id: string | undefined; place: Place;
}) {
    const one = useFull(id);
    const settings = useSettings();
    const send = useMaySend();
    const form = useRef({ id, key: 0, made: '' });

    /* another broadcast is another form; the draft that this one made is not */
    if (form.current.id !== id) {
        form.current.key += form.current.made === id ? 0 : 1;
        form.current.id = id;
        form.current.made = '';
    }

    if (!send) {
        return (
            <Empty icon={<Icon.Broadcast />} title={t('new.forbidden')}
                next={t('new.forbiddenNext')} />
        );
    }

    if (settings.data === undefined || id !== undefined && one.isPending) {
        return settings.isError
            ? <Failed error={settings.error}
                retry={() => void settings.refetch()} />
            : <Skeleton rows={6} kind="detail" />;
    }

    if (id !== undefined && one.data === undefined) {
        return <Failed error={one.error} retry={() => void one.refetch()} />;
    }

    if (one.data !== undefined
        && !['draft', 'scheduled'].includes(one.data.status))
    {
        return (
            <Empty icon={<Icon.Broadcast />} title={t('new.begun')}
                next={t('new.begunNext')}>
                <button className="button"
                    onClick={() => go(`/broadcasts/${id}`)}>
                    {t('new.begunOpen')}
                </button>
            </Empty>
        );
    }

    return <Form key={form.current.key} id={id} stored={one.data}
        place={place} zone={settings.data.time_zone}
        onMade={(x) => {
            form.current.made = x;
        }} />;
}


/* the form stays while /broadcasts/new becomes /broadcasts/{id}/edit */
function Form({ id, stored, place, zone, onMade }: {
    id: string | undefined; stored: Full | undefined; place: Place;
    zone: string; onMade: (id: string) => void;
}) {
    const qc = useQueryClient();
    const live = useLiveStatus();
    const templates = useQuery(q.templates());
    const [d, setDraft] = useState<Draft>(() => stored === undefined
        ? emptyDraft() : draftOf(stored, zone));
    const [saved, setSaved] = useState(() => JSON.stringify(d));
    const [stamp, setStamp] = useState(0);
    const [variant, setVariant] = useState(0);
    const title = useRef<HTMLHeadingElement>(null);
    const list = (templates.data?.data ?? []) as TemplateFull[];
    const asked = STEPS.indexOf((place.query.get('step') ?? '') as StepName);
    const ready = readiness(d);
    const at = Math.max(0, Math.min(asked, ready));
    const step = STEPS[at]!;
    const begun = id !== undefined || d.name !== ''
        || d.variants.some((v) => v.template !== '');
    const dirty = begun && JSON.stringify(d) !== saved;

    const save = useMutation({
        mutationFn: async (now: Draft) => {
            const body = bodyOf(now, zone, list);

            return id === undefined
                ? await call<Full>('POST', '/broadcasts', {
                    body: { ...body, draft: true },
                    headers: { 'Idempotency-Key': uuid() },
                })
                : await call<Full>('PATCH', pathOf(id), { body });
        },
        onSuccess: (b, now) => {
            if (id === undefined) {
                onMade(b.id);
            }

            setSaved(JSON.stringify(now));
            setStamp((n) => n + 1);
            qc.setQueryData(q.broadcast(b.id).queryKey, b);
            void qc.invalidateQueries({ queryKey: ['broadcasts'] });
        },
    });

    const faults = useFaults(save.error);
    const problem = save.error === null ? undefined : asProblem(save.error);
    const elsewhere = problem?.fields.find((f) => stepOf(f.pointer) !== step);
    const base = id === undefined ? '/broadcasts/new'
        : `/broadcasts/${id}/edit`;

    /* a new step begins at its beginning, for eyes and for readers */
    const first = useRef(true);

    useEffect(() => {
        if (!first.current) {
            title.current?.focus();
            title.current?.closest('.page')?.scrollTo({ top: 0 });
        }

        first.current = false;

        /* on a phone the steps are wider than the page */
        title.current?.closest('.page')?.querySelector('.steps [aria-current]')
            ?.scrollIntoView({ inline: 'center', block: 'nearest' });
    }, [step]);

    /* what is not saved is not left by accident */
    useEffect(() => {
        if (!dirty) {
            return;
        }

        const hold = (e: BeforeUnloadEvent) => e.preventDefault();

        addEventListener('beforeunload', hold);

        return () => removeEventListener('beforeunload', hold);
    }, [dirty]);

    const set = (change: Partial<Draft>) => setDraft((x) => ({
        ...x, ...change,
    }));

    /* saves what can be saved; the draft's address, if all went well */
    const keep = async (now: Draft): Promise<string | undefined> => {
        if (now.audience === ''
            || id !== undefined && JSON.stringify(now) === saved)
        {
            return base;
        }

        try {
            const b = await save.mutateAsync(now);

            return `/broadcasts/${b.id}/edit`;
        } catch {
            return undefined;
        }
    };

    /* the way back needs no saving: the form still holds it all */
    const goTo = async (i: number) => {
        const path = i < at ? base
            : save.isPending ? undefined : await keep(d);

        if (path !== undefined) {
            go(`${path}?step=${STEPS[i]}`, id === undefined);
        }
    };

    /* the forecast follows the audience as it is chosen */
    const choose = async (change: Partial<Draft>) => {
        const now = { ...d, ...change };

        setDraft(now);

        if (now.audience === 'all' || now.tag.trim() !== '') {
            const path = await keep(now);

            if (path !== undefined && id === undefined) {
                go(`${path}?step=audience`, true);
            }
        }
    };

    const props: StepProps = { d, set, faults, zone, templates: list, id,
                               stamp };
    const offline = live === 'offline';
    const next = at < STEPS.length - 1;
    const blocked = offline || save.isPending || ready <= at && next;

    return (
        <div className="page wizard">
            <Head
                title={id === undefined ? t('new.title')
                    : <bdi>{d.name || t('new.unnamed')}</bdi>}
                back={{ to: id === undefined ? '/broadcasts'
                    : `/broadcasts/${id}`, text: t('broadcasts.all') }}
            >
                <span className="soft wizard-saved" role="status">
                    {save.isPending ? t('form.saving')
                        : id !== undefined && !dirty
                        ? t(stored?.status === 'scheduled'
                            ? 'new.savedScheduled' : 'new.saved')
                        : dirty ? t('new.dirty') : ''}
                </span>
            </Head>
            <Steps label={t('new.steps')} at={at}
                items={STEPS.map((s) => t(`new.step.${s}` as TextKey))}
                onGo={(i) => void goTo(i)} />
            <form className={`wizard-in is-step-${step}`} noValidate
                onSubmit={(e: Event) => {
                    e.preventDefault();

                    if (next && !blocked) {
                        void goTo(at + 1);
                    }
                }}>
                <div className="wizard-main">
                    <div className="wizard-title">
                        <h3 ref={title} tabIndex={-1}>
                            {t(`new.head.${step}` as TextKey)}
                        </h3>
                        <p className="soft">
                            {t(`new.lead.${step}` as TextKey)}
                        </p>
                    </div>
                    {stored?.status === 'scheduled'
                        && <p className="notice"><Icon.Clock />
                            <span>{t('new.scheduledHint')}</span></p>}
                    {step === 'message'
                        && <MessageStep {...props} variant={variant}
                            setVariant={setVariant}
                            pending={templates.isPending} />}
                    {step === 'audience'
                        && <AudienceStep {...props} choose={choose} />}
                    {step === 'values'
                        && <ValuesStep {...props} variant={variant}
                            setVariant={setVariant} />}
                    {step === 'delivery' && <DeliveryStep {...props} />}
                    {step === 'review' && id !== undefined
                        && <ReviewStep {...props} id={id}
                            scheduled={stored?.status === 'scheduled'}
                            variant={variant} />}
                    {problem !== undefined
                        && (!faults.any || elsewhere !== undefined)
                        && <Notice error={save.error}
                            onClose={() => save.reset()} />}
                    {elsewhere !== undefined
                        && <p>
                            <button type="button" className="text-link"
                                onClick={() => {
                                    save.reset();
                                    go(`${base}?step=`
                                       + stepOf(elsewhere.pointer));
                                }}>
                                {t('new.goThere', { step: t(`new.step.${
                                    stepOf(elsewhere.pointer)}`) })}
                            </button>
                        </p>}
                    <div className="wizard-end">
                        {at > 0
                            && <button type="button" className="button"
                                onClick={() => void goTo(at - 1)}>
                                {t('new.back')}
                            </button>}
                        {next
                            && <button className="button button-main"
                                aria-disabled={blocked ? 'true' : undefined}>
                                {t('new.next')}
                            </button>}
                        <span className="soft">
                            {offline ? t('new.offline')
                                : next && ready <= at
                                ? t(`new.need.${step}` as TextKey) : ''}
                        </span>
                    </div>
                </div>
                <Preview {...props} variant={variant}
                    setVariant={setVariant} />
            </form>
        </div>
    );
}


/* how far one may go with what is there */
function readiness(d: Draft): number {
    if (d.name.trim() === '' || d.account === ''
        || d.variants.some((v) => v.template === ''))
    {
        return 0;
    }

    if (d.audience === '' || d.audience === 'tag' && d.tag.trim() === '') {
        return 1;
    }

    return d.when === 'at' && d.at === '' ? 3 : 4;
}

/*
 * Planning something: which platform and what type, what it says and shows,
 * beside it how it will look, and when.  The server checks all of it; what it
 * refuses stands at the field.
 */

import { useState } from 'react';
import { asProblem } from '../../api/client';
import { t, tMaybe } from '../../lib/t';
import { Field, FormEnd, SelectField } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Steps } from '../../ui/page';
import { Dialog, Empty, Failed, Notice, Skeleton } from '../../ui/parts';
import { Link } from '../../lib/router';
import { toast } from '../../ui/toast';
import { KindIcon } from './chip';
import { Content, contentReady } from './content';
import { usePlanAccounts } from './data';
import type { PlanAccount } from './data';
import { saveDraft } from './draft';
import type { Draft, FlowKind } from './draft';
import { FlowPreview } from './preview';
import { ruleWords, ruleText } from './recur';
import { When } from './when';
import { momentText, wallFrom } from './wall';

export interface StepProps {
    draft: Draft;
    set: (change: Partial<Draft>) => void;
    fault: (pointer: string) => string | undefined;
}

const TYPES: FlowKind[] = ['message', 'broadcast', 'status'];


/* the step that a refusal belongs to */
function stepOf(pointer: string): number {
    return /^\/document\/account_id/.test(pointer) ? 0
        : pointer.startsWith('/document') || pointer === '/name' ? 1 : 2;
}


export function Flow({ start, zone, onClose, onDone }: {
    start: Draft; zone: string; onClose: () => void; onDone: () => void;
}) {
    const accounts = usePlanAccounts();
    const [changes, setDraft] = useState(start);
    const [step, setStep] = useState(start.edit !== undefined
        || start.account !== '' ? 1 : 0);
    const [error, setError] = useState<unknown>(null);
    const [busy, setBusy] = useState(false);

    const all = accounts.data?.data ?? [];
    const draft = changes.account === '' && all[0] !== undefined
        ? { ...changes, account: all[0].id } : changes;
    const account = all.find((a) => a.id === draft.account);
    const faults = error === null ? [] : asProblem(error).fields;
    const names = [t('calendar.step.what'), t('calendar.step.content'),
                   t('calendar.step.when')];
    const props: StepProps = {
        draft,
        set: (c) => setDraft((d) => ({ ...d, account: draft.account, ...c })),
        fault: (p) => faults.find((f) => f.pointer === p)?.words,
    };
    const ready = step === 0 ? account !== undefined
        : step === 1 ? contentReady(draft) : !Number.isNaN(wallFrom(draft.at));
    const title = t(start.edit !== undefined ? 'calendar.editTitle'
        : 'calendar.planTitle');

    const next = () => {
        if (!ready || busy) {
            return;
        }

        if (step < 2) {
            setStep(step + 1);
            return;
        }

        setBusy(true);
        setError(null);
        saveDraft(draft).then(() => {
            toast({
                text: start.edit !== undefined ? t('calendar.saved')
                    : t('calendar.planned', {
                        when: momentText(wallFrom(draft.at)),
                    }),
            });
            onDone();
        }, (x: unknown) => {
            const at = asProblem(x).fields[0]?.pointer;

            setError(x);
            setBusy(false);
            setStep(at === undefined ? step : stepOf(at));
        });
    };

    return (
        <Dialog title={title} onClose={onClose} className="flow">
            {accounts.data === undefined
                ? accounts.isError
                    ? <Failed error={accounts.error}
                        retry={() => void accounts.refetch()} />
                    : <Skeleton rows={4} kind="lines" />
                : all.length === 0
                ? <Empty icon={<Icon.Phone />} title={t('calendar.noNumber')}
                    next={t('calendar.noNumberNext')}>
                    <Link className="button button-main" to="/accounts">
                        {t('nav.accounts')}
                    </Link>
                </Empty>
                : <form className="form flow-form" noValidate
                    onSubmit={(e: Event) => {
                        e.preventDefault();
                        next();
                    }}>
                    <Steps label={t('calendar.steps')} at={step} items={names}
                        onGo={setStep} />
                    <div className="flow-sides">
                        <div className="form">
                            {step === 0
                                ? <What {...props} accounts={all}
                                    account={account} />
                                : step === 1 ? <Content {...props} />
                                : <When {...props} zone={zone} />}
                        </div>
                        <aside className="flow-preview"
                            aria-label={t('calendar.preview')}>
                            <FlowPreview draft={draft} />
                            <p className="soft flow-when">
                                <Icon.Clock />
                                <span>
                                    {Number.isNaN(wallFrom(draft.at)) ? '–'
                                        : momentText(wallFrom(draft.at))}
                                    <br />
                                    {ruleWords(draft.rule !== null
                                        ? ruleText(draft.rule)
                                        : draft.custom !== ''
                                        ? draft.custom : null,
                                        wallFrom(draft.at) || 0)}
                                </span>
                            </p>
                        </aside>
                    </div>
                    {faults.length > 0 && <Notice error={error} />}
                    <FormEnd error={faults.length > 0 ? null : error}
                        busy={busy} save={step < 2 ? t('calendar.next')
                            : t(start.edit !== undefined ? 'form.save'
                                : 'calendar.planDo')}
                        onCancel={onClose}>
                        {step > 0
                            && <button type="button"
                                className="button flow-back"
                                onClick={() => setStep(step - 1)}>
                                {t('calendar.back')}
                            </button>}
                        {!ready
                            && <span className="soft flow-lack" role="status">
                                {t(step === 1 ? 'calendar.lackContent'
                                    : 'calendar.lackTime')}
                            </span>}
                    </FormEnd>
                </form>}
        </Dialog>
    );
}


function What({ draft, set, fault, accounts, account }: StepProps & {
    accounts: PlanAccount[]; account: PlanAccount | undefined;
}) {
    const platforms = [...new Set(accounts.map((a) => a.provider))];
    const platform = account?.provider ?? platforms[0]!;
    const fixed = draft.edit !== undefined;

    return (
        <>
            <SelectField label={t('calendar.platform')} value={platform}
                onChange={(p) => {
                    const a = accounts.find((x) => x.provider === p)!;

                    set({
                        account: a.id,
                        kind: draft.kind === 'status' && p !== 'waha'
                            ? 'message' : draft.kind,
                    });
                }}
                options={platforms.map((p) => ({
                    value: p, label: tMaybe(`calendar.platform.${p}`) ?? p,
                    disabled: fixed && draft.edit!.scope === 'this',
                }))} />
            <SelectField label={t('calendar.number')} value={draft.account}
                fault={fault('/document/account_id')}
                onChange={(v) => set({ account: v })}
                options={accounts.filter((a) => a.provider === platform)
                    .map((a) => ({
                        value: a.id,
                        label: [a.name, a.phone].filter(Boolean).join(', '),
                        disabled: fixed && draft.edit!.scope === 'this',
                    }))} />
            <Field label={t('calendar.type')}>
                {(ids) => (
                    <div className="flow-types" role="radiogroup" {...ids}>
                        {TYPES.map((k) => {
                            const not = k === 'status' && platform !== 'waha';

                            return (
                                <label key={k} className="flow-type">
                                    <input type="radio" name="flow-type"
                                        value={k} checked={draft.kind === k}
                                        disabled={not || (fixed
                                            && draft.kind !== k)}
                                        onChange={() => set({ kind: k,
                                            mode: k === 'broadcast'
                                                ? 'template' : 'text' })} />
                                    <KindIcon of={k} />
                                    <strong>{t(`calendar.kind.${k}`)}</strong>
                                    <span className="soft">
                                        {t(not ? 'calendar.statusNot'
                                            : `calendar.kindText.${k}`)}
                                    </span>
                                </label>
                            );
                        })}
                    </div>
                )}
            </Field>
        </>
    );
}

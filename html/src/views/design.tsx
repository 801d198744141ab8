/*
 * The design system on one page: tokens, type, distances, icons, parts.  What
 * is shown is the thing itself, so the page cannot say what is not so.
 */

import { useState } from 'react';
import type { ReactNode } from 'react';
import { num } from '../lib/format';
import type { Place } from '../lib/router';
import { t } from '../lib/t';
import { SelectField, TextField, Toggle } from '../ui/form';
import * as Icon from '../ui/icons';
import { Card, Head, Stat, Steps } from '../ui/page';
import {
    Avatar, Dialog, Empty, Segments, Skeleton, Status,
} from '../ui/parts';
import { toast } from '../ui/toast';

const SURFACES = ['paper', 'surface', 'raised', 'sunken', 'hover', 'line',
    'line-strong', 'edge'];
const INKS = ['ink', 'ink-soft', 'ink-faint', 'accent', 'accent-press',
    'accent-ink', 'accent-wash'];
const MEANINGS = ['sent', 'delivered', 'read', 'replied', 'failed', 'unknown',
    'skipped', 'open'];
const SIZES = ['xs', 's', 'm', 'l', 'xl', '2xl'];
const STATUSES = ['queued', 'sent', 'delivered', 'read', 'replied', 'failed',
    'unknown', 'skipped'];
const PILLS = ['scheduled', 'sending', 'paused', 'completed',
    'cancelled'] as const;


export function Design({ place }: { place: Place }) {
    void place;

    return (
        <div className="page design">
            <Head title={t('design.title')} lead={t('design.lead')} />
            <div className="stack">
                <Colours />
                <Type />
                <Space />
                <Icons />
                <Parts />
                <States />
            </div>
        </div>
    );
}


function Swatches({ title, names }: { title: string; names: string[] }) {
    return (
        <section>
            <h4>{title}</h4>
            <ul className="design-swatches">
                {names.map((n) => (
                    <li key={n}>
                        <span className={`design-swatch swatch-${n}`} />
                        <code>{n}</code>
                    </li>
                ))}
            </ul>
        </section>
    );
}


function Colours() {
    return (
        <Card title={t('design.colours')} hint={t('design.coloursHint')}>
            <Swatches title={t('design.surface')} names={SURFACES} />
            <Swatches title={t('design.ink')} names={INKS} />
            <Swatches title={t('design.meaning')} names={MEANINGS} />
        </Card>
    );
}


function Type() {
    return (
        <Card title={t('design.type')} hint={t('design.typeHint')}>
            <ul className="design-type">
                {SIZES.map((s) => (
                    <li key={s}>
                        <code>{`text-${s}`}</code>
                        <span className={`type-${s}`}>
                            {t('design.sample')}
                        </span>
                    </li>
                ))}
            </ul>
        </Card>
    );
}


function Space() {
    return (
        <Card title={t('design.space')} hint={t('design.spaceHint')}>
            <ul className="design-space">
                {[1, 2, 3, 4, 5, 6, 7, 8].map((n) => (
                    <li key={n}>
                        <code>{`s${n}`}</code>
                        <span className={`space-${n}`} aria-hidden="true" />
                    </li>
                ))}
            </ul>
        </Card>
    );
}


function Icons() {
    return (
        <Card title={t('design.icons')} hint={t('design.iconsHint')}>
            <ul className="design-icons">
                {Object.entries(Icon).map(([name, Shape]) => (
                    <li key={name}>
                        <Shape /><code>{name}</code>
                    </li>
                ))}
            </ul>
        </Card>
    );
}


function Part({ title, children }: { title: string; children: ReactNode }) {
    return (
        <section>
            <h4>{title}</h4>
            <div className="design-row">{children}</div>
        </section>
    );
}


function Parts() {
    const [text, setText] = useState('');
    const [pick, setPick] = useState<'one' | 'two'>('one');
    const [on, setOn] = useState(true);
    const [step, setStep] = useState(1);
    const two = [t('design.one'), t('design.two')];

    return (
        <Card title={t('design.parts')}>
            <Part title={t('design.buttons')}>
                <button className="button button-main">
                    <Icon.Send />{t('design.main')}
                </button>
                <button className="button">{t('design.plain')}</button>
                <button className="button button-quiet">
                    {t('design.quiet')}
                </button>
                <button className="button button-bad">{t('design.bad')}</button>
                <button className="button" aria-disabled="true">
                    {t('design.off')}
                </button>
            </Part>
            <Part title={t('design.states')}>
                {STATUSES.map((s) => <Status key={s} status={s} />)}
                {PILLS.map((s) => (
                    <span key={s} className={`pill is-${s}`}>
                        <i aria-hidden="true" />{t(`broadcast.${s}`)}
                    </span>
                ))}
                <span className="tag">vip</span>
                <Avatar name="Amina Kamau" />
                <kbd>K</kbd>
            </Part>
            <Part title={t('design.fields')}>
                <TextField label={t('design.field')} value={text}
                    hint={t('design.fieldHint')} onChange={setText} />
                <TextField label={t('design.fieldBad')} value={text}
                    fault={t('design.fieldFault')} onChange={setText} />
                <SelectField<'one' | 'two'> label={t('design.choice')}
                    value={pick} onChange={setPick}
                    options={[{ value: 'one', label: t('design.one') },
                              { value: 'two', label: t('design.two') }]} />
                <Segments<'one' | 'two'> label={t('design.choice')}
                    name="design-choice" value={pick} onChange={setPick}
                    options={[{ value: 'one', label: t('design.one') },
                              { value: 'two', label: t('design.two') }]} />
                <Toggle label={t('design.switch')} on={on} onChange={setOn} />
            </Part>
            <Part title={t('design.numbers')}>
                <div className="stats">
                    {(['sent', 'read', 'failed'] as const).map((s, i) => (
                        <Stat key={s} label={t(`home.${s}`)}
                            value={num([12840, 9217, 31][i]!)}
                            look={s === 'failed' ? 'failed' : undefined} />
                    ))}
                </div>
                <Steps label={t('design.numbers')} at={step} onGo={setStep}
                    items={[...two, t('design.choice')]} />
            </Part>
        </Card>
    );
}


function States() {
    const [open, setOpen] = useState(false);

    return (
        <>
            <Card title={t('design.waiting')}>
                <div className="design-thirds">
                    <Skeleton rows={4} kind="lines" />
                    <Empty icon={<Icon.Speech />}
                        title={t('design.emptyTitle')}
                        next={t('design.emptyNext')} />
                    <div className="state">
                        <Icon.Alert className="state-bad" />
                        <h2>{t('state.failed')}</h2>
                        <p>{t('design.fieldFault')}</p>
                        <button className="button">{t('state.retry')}</button>
                    </div>
                </div>
            </Card>
            <Card title={t('design.messages')}>
                <div className="design-row">
                    <button className="button" onClick={() => toast({
                        text: t('design.toastText'), undo: () => {},
                    })}>
                        {t('design.toast')}
                    </button>
                    <button className="button" onClick={() => setOpen(true)}>
                        {t('design.dialog')}
                    </button>
                </div>
            </Card>
            {open && <Dialog title={t('design.dialog')}
                onClose={() => setOpen(false)}>
                <p>{t('design.dialogText')}</p>
                <div className="dialog-actions">
                    <button className="button" autoFocus
                        onClick={() => setOpen(false)}>
                        {t('form.close')}
                    </button>
                </div>
            </Dialog>}
        </>
    );
}

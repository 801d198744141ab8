/*
 * The way to the first message.  A step is done when the server has what it
 * brings; the guide goes when all are, or when it is told to.
 */

import { useState } from 'react';
import { useMay, useMe } from '../../api/me';
import { num } from '../../lib/format';
import { Link } from '../../lib/router';
import { t } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { Card } from '../../ui/page';
import { toast } from '../../ui/toast';
import { useFirstSteps } from './data';

const STEPS = [
    { name: 'account', to: '/accounts/new' },
    { name: 'contacts', to: '/contacts/import' },
    { name: 'template', to: '/templates/new' },
    { name: 'sent', to: '/messages/new' },
] as const;


function hiddenFor(org: string): boolean {
    try {
        return localStorage.getItem(`herald.guide.${org}`) === 'hidden';
    } catch {
        return false;
    }
}


export function Guide() {
    const org = useMe()?.org_id ?? '';
    const may = useMay('send');
    const [hidden, setHidden] = useState(() => hiddenFor(org));
    const done = useFirstSteps(!hidden && may);
    const states = STEPS.map((s) => done[s.name]);

    if (hidden || !may || states.some((s) => s === undefined)
        || states.every((s) => s === true))
    {
        return null;
    }

    const keep = (hide: boolean) => {
        setHidden(hide);

        try {
            localStorage.setItem(`herald.guide.${org}`,
                                 hide ? 'hidden' : 'shown');
        } catch {
            /* hidden until the page is loaded again */
        }
    };

    const next = states.indexOf(false);

    return (
        <Card className="guide" title={t('guide.title')}
            hint={t('guide.hint')}
            actions={<>
                <span className="soft">
                    {t('guide.progress', {
                        done: num(states.filter(Boolean).length),
                        all: num(STEPS.length),
                    })}
                </span>
                <button className="button button-small button-quiet"
                    onClick={() => {
                        keep(true);
                        toast({ text: t('guide.dismissed'),
                                undo: () => keep(false) });
                    }}>
                    {t('guide.dismiss')}
                </button>
            </>}>
            <ol className="guide-steps">
                {STEPS.map((s, i) => (
                    <li key={s.name} data-step={s.name}
                        className={states[i] ? 'is-done'
                            : i === next ? 'is-next' : ''}>
                        <span className="step-n" aria-hidden="true">
                            {states[i] ? <Icon.Check /> : num(i + 1)}
                        </span>
                        <div>
                            <h4>
                                {t(`guide.${s.name}`)}
                                <span className="sr">
                                    {t(states[i] ? 'guide.done'
                                        : 'guide.open')}
                                </span>
                            </h4>
                            <p>{t(`guide.${s.name}More`)}</p>
                        </div>
                        {states[i] !== true
                            && <Link to={s.to} className={`button button-small${
                                i === next ? ' button-main' : ''}`}>
                                {t(`guide.${s.name}Go`)}
                            </Link>}
                    </li>
                ))}
            </ol>
        </Card>
    );
}

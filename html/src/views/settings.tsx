/*
 * Settings: what holds for the whole organisation.  Each tab is a place of
 * its own; what a single number may do is set with the number.
 */

import { useState } from 'react';
import { Link } from '../lib/router';
import type { Place } from '../lib/router';
import { t } from '../lib/t';
import type { TextKey } from '../lib/t';
import * as Icon from '../ui/icons';
import { Card, Head, Tabs } from '../ui/page';
import { Failed, Skeleton } from '../ui/parts';
import { BrandForm } from './settings/brand';
import { useLocked, useSettings } from './settings/data';
import { Limits, Organisation } from './settings/forms';
import { Notices } from './settings/notices';
import { Portfolios, Prices } from './settings/prices';
import { Suppressions } from './settings/suppressions';

const TABS = ['organisation', 'limits', 'brand', 'notices', 'suppressions',
              'prices'] as const;

type Tab = typeof TABS[number];


export function Settings({ place }: { place: Place }) {
    const at: Tab = TABS.find((x) => x === place.parts[1]) ?? 'organisation';
    const locked = useLocked();

    return (
        <div className="page settings">
            <Head title={t('nav.settings')} lead={t('settings.lead')} />
            <Tabs label={t('nav.settings')} at={at} items={TABS.map((k) => ({
                key: k, text: t(`settings.tab.${k}` as TextKey),
                to: k === 'organisation' ? '/settings' : `/settings/${k}`,
            }))} />
            {locked !== undefined
                && <p className="notice settings-locked">
                    <Icon.Info /><span>{locked}</span>
                </p>}
            {at === 'notices' ? <Notices />
                : at === 'suppressions' ? <Suppressions />
                : at === 'prices'
                ? <div className="stack"><Portfolios /><Prices /></div>
                : <OfOrganisation at={at} />}
        </div>
    );
}


function OfOrganisation({ at }: { at: 'organisation' | 'limits' | 'brand' }) {
    const query = useSettings();
    const [turn, setTurn] = useState(0);
    const reload = () => void query.refetch().then(() => setTurn(turn + 1));

    if (query.data === undefined) {
        return query.isError
            ? <Failed error={query.error}
                retry={() => void query.refetch()} />
            : <Card><Skeleton rows={4} kind="lines" /></Card>;
    }

    const Form = at === 'organisation' ? Organisation
        : at === 'limits' ? Limits : BrandForm;

    return (
        <>
            <Form key={`${at} ${turn}`} from={query.data} reload={reload} />
            {at === 'limits'
                && <p className="soft settings-aside">
                    {t('settings.numbersMore')}{' '}
                    <Link to="/accounts" className="text-link">
                        {t('settings.numbers')}
                    </Link>
                </p>}
        </>
    );
}

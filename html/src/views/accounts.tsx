/*
 * Numbers: the list, one of them, and the ways to add one.
 *
 *   /accounts                      the list
 *   /accounts/new[/<provider>]     add one
 *   /accounts/sign-up              where Meta's window comes back to
 *   /accounts/<id>[/<tab>]         one of them
 */

import { useMay } from '../api/me';
import type { Place } from '../lib/router';
import { t } from '../lib/t';
import { Head } from '../ui/page';
import * as Icon from '../ui/icons';
import { Empty } from '../ui/parts';
import { Add } from './accounts/add';
import { Detail } from './accounts/detail';
import { List } from './accounts/list';
import { SignedUp } from './accounts/signup';


export function Accounts({ place }: { place: Place }) {
    const admin = useMay('admin');
    const what = place.parts[1];

    if (what === undefined) {
        return <List />;
    }

    if (what === 'sign-up') {
        return <SignedUp place={place} />;
    }

    if (what !== 'new') {
        return <Detail key={what} id={what} tab={place.parts[2] ?? ''} />;
    }

    return admin ? <Add provider={place.parts[2]} made={place.parts[3]} />
        : (
            <div className="page">
                <Head title={t('accounts.add')}
                    back={{ to: '/accounts', text: t('nav.accounts') }} />
                <Empty icon={<Icon.Key />} title={t('accounts.mayNot')}
                    next={t('accounts.mayNotNext')} />
            </div>
        );
}

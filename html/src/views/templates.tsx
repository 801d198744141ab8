/*
 * Templates: the list, the library, the snippets and the bin; and one of them
 * to be seen, edited, compared and submitted.
 */

import { useState } from 'react';
import { useKeys } from '../lib/keys';
import { Link, go } from '../lib/router';
import type { Place } from '../lib/router';
import { t } from '../lib/t';
import * as Icon from '../ui/icons';
import { Head, Tabs } from '../ui/page';
import { useMayChange } from './templates/data';
import { Edit } from './templates/editor';
import { Library } from './templates/library';
import { List } from './templates/list';
import { One } from './templates/one';
import { Snippets } from './templates/snippets';

const TABS = ['library', 'snippets', 'bin'];


export function Templates({ place }: { place: Place }) {
    const at = place.parts[1];

    return (
        <div className="page tpl">
            {at === undefined || TABS.includes(at)
                ? <Shelves place={place} at={at ?? 'all'} />
                : at === 'new' ? <Edit key="new" id={undefined} />
                : place.parts[2] === 'edit' ? <Edit key={at} id={at} />
                : <One key={at} id={at} place={place} />}
        </div>
    );
}


function Shelves({ place, at }: { place: Place; at: string }) {
    const [adding, setAdding] = useState(false);
    const { may, why } = useMayChange();
    const add = () => {
        if (!may) {
            return;
        }

        if (at === 'snippets') {
            setAdding(true);

        } else {
            go('/templates/new');
        }
    };

    useKeys({ c: add });

    return (
        <>
            <Head title={t('nav.templates')} lead={
                at === 'library' ? t('templates.libraryLead')
                : at === 'snippets' ? t('templates.snippetsLead')
                : at === 'bin' ? t('templates.binLead')
                : t('templates.lead')}>
                {at !== 'library' && at !== 'snippets'
                    && <Link to="/templates/library" className="button">
                        <Icon.Book />{t('templates.fromLibrary')}
                    </Link>}
                <button className="button button-main" title={why}
                    aria-disabled={may ? undefined : 'true'} onClick={add}>
                    <Icon.Plus />
                    {at === 'snippets' ? t('templates.newSnippet')
                        : t('templates.new')}
                </button>
            </Head>
            <Tabs label={t('nav.templates')} at={at} items={[
                { key: 'all', to: '/templates', text: t('templates.all') },
                { key: 'library', to: '/templates/library',
                  text: t('templates.libraryTab') },
                { key: 'snippets', to: '/templates/snippets',
                  text: t('templates.snippets') },
                { key: 'bin', to: '/templates/bin',
                  text: t('templates.binTab') },
            ]} />
            {at === 'library' ? <Library place={place} />
                : at === 'snippets'
                ? <Snippets place={place} adding={adding}
                    onAdded={() => setAdding(false)} />
                : <List key={at} place={place} bin={at === 'bin'} />}
        </>
    );
}

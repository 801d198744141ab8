/*
 * Docs.
 */

import type { Place } from '../lib/router';
import { t } from '../lib/t';
import { Head } from '../ui/page';


export function Docs({ place }: { place: Place }) {
    void place;

    return (
        <div className="page">
            <Head title={t('nav.docs')} />
        </div>
    );
}

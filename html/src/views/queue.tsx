/*
 * Queue.
 */

import type { Place } from '../lib/router';
import { t } from '../lib/t';
import { Head } from '../ui/page';


export function Queue({ place }: { place: Place }) {
    void place;

    return (
        <div className="page">
            <Head title={t('nav.queue')} />
        </div>
    );
}

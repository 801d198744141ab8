/*
 * Somebody else was faster: what is there now is loaded before it is changed.
 */

import { t } from '../../lib/t';
import { Notice } from '../../ui/parts';


export function Stale({ error, reload }: {
    error: unknown; reload: () => void;
}) {
    return (
        <div className="stack">
            <Notice error={error} />
            <button type="button" className="button" onClick={reload}>
                {t('settings.reload')}
            </button>
        </div>
    );
}

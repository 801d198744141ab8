/*
 * The events that make what is shown of a number stale.
 */

import type { QueryClient } from '@tanstack/react-query';

const EVENTS = ['account.updated', 'account.session', 'account.health'];


/* everything that is shown of one number, asked for again */
export function refresh(qc: QueryClient, id: string): void {
    for (const key of ['account', 'session', 'qr', 'history', 'checks']) {
        void qc.invalidateQueries({ queryKey: [key, id] });
    }

    void qc.invalidateQueries({ queryKey: ['accounts'] });
    void qc.invalidateQueries({ queryKey: ['queue'] });
}


export function listenAccounts(s: EventSource,
    client: () => QueryClient | undefined): void
{
    for (const type of EVENTS) {
        s.addEventListener(type, (e) => {
            const qc = client();
            let id: string | undefined;

            try {
                const d = JSON.parse((e as MessageEvent<string>).data) as {
                    id?: string; account_id?: string;
                };

                id = d.account_id ?? d.id;
            } catch {
                /* then the list alone is asked for */
            }

            if (qc !== undefined) {
                refresh(qc, id ?? '');
            }
        });
    }
}

/*
 * The provider's word on a template changes what the lists, the template
 * itself and the composer show of it.
 */

import type { QueryClient } from '@tanstack/react-query';


export function listenTemplates(s: EventSource,
    client: () => QueryClient | undefined): void
{
    s.addEventListener('template.status', () => {
        void client()?.invalidateQueries({ queryKey: ['templates'] });
    });
}

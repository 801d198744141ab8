/*
 * The dashboard's entry: who is there decides between the sign-in page and
 * the rest.
 */

import './css/index.css';
import { createRoot } from 'react-dom/client';
import { QueryClientProvider } from '@tanstack/react-query';
import { App } from './app';
import { makeClient } from './api/queries';
import { direction, locale, startTexts } from './lib/t';

document.documentElement.lang = locale;
document.documentElement.dir = direction;

await startTexts();

createRoot(document.getElementById('app')!).render(
    <QueryClientProvider client={makeClient()}>
        <App />
    </QueryClientProvider>,
);

/* where there is one, the shell opens without a network (sw.ts) */
if (process.env.NODE_ENV === 'production' && 'serviceWorker' in navigator) {
    navigator.serviceWorker.register('/sw.js').catch(() => {
        /* it works without, as long as there is a network */
    });
}

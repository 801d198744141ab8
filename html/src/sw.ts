/*
 * The service worker: the shell of the page opens without a network.
 *
 *   - What has a hash in its name never changes: from the cache.
 *   - A page: from the network; without one, the shell as it was last seen.
 *   - Everything else, the API above all, is never touched: what is shown of
 *     people and messages is asked for or not shown.
 *
 * The build lays the list of files in; a new build has another list, so its
 * worker takes the place of the old one and clears what that kept.
 */

declare const HERALD_FILES: string[];
declare const HERALD_BUILD: string;

interface ExtendableEvent extends Event {
    waitUntil(p: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
    request: Request;
    respondWith(r: Promise<Response>): void;
}

const worker = self as unknown as {
    addEventListener<E>(type: string, f: (e: E) => void): void;
    skipWaiting(): Promise<void>;
    clients: { claim(): Promise<void> };
    location: Location;
};

const NAME = `herald-${HERALD_BUILD}`;
const SHELL = '/index.html';


worker.addEventListener<ExtendableEvent>('install', (e) => {
    e.waitUntil(caches.open(NAME)
        .then((c) => c.addAll([SHELL, ...HERALD_FILES]))
        .then(() => worker.skipWaiting()));
});


worker.addEventListener<ExtendableEvent>('activate', (e) => {
    e.waitUntil(caches.keys()
        .then((names) => Promise.all(names
            .filter((n) => n.startsWith('herald-') && n !== NAME)
            .map((n) => caches.delete(n))))
        .then(() => worker.clients.claim()));
});


async function asset(r: Request): Promise<Response> {
    const cache = await caches.open(NAME);
    const kept = await cache.match(r);

    if (kept !== undefined) {
        return kept;
    }

    const res = await fetch(r);

    if (res.ok) {
        void cache.put(r, res.clone());
    }

    return res;
}


async function page(r: Request): Promise<Response> {
    try {
        return await fetch(r);
    } catch (e) {
        const kept = await (await caches.open(NAME)).match(SHELL);

        if (kept === undefined) {
            throw e;
        }

        return kept;
    }
}


worker.addEventListener<FetchEvent>('fetch', (e) => {
    const url = new URL(e.request.url);

    if (e.request.method !== 'GET' || url.origin !== worker.location.origin
        || url.pathname.startsWith('/api/'))
    {
        return;
    }

    if (url.pathname.startsWith('/assets/')) {
        e.respondWith(asset(e.request));

    } else if (e.request.mode === 'navigate') {
        e.respondWith(page(e.request));
    }
});

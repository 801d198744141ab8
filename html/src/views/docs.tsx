/*
 * The API reference, made from the description that this very server gives
 * (/api/v1/openapi.json), so it cannot say other than what is.
 */

import { useState } from 'react';
import { Link, go } from '../lib/router';
import type { Place } from '../lib/router';
import { t } from '../lib/t';
import * as Icon from '../ui/icons';
import { Head } from '../ui/page';
import { Empty, Failed, Skeleton } from '../ui/parts';
import { Method, RouteView } from './docs/route';
import { groupsOf, matches, useRoutes } from './docs/spec';
import type { Route } from './docs/spec';

const to = (r: Route) => `/docs?at=${encodeURIComponent(r.key)}`;


export function Docs({ place }: { place: Place }) {
    const query = useRoutes();
    const at = place.query.get('at') ?? '';
    const route = query.data?.find((r) => r.key === at);

    return (
        <div className={`page docs${at !== '' ? ' has-route' : ''}`}>
            <Head title={t('nav.docs')} lead={t('docs.lead')}>
                <a className="button" href="/api/v1/openapi.json"
                    download="openapi.json">
                    <Icon.Download />{t('docs.download')}
                </a>
            </Head>
            {query.data === undefined
                ? query.isError
                    ? <Failed error={query.error}
                        retry={() => void query.refetch()} />
                    : <Skeleton rows={8} kind="lines" />
                : <div className="docs-columns">
                    <Index routes={query.data} at={at} />
                    <div className="docs-at">
                        {at !== ''
                            && <Link to="/docs" className="page-back docs-back">
                                <Icon.Back />{t('docs.all')}
                            </Link>}
                        {route !== undefined ? <RouteView of={route} />
                            : at !== ''
                            ? <Empty title={t('docs.gone')} />
                            : <Start />}
                    </div>
                </div>}
        </div>
    );
}


function Index({ routes, at }: { routes: Route[]; at: string }) {
    const [find, setFind] = useState('');
    const words = find.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length === 0 ? routes
        : routes.filter((r) => matches(r, words));

    return (
        <div className="docs-index">
            <div className="search">
                <Icon.Search />
                <input type="search" value={find} aria-label={t('docs.find')}
                    placeholder={t('docs.find')}
                    onInput={(e: Event) => setFind(
                        (e.currentTarget as HTMLInputElement).value)}
                    onKeyDown={(e: KeyboardEvent) => {
                        if (e.key === 'Enter' && found[0] !== undefined) {
                            go(to(found[0]));
                        }
                    }} />
            </div>
            <p className="sr" role="status">
                {found.length === 0 ? t('docs.none') : ''}
            </p>
            <nav aria-label={t('nav.docs')} className="docs-list">
                {found.length === 0
                    && <p className="soft">{t('docs.none')}</p>}
                {groupsOf(found).map(([tag, list]) => (
                    <section key={tag}>
                        <h3 lang="en">{tag}</h3>
                        <ul>
                            {list.map((r) => (
                                <li key={r.key}>
                                    <Link to={to(r)} title={r.key}
                                        aria-current={r.key === at ? 'page'
                                            : undefined}>
                                        <Method of={r.method} />
                                        <span>
                                            <bdi lang="en">{r.of.summary}</bdi>
                                            <code dir="ltr">{r.path}</code>
                                        </span>
                                    </Link>
                                </li>
                            ))}
                        </ul>
                    </section>
                ))}
            </nav>
        </div>
    );
}


function Start() {
    const first = `curl ${location.origin}/api/v1/me \\\n`
        + `  -H 'Authorization: Bearer hk_…'`;

    return (
        <article className="docs-route stack">
            <h3>{t('docs.start')}</h3>
            <p>{t('docs.startKey')}</p>
            <pre className="code" dir="ltr" tabIndex={0}
                aria-label={t('docs.example')}>{first}</pre>
            <p>{t('docs.startProblems')}</p>
            <p>{t('docs.startPages')}</p>
            <p>
                <Link to="/keys" className="button">
                    <Icon.Key />{t('nav.keys')}
                </Link>
            </p>
        </article>
    );
}

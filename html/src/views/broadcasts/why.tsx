/*
 * "Why did this person not get it?": one sentence, then all that happened,
 * in order.  Asked from a recipient's row or by a phone.
 */

import { useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { Problem, call } from '../../api/client';
import { full, moment } from '../../lib/format';
import { Link, go, withQuery } from '../../lib/router';
import type { Place } from '../../lib/router';
import { t, tMaybe } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { Dialog, Failed, Phone, Skeleton, Status } from '../../ui/parts';
import { pathOf } from './model';
import type { Story } from './model';

/* what ends well, badly, or waits; the rest is told without a colour */
const LOOK: Record<string, string> = {
    accepted: 'sent', sent: 'sent', delivered: 'delivered', read: 'read',
    played: 'read', replied: 'replied', rejected: 'failed', failed: 'failed',
    failed_status: 'failed', skipped: 'skipped', cancelled: 'skipped',
    expired: 'skipped', unknown: 'unknown', deferred: 'unknown',
    paused: 'unknown',
};


export function Why({ id, who, place }: {
    id: string; who: string; place: Place;
}) {
    const close = () => go(withQuery(place, { why: '' }), true);
    const story = useQuery({
        queryKey: ['broadcast-why', id, who],
        staleTime: 2000,
        queryFn: ({ signal }) => call<Story>('GET',
            `${pathOf(id)}/why?contact=${encodeURIComponent(who)}`,
            { signal }),
    });
    const s = story.data;
    const refused = story.error instanceof Problem
        && [404, 422].includes(story.error.status);

    return (
        <Dialog className="drawer" onClose={close}
            title={t('why.title')}>
            <button className="icon-button drawer-close" onClick={close}
                aria-label={t('form.close')}>
                <Icon.Close />
            </button>
            {s !== undefined
                ? <>
                    <div className="why-who">
                        <bdi className="why-name">
                            {s.contact === null ? who
                                : s.contact.name || t('contacts.unnamed')}
                        </bdi>
                        {s.contact !== null
                            && <span className="soft">
                                <Phone of={s.contact.phone} /></span>}
                    </div>
                    <div className="why-summary" data-state={s.state}>
                        {tMaybe(`status.${s.state}`) !== undefined
                            && <Status status={s.state} />}
                        <p><bdi>{s.summary}</bdi></p>
                    </div>
                    <ol className="story">
                        {s.story.map((e, i) => (
                            <li key={i} data-event={e.event}
                                className={`story-line is-${LOOK[e.event]
                                    ?? 'open'}`}>
                                <i aria-hidden="true" />
                                <p><bdi>{e.words}</bdi></p>
                                {e.detail
                                    && <p className="soft story-detail">
                                        <bdi>{e.detail}</bdi></p>}
                                {e.fix
                                    && <p className="story-fix">
                                        <Icon.Bolt /><bdi>{e.fix}</bdi></p>}
                                {e.at !== null
                                    && <time dateTime={e.at}
                                        title={full(e.at)}>
                                        {moment(e.at)}</time>}
                            </li>
                        ))}
                    </ol>
                    {s.contact !== null
                        && <p>
                            <Link className="button"
                                to={`/contacts/${s.contact.id}`}>
                                <Icon.People />{t('why.contact')}
                            </Link>
                        </p>}
                </>
                : refused
                ? <p className="notice is-unknown"><Icon.Query />
                    <span>{t('why.nobody', { who })}</span></p>
                : story.isError
                ? <Failed error={story.error}
                    retry={() => void story.refetch()} />
                : <Skeleton rows={5} kind="lines" />}
        </Dialog>
    );
}


/* for those who are not in the list: a phone */
export function AskWhy({ place }: { place: Place }) {
    const [typed, setTyped] = useState('');

    return (
        <form className="ask-why" role="search" onSubmit={(e: Event) => {
            e.preventDefault();

            const phone = typed.replace(/[\s().-]/g, '');

            if (phone !== '') {
                go(withQuery(place, { why: phone }));
            }
        }}>
            <label className="search">
                <Icon.Query />
                <span className="sr">{t('why.ask')}</span>
                <input type="tel" value={typed} name="why"
                    placeholder={t('why.ask')} autoComplete="off"
                    onInput={(e: Event) => setTyped(
                        (e.currentTarget as HTMLInputElement).value)} />
            </label>
            <button className="button">{t('why.go')}</button>
        </form>
    );
}

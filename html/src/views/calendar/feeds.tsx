/*
 * Links for other calendars.  A link is secret and shown once; it ends when
 * its feed is deleted.
 */

import { useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client';
import type { Page } from '../../api/types';
import { when } from '../../lib/format';
import { t } from '../../lib/t';
import { CopyButton, FormEnd, TextField } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Dialog, Failed, Notice, Skeleton } from '../../ui/parts';
import { toast } from '../../ui/toast';

interface Feed {
    id: string;
    name: string;
    created_at: string;
    url?: string;
}


/* a server that knows no name of its own says the path only */
const whole = (url: string) => new URL(url, location.origin).href;


export function Feeds({ canSend, onClose }: {
    canSend: boolean; onClose: () => void;
}) {
    const qc = useQueryClient();
    const feeds = useQuery({
        queryKey: ['feeds'],
        queryFn: ({ signal }) => call<Page<Feed>>(
            'GET', '/feeds?limit=100', { signal }),
    });
    const [name, setName] = useState('');
    const [made, setMade] = useState<Feed | null>(null);
    const [error, setError] = useState<unknown>(null);
    const [busy, setBusy] = useState(false);

    const run = async (f: () => Promise<void>) => {
        setBusy(true);
        setError(null);

        try {
            await f();
            await qc.invalidateQueries({ queryKey: ['feeds'] });
        } catch (x) {
            setError(x);
        } finally {
            setBusy(false);
        }
    };

    return (
        <Dialog title={t('calendar.feed')} onClose={onClose}>
            <p className="soft">{t('calendar.feedText')}</p>
            {made?.url !== undefined
                && <div className="notice is-replied feed-made" role="status">
                    <Icon.Check />
                    <div>
                        <p>{t('calendar.feedMade')}</p>
                        <p><code dir="ltr">{whole(made.url)}</code></p>
                        <CopyButton text={whole(made.url)} />
                    </div>
                </div>}
            {feeds.data === undefined
                ? feeds.isError
                    ? <Failed error={feeds.error}
                        retry={() => void feeds.refetch()} />
                    : <Skeleton rows={2} kind="lines" />
                : <ul className="feed-list">
                    {feeds.data.data.map((f) => (
                        <li key={f.id}>
                            <bdi>{f.name}</bdi>
                            <span className="soft">{when(f.created_at)}</span>
                            {canSend
                                && <button className="icon-button"
                                    aria-label={t('calendar.feedEnd',
                                                  { name: f.name })}
                                    onClick={() => void run(async () => {
                                        await call('DELETE',
                                                   `/feeds/${f.id}`);
                                        toast({
                                            text: t('calendar.feedEnded'),
                                        });
                                    })}>
                                    <Icon.Trash />
                                </button>}
                        </li>
                    ))}
                </ul>}
            {canSend
                ? <form className="form" onSubmit={(e: Event) => {
                    e.preventDefault();

                    if (name.trim() !== '' && !busy) {
                        void run(async () => {
                            setMade(await call<Feed>('POST', '/feeds', {
                                body: { name: name.trim() },
                            }));
                            setName('');
                        });
                    }
                }}>
                    <TextField label={t('calendar.feedName')} value={name}
                        onChange={setName} maxLength={100} />
                    <FormEnd error={error} busy={busy}
                        save={t('calendar.feedMake')} />
                </form>
                : error !== null && <Notice error={error} />}
        </Dialog>
    );
}

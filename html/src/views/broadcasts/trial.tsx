/*
 * The broadcast to oneself, or to a few others, before it goes: real
 * messages that are counted nowhere, with their ticks as they come.
 */

import { useState } from 'react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { call, uuid } from '../../api/client';
import { useLiveStatus } from '../../api/live';
import type { Message, Page } from '../../api/types';
import { t } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { TextField, useFaults } from '../../ui/form';
import { Card } from '../../ui/page';
import { Name, Notice, Phone, Segments, Status, whyNot }
    from '../../ui/parts';
import { letter, pathOf } from './model';

const OVER = ['read', 'played', 'failed', 'skipped', 'unknown'];
const FOLLOW_MS = 60_000;


export function Trial({ id, variant, variants }: {
    id: string; variant: number; variants: number;
}) {
    const [to, setTo] = useState(stored);
    const [which, setWhich] = useState(variant);
    const [sent, setSent] = useState<Message[]>([]);
    const offline = useLiveStatus() === 'offline';

    /* its function is an older render's at times: what it needs is given */
    const send = useMutation({
        mutationFn: (phone: string) => call<Page<Message>>('POST',
            `${pathOf(id)}/test`, {
                body: { to: phone.replace(/[\s().-]/g, ''),
                        ...(variants > 1 ? { variant: which } : {}) },
                headers: { 'Idempotency-Key': uuid() },
            }),
        onSuccess: (page, phone) => {
            setSent((before) => [...page.data, ...before].slice(0, 5));
            store(phone);
        },
    });

    const faults = useFaults(send.error);
    const idle = send.isPending || offline || to.trim() === '';
    const go = () => {
        if (!idle) {
            send.mutate(to);
        }
    };

    return (
        <Card title={t('trial.title')} hint={t('trial.hint')}
            className="trial">
            {variants > 1
                && <Segments label={t('new.variants')} name="trial-variant"
                    value={String(which)}
                    options={Array.from({ length: variants }, (_, i) => ({
                        value: String(i),
                        label: t('new.variant', { letter: letter(i) }),
                    }))}
                    onChange={(i) => setWhich(Number(i))} />}
            <div className="trial-row">
                <TextField type="tel" label={t('trial.to')} value={to}
                    onChange={setTo} dir="ltr" autoComplete="tel"
                    placeholder="+254712345678" name="trial-to"
                    onKeyDown={(e: KeyboardEvent) => {
                        if (e.key === 'Enter') {
                            e.preventDefault();
                            go();
                        }
                    }}
                    fault={faults.of('/to') ?? faults.of('/contact_id')} />
                <button type="button" className="button" onClick={go}
                    aria-disabled={idle ? 'true' : undefined}>
                    {send.isPending ? t('trial.sending') : t('trial.send')}
                </button>
            </div>
            {send.isError && !faults.any && <Notice error={send.error} />}
            {sent.length > 0
                && <ul className="trial-sent" aria-live="polite">
                    {sent.map((m) => <Sent key={m.id} of={m} />)}
                </ul>}
        </Card>
    );
}


function Sent({ of }: { of: Message }) {
    const [since] = useState(() => Date.now());

    const one = useQuery({
        queryKey: ['message', 'trial', of.id],
        initialData: of,
        queryFn: ({ signal }) => call<Message>('GET',
            `/messages/${encodeURIComponent(of.id)}`, { signal }),
        refetchInterval: (self) => OVER.includes(
            self.state.data?.status ?? '')
            || Date.now() - since > FOLLOW_MS ? false : 1000,
    });

    const m = one.data;
    const why = whyNot(m);

    return (
        <li>
            <Icon.Send />
            <span><Name of={m.contact_name ?? m.phone} />{' '}
                <span className="soft"><Phone of={m.phone} /></span></span>
            <Status status={m.status} />
            {why !== '' && <span className="soft trial-why">{why}</span>}
        </li>
    );
}


/* the number that tests went to last is probably one's own */
const KEY = 'herald.trial';

function stored(): string {
    try {
        return localStorage.getItem(KEY) ?? '';
    } catch {
        return '';
    }
}


function store(to: string): void {
    try {
        localStorage.setItem(KEY, to);
    } catch {
        /* it is typed again, then */
    }
}

/*
 * The shapes of the API's answers, as /api/v1/openapi.json describes them.
 */

export interface Page<T> {
    data: T[];
    next_cursor: string | null;
}

export interface User {
    id: string;
    email: string | null;
    name: string | null;
    role: string;
    org_id: string;
    org_name: string;
    scopes: ('read' | 'send' | 'admin')[];
}

export interface Contact {
    id: string;
    name: string | null;
    first_name: string | null;
    last_name: string | null;
    phone: string | null;
    email: string | null;
    language: string | null;
    tags: string[];
    fields: Record<string, unknown>;
    marketing_opt_out: boolean;
    created_at: string;
    updated_at: string;
}

export interface Account {
    id: string;
    name: string;
    provider: string;
    phone: string | null;
    status: string;
    rate_limit: number;
}

export interface Template {
    id: string;
    name: string;
    language: string;
    category: string;
    header: string | null;
    body: string;
    footer: string | null;
    status: string;
}

export interface Preview {
    header: string | null;
    body: string;
    footer: string | null;
    missing: string[];
}

export interface Counters {
    audience: number;
    queued: number;
    sent: number;
    delivered: number;
    read: number;
    replied: number;
    failed: number;
    skipped: number;
    unknown: number;
    opted_out?: number;
}

export type BroadcastStatus =
    'draft' | 'scheduled' | 'sending' | 'paused' | 'cancelled' | 'completed';

export interface Broadcast {
    id: string;
    name: string;
    status: BroadcastStatus;
    account_id: string;
    template_id: string;
    audience: { all?: boolean; tag?: string };
    send_at: string | null;
    started_at: string | null;
    finished_at: string | null;
    created_at: string;
    counters: Counters;
}

export interface Recipient {
    seq: number;
    contact_id: string;
    name: string | null;
    phone: string | null;
    status: string;
    attempts: number;
    error_code: number | string | null;
    error: string | null;
    reason: string | null;
    message_id: string | null;
    sent_at: string | null;
    delivered_at: string | null;
    read_at: string | null;
    replied_at: string | null;
}

export interface Message {
    id: string;
    account_id: string;
    contact_id: string;
    contact_name: string | null;
    phone: string | null;
    direction: 'in' | 'out';
    type: string;
    text: string | null;
    status: string;
    error_code: number | string | null;
    error: string | null;
    broadcast_id: string | null;
    created_at: string;
    sent_at: string | null;
    delivered_at: string | null;
    read_at: string | null;
}

/*
 * A message's status only ever rises; events may come out of order, and an
 * answer may be older than an event that overtook it.
 */

const RANK: Record<string, number> = {
    queued: 0, sending: 1, unknown: 2, accepted: 3, sent: 4, failed: 5,
    skipped: 5, delivered: 6, read: 7, played: 8, replied: 9, received: 9,
};


export function rises(from: string, to: string): boolean {
    return (RANK[to] ?? 0) > (RANK[from] ?? 0);
}


/* recipients whose outcome is no longer open */
export function settled(c: Counters): number {
    return c.sent + c.failed + c.skipped + c.unknown;
}


/* rises with everything that happens, so it tells the younger of two counts */
export function progressOf(c: Counters): number {
    return settled(c) + c.delivered + c.read + c.replied;
}

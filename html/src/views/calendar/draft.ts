/*
 * What is being planned: the fields of the content flow, from and to the
 * body of POST /schedules.
 */

import { call } from '../../api/client';
import type { Broadcast } from '../../api/types';
import type { Entry, Kind, Schedule } from './data';
import { parseRule, ruleText } from './recur';
import type { Rule } from './recur';
import { DAY, wallFrom, wallOf, wallText } from './wall';
import type { Wall } from './wall';

export type FlowKind = Exclude<Kind, 'sequence'>;
export type Scope = 'all' | 'this' | 'following';

export interface File {
    id: string;
    mime: string;
    filename: string;
}

export interface Draft {
    edit?: { id: string; scope: Scope; place: string };
    kind: FlowKind;
    account: string;
    contact: { id: string; name: string | null; phone: string | null } | null;
    to: string;
    audience: string;                  /* '' is everybody, else a tag */
    mode: 'text' | 'template';
    text: string;
    template: string;
    variables: Record<string, string>;
    file: File | null;
    colour: string;
    name: string;
    at: string;                        /* "2027-01-31T09:00" */
    zone: string;
    rule: Rule | null;
    custom: string;                    /* a rule that the editor cannot draw */
    monthEnd: 'skip' | 'last_day';
    best: boolean;
    ifReplied: boolean;
    deleteAfter: number;               /* hours; 0: as WhatsApp does */
    rest: Record<string, unknown>;     /* of the document: kept as it was */
}


export function emptyDraft(zone: string, at: Wall): Draft {
    return {
        kind: 'message', account: '', contact: null, to: '', audience: '',
        mode: 'text', text: '', template: '', variables: {}, file: null,
        colour: '#1f6b4f', name: '', at: wallText(at), zone, rule: null,
        custom: '', monthEnd: 'skip', best: false, ifReplied: false,
        deleteAfter: 0, rest: {},
    };
}


type Json = Record<string, unknown>;

const str = (v: unknown): string => typeof v === 'string' ? v : '';
const obj = (v: unknown): Json =>
    typeof v === 'object' && v !== null && !Array.isArray(v) ? v as Json : {};

const KNOWN = ['account_id', 'contact_id', 'to', 'text', 'template',
               'template_id', 'content', 'audience', 'variables', 'name',
               'recipients'];


/* who a message goes to has a name, where it can still be had */
async function contactOf(id: string): Promise<Draft['contact']> {
    if (id === '') {
        return null;
    }

    try {
        return await call<NonNullable<Draft['contact']>>(
            'GET', `/contacts/${encodeURIComponent(id)}`);
    } catch {
        return { id, name: null, phone: null };
    }
}


async function fileOf(id: string): Promise<File | null> {
    return id === '' ? null
        : call<File>('GET', `/media/${encodeURIComponent(id)}`)
            .catch(() => ({ id, mime: '', filename: id }));
}


async function fromDocument(d: Draft, doc: Json): Promise<Draft> {
    const content = obj(doc['content']);
    const template = obj(doc['template']);
    const audience = obj(d.kind === 'status' ? doc['recipients']
        : doc['audience']);
    const id = str(template['id']) || str(doc['template_id']);

    return {
        ...d,
        account: str(doc['account_id']),
        contact: await contactOf(str(doc['contact_id'])),
        to: str(doc['to']),
        audience: str(audience['tag']),
        mode: id !== '' ? 'template' : 'text',
        text: str(doc['text']) || str(content['text'])
            || str(content['caption']),
        template: id,
        variables: {
            ...obj(template['variables']), ...obj(doc['variables']),
        } as Record<string, string>,
        file: await fileOf(str(content['media_id'])),
        colour: str(content['background_color']) || d.colour,
        name: str(doc['name']) || d.name,
        rest: Object.fromEntries(Object.entries(doc)
            .filter(([k]) => !KNOWN.includes(k))),
    };
}


export async function fromSchedule(s: Schedule, own: Json | null,
    at: string, edit?: Draft['edit']): Promise<Draft>
{
    const rule = s.rrule === null ? null : parseRule(s.rrule);

    return fromDocument({
        ...emptyDraft(s.time_zone, wallFrom(at)),
        edit,
        kind: s.kind as FlowKind,
        name: s.name,
        rule,
        custom: s.rrule !== null && rule === null ? s.rrule : '',
        monthEnd: s.month_end,
        best: s.best_time,
        ifReplied: s.cancel_if_replied,
        deleteAfter: Math.round((s.delete_after_s ?? 0) / 3600),
    }, { ...s.document, ...own });
}


/* of a broadcast or a message that no schedule made, a day later */
export async function copyOf(e: Entry, zone: string): Promise<Draft> {
    const later = wallOf(Math.max(Date.parse(e.at), Date.now()), zone) + DAY;
    const draft = { ...emptyDraft(zone, later), kind: e.kind as FlowKind };

    if (e.kind === 'broadcast') {
        const b = await call<Broadcast & Json>('GET',
            `/broadcasts/${encodeURIComponent(e.ref_id!)}`);

        return fromDocument(draft, {
            name: b.name, account_id: b.account_id,
            template_id: b.template_id, audience: b.audience,
            variables: b['variables'],
        });
    }

    if (e.kind === 'status') {
        const s = await call<Json>('GET',
            `/statuses/${encodeURIComponent(e.ref_id!)}`);

        return fromDocument(draft, s);
    }

    const m = await call<Json>('GET',
        `/messages/${encodeURIComponent(e.ref_id!)}`);

    return fromDocument(draft, m);
}


function contentOf(d: Draft): Json {
    const type = d.file === null ? 'text'
        : ['image', 'video', 'audio'].find((k) =>
            d.file!.mime.startsWith(`${k}/`)) ?? 'document';

    if (d.kind === 'status') {
        return d.file === null
            ? { type, text: d.text.trim(), background_color: d.colour }
            : {
                type: type === 'audio' ? 'voice' : type, media_id: d.file.id,
                mime: d.file.mime,
                ...(d.text.trim() !== '' ? { caption: d.text.trim() } : {}),
            };
    }

    return {
        type, media_id: d.file!.id,
        ...(type === 'document' ? { filename: d.file!.filename } : {}),
        ...(d.text.trim() !== '' && type !== 'audio'
            ? { caption: d.text.trim() } : {}),
    };
}


export function documentOf(d: Draft): Json {
    const audience = d.audience === '' ? { all: true } : { tag: d.audience };
    const variables = Object.fromEntries(Object.entries(d.variables)
        .filter(([, v]) => v !== ''));

    if (d.kind === 'broadcast') {
        return {
            ...d.rest, account_id: d.account, template_id: d.template,
            audience, variables, name: d.name.trim(),
        };
    }

    if (d.kind === 'status') {
        return {
            ...d.rest, account_id: d.account, content: contentOf(d),
            recipients: audience,
        };
    }

    return {
        ...d.rest, account_id: d.account,
        ...(d.contact !== null ? { contact_id: d.contact.id }
            : { to: d.to.trim() }),
        ...(d.mode === 'template' ? { template: { id: d.template, variables } }
            : d.file !== null ? { content: contentOf(d) }
            : { text: d.text.trim() }),
    };
}


export function bodyOf(d: Draft): Json {
    return {
        name: d.name.trim(),
        document: documentOf(d),
        starts_at: d.at,
        time_zone: d.zone,
        month_end: d.monthEnd,
        best_time: d.best,
        ...(d.rule !== null ? { rrule: ruleText(d.rule) }
            : d.custom !== '' ? { rrule: d.custom } : {}),
        ...(d.kind === 'message' ? { cancel_if_replied: d.ifReplied } : {}),
        ...(d.kind === 'status' && d.deleteAfter > 0
            ? { delete_after_s: d.deleteAfter * 3600 } : {}),
    };
}


export async function saveDraft(d: Draft): Promise<void> {
    const body = bodyOf(d);

    if (d.edit === undefined) {
        await call('POST', '/schedules', { body: { kind: d.kind, ...body } });
        return;
    }

    const path = `/schedules/${encodeURIComponent(d.edit.id)}`;

    if (d.edit.scope === 'this') {
        /* the number is the schedule's own */
        const { account_id: _, ...own } = documentOf(d);

        await call('PATCH', `${path}/occurrences/${d.edit.place}`, {
            body: { document: own, starts_at: d.at },
        });

    } else if (d.edit.scope === 'following') {
        await call('POST', `${path}/split`, {
            body: { from: d.edit.place, ...body },
        });

    } else {
        await call('PATCH', path, {
            body: 'rrule' in body ? body : { ...body, rrule: null },
        });
    }
}

/*
 * A broadcast while it is being written: what the wizard's fields hold, and
 * how that becomes what the API takes and comes back from it.  Wall times are
 * those of the organisation's zone.
 */

import { fromWall, toWall } from './zone';
import type { Full, Metric, TemplateFull } from './model';

export interface DraftVariant {
    template: string;
    values: Record<string, string>;
    weight: string;
}

export interface DraftStep {
    percent: string;
    wait: number;
}

export interface Draft {
    name: string;
    account: string;
    variants: DraftVariant[];
    audience: 'all' | 'tag' | '';
    tag: string;
    when: 'now' | 'at';
    at: string;
    local: boolean;
    localTime: string;
    rate: string;
    expires: string;
    holdout: string;
    spread: 'none' | 'test' | 'ramp';
    percent: string;
    wait: number;
    metric: Metric;
    ramp: DraftStep[];
    byCount: boolean;
    failure: string;
    optOut: string;
    least: number | undefined;         /* kept as they are: no field of ours */
    sample: number | undefined;
}

export const emptyVariant = (): DraftVariant =>
    ({ template: '', values: {}, weight: '1' });


export function emptyDraft(): Draft {
    return {
        name: '', account: '', variants: [emptyVariant()], audience: '',
        tag: '', when: 'now', at: '', local: false, localTime: '09:00',
        rate: '', expires: '', holdout: '', spread: 'none', percent: '20',
        wait: 3600, metric: 'read',
        ramp: [{ percent: '5', wait: 900 }, { percent: '25', wait: 900 }],
        byCount: false, failure: '', optOut: '', least: undefined,
        sample: undefined,
    };
}


const share = (n: number | undefined) =>
    n === undefined ? '' : String(Math.round(n * 10000) / 100);


export function draftOf(b: Full, zone: string): Draft {
    const e = emptyDraft();
    const later = b.send_at !== null && Date.parse(b.send_at) > Date.now();

    return {
        ...e,
        name: b.name,
        account: b.account_id,
        variants: b.variants === null
            ? [{ template: b.template_id, values: b.variables, weight: '1' }]
            : b.variants.map((v) => ({
                template: v.template_id, values: v.variables ?? b.variables,
                weight: String(v.weight ?? 1),
            })),
        audience: b.audience.all === true ? 'all' : 'tag',
        tag: b.audience.tag ?? '',
        when: later ? 'at' : 'now',
        at: later ? toWall(b.send_at!, zone) : '',
        local: b.local_time !== null,
        localTime: b.local_time ?? e.localTime,
        rate: b.rate_limit > 0 ? String(b.rate_limit) : '',
        expires: b.expires_at === null ? '' : toWall(b.expires_at, zone),
        holdout: b.holdout > 0 ? String(b.holdout) : '',
        spread: b.test !== null ? 'test' : b.ramp !== null ? 'ramp' : 'none',
        percent: String(b.test?.percent ?? e.percent),
        wait: b.test?.wait_s ?? e.wait,
        metric: b.test?.metric ?? e.metric,
        ramp: b.ramp?.map((s) => ({
            percent: String(s.percent ?? s.count), wait: s.wait_s,
        })) ?? e.ramp,
        byCount: b.ramp?.some((s) => s.count !== undefined) ?? false,
        failure: share(b.guard.failure_rate),
        optOut: share(b.guard.opt_out_rate),
        least: b.guard.min,
        sample: b.test?.min_sample,
    };
}


/* a field that is no number is sent as it is: the server says what is wrong */
const number = (s: string): number | string =>
    s.trim() === '' || Number.isNaN(Number(s)) ? s : Number(s);


function guardOf(d: Draft) {
    const g: Record<string, unknown> = {};

    if (d.failure !== '') {
        g['failure_rate'] = Number(d.failure) / 100;
    }

    if (d.optOut !== '') {
        g['opt_out_rate'] = Number(d.optOut) / 100;
    }

    if (d.least !== undefined) {
        g['min'] = d.least;
    }

    return Object.keys(g).length > 0 ? g : null;
}


/* only the values of variables that the template has */
function used(v: DraftVariant, templates: TemplateFull[]) {
    const template = templates.find((x) => x.id === v.template);
    const names = template === undefined ? undefined
        : new Set(variablesOf(template).map((n) => n.name));

    return Object.fromEntries(Object.entries(v.values).filter(([k, value]) =>
        value.trim() !== '' && (names === undefined || names.has(k))));
}


/* null takes away what was there before */
export function bodyOf(d: Draft, zone: string, templates: TemplateFull[]) {
    const test = d.spread === 'test' && d.variants.length > 1;
    const first = d.variants[0]!;

    return {
        name: d.name.trim(),
        account_id: d.account,
        audience: d.audience === 'tag' ? { tag: d.tag.trim() }
            : { all: true },
        ...(d.variants.length > 1
            ? {
                variants: d.variants.map((v) => ({
                    template_id: v.template, variables: used(v, templates),
                    weight: number(v.weight),
                })),
                variables: {},
            }
            : {
                template_id: first.template, variants: null,
                variables: used(first, templates),
            }),
        send_at: d.when === 'at' && d.at !== '' ? fromWall(d.at, zone) : null,
        local_time: d.local ? d.localTime : null,
        rate_limit: d.rate === '' ? null : number(d.rate),
        expires_at: d.expires === '' ? null : fromWall(d.expires, zone),
        holdout: d.holdout === '' ? null : number(d.holdout),
        test: test
            ? { percent: number(d.percent), wait_s: d.wait, metric: d.metric,
                ...(d.sample !== undefined ? { min_sample: d.sample } : {}) }
            : null,
        ramp: d.spread === 'ramp'
            ? d.ramp.map((s) => ({
                [d.byCount ? 'count' : 'percent']: number(s.percent),
                wait_s: s.wait,
            }))
            : null,
        guard: guardOf(d),
    };
}


export interface Variable {
    name: string;
    fallback: string;
    fromContact: boolean;
}

/* what every contact has, and its own fields */
export const COLUMNS = ['first_name', 'last_name', 'name', 'phone', 'email',
                        'language'];

const PLACE = /\{\{\s*([\p{L}\p{N}_.]+)\s*(?:\|([^}]*))?\}\}/gu;


/* the template's variables in the order of its text, each once */
export function variablesOf(template: TemplateFull): Variable[] {
    const found = new Map<string, Variable>();
    const own = template.document.variables ?? {};
    const texts = [template.header, template.body, template.footer,
                   ...(template.document.buttons ?? [])
                       .flatMap((b) => [b.text, b.url])];

    for (const text of texts) {
        for (const [, name, fallback] of (text ?? '').matchAll(PLACE)) {
            if (!found.has(name!)) {
                found.set(name!, {
                    name: name!,
                    fallback: fallback ?? own[name!]?.fallback ?? '',
                    fromContact: COLUMNS.includes(name!)
                        || name!.startsWith('fields.'),
                });
            }
        }
    }

    return [...found.values()];
}


/* "{{first_name|friend}}": a column of the contact, and what stands in */
export function columnOf(value: string) {
    const m = /^\{\{\s*([\p{L}\p{N}_.]+)\s*(?:\|([^}]*))?\}\}$/u.exec(value);

    return m === null ? undefined
        : { column: m[1]!, fallback: m[2] ?? '' };
}


export function valueOf(column: string, fallback: string): string {
    return fallback === '' ? `{{${column}}}` : `{{${column}|${fallback}}}`;
}


export const STEPS = [
    'message', 'audience', 'values', 'delivery', 'review',
] as const;

export type StepName = typeof STEPS[number];


/* which step holds the field that the server speaks of */
export function stepOf(pointer: string): StepName {
    return /^\/(name|account_id|template_id)|\/(template_id|weight)$/
        .test(pointer) ? 'message'
        : pointer.startsWith('/audience') ? 'audience'
        : /variables|\/variants/.test(pointer) ? 'values' : 'delivery';
}

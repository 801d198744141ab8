/*
 * The description of the API as the server gives it, in the shape in which it
 * is shown: routes in groups, and an example of each.
 */

import { useQuery } from '@tanstack/react-query';
import { call } from '../../api/client';

export interface Schema {
    type?: string | string[];
    format?: string;
    description?: string;
    enum?: string[];
    default?: unknown;
    minimum?: number;
    maximum?: number;
    minLength?: number;
    maxLength?: number;
    maxItems?: number;
    pattern?: string;
    properties?: Record<string, Schema>;
    required?: string[];
    items?: Schema;
    additionalProperties?: boolean | Schema;
}

export interface Parameter {
    name: string;
    in: 'path' | 'query' | 'header';
    required?: boolean;
    description?: string;
    schema: Schema;
}

type Content = Record<string, { schema?: Schema }>;

interface Operation {
    tags: string[];
    summary: string;
    'x-scope'?: string;
    parameters: Parameter[];
    requestBody?: { content: Content };
    responses: Record<string, { description: string; content?: Content }>;
}

interface Spec {
    paths: Record<string, Record<string, Operation>>;
}

export interface Route {
    key: string;                       /* "GET /contacts/{id}" */
    method: string;
    path: string;
    of: Operation;
}


function routesOf(spec: Spec): Route[] {
    return Object.entries(spec.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, of]) => ({
            key: `${method.toUpperCase()} ${path}`,
            method: method.toUpperCase(), path, of,
        })));
}


export function useRoutes() {
    return useQuery({
        queryKey: ['openapi'],
        queryFn: async ({ signal }) => routesOf(await call<Spec>('GET',
            '/openapi.json', { signal })),
        staleTime: Infinity,
    });
}


/* in the order in which the server tells them */
export function groupsOf(routes: Route[]): [string, Route[]][] {
    const groups = new Map<string, Route[]>();

    for (const r of routes) {
        const tag = r.of.tags[0] ?? '';

        groups.set(tag, [...groups.get(tag) ?? [], r]);
    }

    return [...groups];
}


export function matches(r: Route, words: string[]): boolean {
    const text = `${r.key} ${r.of.summary} ${r.of.tags.join(' ')}`
        .toLowerCase();

    return words.every((w) => text.includes(w));
}


export function typeOf(s: Schema): string {
    const types = s.type === undefined ? ['any']
        : typeof s.type === 'string' ? [s.type] : s.type;

    return types.map((type) => type === 'array' && s.items !== undefined
        ? `${typeOf(s.items)}[]`
        : type === 'string' && s.format !== undefined ? s.format : type)
        .join(' | ');
}


function sample(name: string, s: Schema): unknown {
    const type = typeof s.type === 'string' ? s.type : s.type?.[0];

    if (s.enum !== undefined) {
        return s.enum[0];
    }

    switch (type) {
    case 'integer':
    case 'number':
        return s.minimum ?? 1;

    case 'boolean':
        return true;

    case 'array':
        return s.items === undefined ? [] : [sample(name, s.items)];

    case 'object':
        return bodyOf(s);

    default:
        return s.format === 'uuid' ? '01890000-0000-7000-8000-000000000000'
            : s.format === 'date-time' ? '2030-01-01T09:00:00Z'
            : s.format === 'date' ? '2030-01-01'
            : /phone/.test(name) ? '+254712345678' : name;
    }
}


/* what must be there, and no more */
function bodyOf(s: Schema): Record<string, unknown> {
    const wanted = s.required ?? [];

    return Object.fromEntries(Object.entries(s.properties ?? {})
        .filter(([k]) => wanted.includes(k))
        .map(([k, v]) => [k, sample(k, v)]));
}


export function schemaOf(content: Content | undefined): Schema | undefined {
    return content?.['application/json']?.schema;
}


export function curlOf(r: Route): string {
    const quoted = (s: string) => `'${s.replace(/'/g, "'\\''")}'`;
    const query = r.of.parameters
        .filter((p) => p.in === 'query' && p.required === true)
        .map((p) => `${p.name}=${encodeURIComponent(
            String(sample(p.name, p.schema)))}`).join('&');
    const url = `${location.origin}/api/v1${r.path}${
        query === '' ? '' : `?${query}`}`;
    const lines = [`curl ${r.method === 'GET' ? '' : `-X ${r.method} `}${
        quoted(url)}`, `  -H 'Authorization: Bearer hk_…'`];
    const content = r.of.requestBody?.content;
    const body = schemaOf(content);

    if (body !== undefined) {
        lines.push(`  -H 'Content-Type: application/json'`,
                   `  -d ${quoted(JSON.stringify(bodyOf(body)))}`);
    } else if (content !== undefined) {
        lines.push('  --data-binary @FILE');
    }

    return lines.join(' \\\n');
}

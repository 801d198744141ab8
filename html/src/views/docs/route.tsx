/*
 * One route: what it takes, what it answers, an example, and for what only
 * reads a way to try it here and now, as the one who is signed in.
 */

import { useState } from 'react';
import { t, tMaybe } from '../../lib/t';
import { CopyButton, TextField } from '../../ui/form';
import * as Icon from '../../ui/icons';
import { Card } from '../../ui/page';
import { Notice } from '../../ui/parts';
import { curlOf, schemaOf, typeOf } from './spec';
import type { Parameter, Route, Schema } from './spec';

const DEPTH = 4;


export function RouteView({ of }: { of: Route }) {
    const { parameters, requestBody, responses } = of.of;
    const body = schemaOf(requestBody?.content);
    const good = Object.entries(responses).filter(([k]) => k !== 'default');
    const scope = of.of['x-scope'];
    const curl = curlOf(of);

    return (
        <article className="docs-route stack" key={of.key}>
            <header>
                <h3>{of.of.summary}</h3>
                <p className="docs-address" dir="ltr">
                    <Method of={of.method} />
                    <code>{`/api/v1${of.path}`}</code>
                </p>
                {scope !== undefined
                    && <p className="soft">
                        {tMaybe(`docs.scope.${scope}`) ?? scope}
                    </p>}
            </header>

            {parameters.length > 0
                && <Card title={t('docs.parameters')}>
                    <Fields of={parameters.map((p) => ({
                        name: p.name, required: p.required === true,
                        note: p.in === 'query' ? '' : t(`docs.in.${p.in}`),
                        schema: { ...p.schema, description: p.description
                            ?? p.schema.description ?? '' },
                    }))} />
                </Card>}

            {requestBody !== undefined
                && <Card title={t('docs.body')}
                    hint={<bdi dir="ltr">
                        {Object.keys(requestBody.content).join(', ')}
                    </bdi>}>
                    {body !== undefined && <SchemaView of={body} />}
                </Card>}

            <Card title={t('docs.example')}
                actions={<CopyButton text={curl} />}>
                <pre className="code" dir="ltr" tabIndex={0}
                    aria-label={t('docs.example')}>{curl}</pre>
            </Card>

            {of.method === 'GET'
                && good.some(([, r]) => schemaOf(r.content) !== undefined)
                && <Try key={of.key} of={of} />}

            {good.map(([status, r]) => (
                <Card key={status} title={t('docs.answer', { status })}>
                    {schemaOf(r.content) !== undefined
                        ? <SchemaView of={schemaOf(r.content)!} />
                        : <p className="soft">
                            {r.content === undefined ? t('docs.empty')
                                : <bdi dir="ltr">
                                    {Object.keys(r.content).join(', ')}
                                </bdi>}
                        </p>}
                </Card>
            ))}
            <p className="soft">{t('docs.problems')}</p>
        </article>
    );
}


export function Method({ of }: { of: string }) {
    return <span className={`docs-method is-${of === 'GET' ? 'read'
        : of === 'DELETE' ? 'failed' : 'replied'}`}>{of}</span>;
}


interface FieldOf {
    name: string;
    required: boolean;
    note?: string;
    schema: Schema;
}


function SchemaView({ of, depth = 0 }: { of: Schema; depth?: number }) {
    if (of.properties === undefined) {
        return of.items !== undefined
            ? <SchemaView of={of.items} depth={depth} />
            : <p className="soft"><code dir="ltr">{typeOf(of)}</code></p>;
    }

    return <Fields depth={depth} of={Object.entries(of.properties)
        .map(([name, schema]) => ({
            name, schema, required: of.required?.includes(name) ?? false,
        }))} />;
}


/* what a value may be, beyond its type */
function bounds(s: Schema): string {
    const said: string[] = [];
    const [low, high] = s.minLength !== undefined || s.maxLength !== undefined
        ? [s.minLength, s.maxLength] : [s.minimum, s.maximum];

    if (low !== undefined || high !== undefined) {
        said.push(low === high ? `${low}` : low === undefined ? `≤ ${high}`
            : high === undefined ? `≥ ${low}` : `${low}…${high}`);
    }

    if (s.maxItems !== undefined) {
        said.push(`≤ ${s.maxItems}`);
    }

    if (s.default !== undefined) {
        said.push(`= ${JSON.stringify(s.default)}`);
    }

    return said.join(', ');
}


function Fields({ of, depth = 0 }: { of: FieldOf[]; depth?: number }) {
    return (
        <dl className="docs-fields">
            {of.map(({ name, required, note, schema }) => {
                const inside = schema.properties !== undefined ? schema
                    : schema.items?.properties !== undefined ? schema.items
                    : undefined;

                return (
                    <div key={name}>
                        <dt dir="ltr">
                            <code>{name}</code>
                            <span className="docs-type">{typeOf(schema)}</span>
                        </dt>
                        <dd>
                            {(required || note)
                                && <span className="docs-marks">
                                    {required && <strong>
                                        {t('docs.required')}
                                    </strong>}
                                    {note}
                                </span>}
                            {schema.description
                                && <bdi lang="en">{schema.description}</bdi>}
                            {schema.enum !== undefined
                                && <span className="tags" dir="ltr">
                                    {schema.enum.map((e) => (
                                        <code key={e} className="tag">{e}</code>
                                    ))}
                                </span>}
                            {bounds(schema) !== ''
                                && <bdi className="soft" dir="ltr">
                                    {bounds(schema)}
                                </bdi>}
                            {inside !== undefined && depth < DEPTH
                                && <SchemaView of={inside}
                                    depth={depth + 1} />}
                        </dd>
                    </div>
                );
            })}
        </dl>
    );
}


function fill(of: Route, values: Record<string, string>): string {
    const query = new URLSearchParams();
    let path = of.path;

    for (const p of of.of.parameters) {
        const v = values[p.name] ?? '';

        if (p.in === 'path') {
            path = path.replace(`{${p.name}}`, encodeURIComponent(v));
        } else if (p.in === 'query' && v !== '') {
            query.set(p.name, v);
        }
    }

    return `/api/v1${path}${query.size > 0 ? `?${query}` : ''}`;
}


function Try({ of }: { of: Route }) {
    const [values, setValues] = useState<Record<string, string>>({});
    const [busy, setBusy] = useState(false);
    const [said, setSaid] = useState<{
        status: number; ms: number; text: string;
    } | null>(null);
    const [error, setError] = useState<unknown>(null);
    const wanted = of.of.parameters.filter((p: Parameter) =>
        p.in !== 'header');

    const send = async () => {
        const began = performance.now();

        setBusy(true);
        setError(null);

        try {
            const res = await fetch(fill(of, values), {
                headers: { 'Accept': 'application/json' },
            });
            let text = await res.text();

            try {
                text = JSON.stringify(JSON.parse(text), null, 2);
            } catch {
                /* as it came */
            }

            setSaid({ status: res.status, text,
                      ms: Math.round(performance.now() - began) });
        } catch (e) {
            setError(e);
        }

        setBusy(false);
    };

    return (
        <Card title={t('docs.try')} hint={t('docs.tryHint')}>
            <form className="form" onSubmit={(e: Event) => {
                e.preventDefault();

                if (!busy) {
                    void send();
                }
            }}>
                {wanted.length > 0
                    && <div className="form-row">
                        {wanted.map((p) => (
                            <TextField key={p.name} dir="ltr"
                                label={<code>{p.name}</code>}
                                required={p.required === true}
                                optional={p.required !== true}
                                value={values[p.name] ?? ''}
                                onChange={(v) => setValues({
                                    ...values, [p.name]: v,
                                })} />
                        ))}
                    </div>}
                <div>
                    <button className="button button-main"
                        aria-disabled={busy ? 'true' : undefined}>
                        <Icon.Play />{t('docs.send')}
                    </button>
                </div>
            </form>
            <div role="status">
                {said !== null
                    && <p className={`status ${said.status < 400 ? 'is-replied'
                        : 'is-failed'}`}>
                        {said.status < 400 ? <Icon.Check /> : <Icon.Alert />}
                        {t('docs.said', { status: said.status,
                                          ms: said.ms })}
                    </p>}
            </div>
            {said !== null
                && <pre className="code docs-said" dir="ltr" tabIndex={0}
                    aria-label={t('docs.said', { status: said.status,
                                                 ms: said.ms })}>
                    {said.text}
                </pre>}
            {error !== null && <Notice error={error} />}
        </Card>
    );
}

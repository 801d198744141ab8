/*
 * How it will look: a template as the server fills it, a text in a bubble, a
 * status on its ground.
 */

import { useQuery } from '@tanstack/react-query';
import { asProblem, call } from '../../api/client';
import type { Preview } from '../../api/types';
import { useSettled } from '../../lib/hooks';
import { t } from '../../lib/t';
import * as Icon from '../../ui/icons';
import type { Draft, File } from './draft';


export function FlowPreview({ draft: d }: { draft: Draft }) {
    return d.kind === 'status'
        ? <div className="flow-status" style={d.file === null
            ? { backgroundColor: d.colour } : {}}>
            {d.file !== null && <Picture of={d.file} />}
            <p dir="auto">{d.text !== '' ? d.text : t('calendar.nothing')}</p>
        </div>
        : <div className="flow-chat">
            {d.mode === 'template' || d.kind === 'broadcast'
                ? <Filled draft={d} />
                : <div className="flow-bubble">
                    {d.file !== null && <Picture of={d.file} />}
                    {d.text !== ''
                        ? <p dir="auto">{d.text}</p>
                        : d.file === null
                        && <p className="soft">{t('calendar.nothing')}</p>}
                </div>}
        </div>;
}


function Picture({ of: f }: { of: File }) {
    return f.mime.startsWith('image/')
        ? <img src={`/api/v1/media/${encodeURIComponent(f.id)}/content`}
            alt={f.filename} />
        : <p className="flow-file"><Icon.Doc /><bdi>{f.filename}</bdi></p>;
}


function Filled({ draft: d }: { draft: Draft }) {
    const variables = useSettled(JSON.stringify(Object.fromEntries(
        Object.entries(d.variables).filter(([, v]) => v !== ''))), 300);
    const contact = d.kind === 'message' ? d.contact?.id : undefined;
    const preview = useQuery({
        queryKey: ['preview', d.template, contact ?? '', variables],
        enabled: d.template !== '',
        queryFn: ({ signal }) => call<Preview>('POST',
            `/templates/${encodeURIComponent(d.template)}/preview`, {
                signal,
                body: {
                    ...(contact !== undefined ? { contact_id: contact } : {}),
                    variables: JSON.parse(variables) as object,
                },
            }),
        placeholderData: (before) => before,
    });
    const p = preview.data;

    return (
        <div className="flow-bubble">
            {d.template === ''
                ? <p className="soft">{t('calendar.nothing')}</p>
                : p !== undefined
                ? <>
                    {p.header && <p dir="auto"><strong>{p.header}</strong></p>}
                    <p dir="auto">{p.body}</p>
                    {p.footer && <p dir="auto" className="soft">{p.footer}</p>}
                    {p.missing.length > 0
                        && <p className="bad">{t('calendar.missing', {
                            names: p.missing.join(', '),
                        })}</p>}
                </>
                : <p className={preview.isError ? 'bad' : 'soft'}>
                    {preview.isError ? asProblem(preview.error).words
                        : t('state.loading')}
                </p>}
        </div>
    );
}

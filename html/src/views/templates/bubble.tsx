/*
 * A template as a phone shows it: WhatsApp's marks taken apart into spans,
 * header, footer and buttons in their places.  All of it is text nodes.
 */

import { useState } from 'react';
import type { ReactNode } from 'react';
import { t } from '../../lib/t';
import * as Icon from '../../ui/icons';
import { filled, rtl } from './data';
import type { Doc } from './data';

const MARKS: [string, RegExp, (c: ReactNode, k: number) => ReactNode][] = [
    ['```', /```([\s\S]+?)```/, (c, k) => <code key={k}>{c}</code>],
    ['`', /`([^`\n]+)`/, (c, k) => <code key={k}>{c}</code>],
    ['*', /(?<![\p{L}\p{N}])\*(?=\S)([^*\n]*?\S)\*(?![\p{L}\p{N}])/u,
     (c, k) => <strong key={k}>{c}</strong>],
    ['_', /(?<![\p{L}\p{N}])_(?=\S)([^_\n]*?\S)_(?![\p{L}\p{N}])/u,
     (c, k) => <em key={k}>{c}</em>],
    ['~', /(?<![\p{L}\p{N}])~(?=\S)([^~\n]*?\S)~(?![\p{L}\p{N}])/u,
     (c, k) => <s key={k}>{c}</s>],
];

/* places that nothing filled */
const OPEN = /(\{\{[^{}]*\}\})/;


function places(text: string, key: number): ReactNode[] {
    return text.split(OPEN).map((part, i) => i % 2 === 1
        ? <mark key={`${key}-${i}`}>{part}</mark> : part);
}


/* the mark that begins first is the outer one; code takes no marks inside */
export function spans(text: string, key = 0): ReactNode[] {
    let first: { at: number; m: RegExpExecArray; i: number } | undefined;

    MARKS.forEach(([, re], i) => {
        const m = re.exec(text);

        if (m !== null && (first === undefined || m.index < first.at)) {
            first = { at: m.index, m, i };
        }
    });

    if (first === undefined) {
        return places(text, key);
    }

    const { at, m, i } = first;
    const inside = i < 2 ? m[1] : spans(m[1]!, key + 1);

    return [
        ...places(text.slice(0, at), key),
        MARKS[i]![2](inside, key + at + 1),
        ...spans(text.slice(at + m[0].length), key + at + 1000),
    ];
}


const SHAPES: Record<string, (p: { className?: string }) => ReactNode> = {
    quick_reply: Icon.Reply, url: Icon.Link, phone_number: Icon.Phone,
    copy_code: Icon.Copy, otp: Icon.Copy,
};


function Media({ header }: { header: NonNullable<Doc['header']> }) {
    const [broken, setBroken] = useState(false);

    return header.format === 'image' && header.media_id !== undefined
        && !broken
        ? <img className="wa-image" alt={t('templates.header.image')}
            src={`/api/v1/media/${encodeURIComponent(header.media_id)}/content`}
            onError={() => setBroken(true)} />
        : <div className="wa-media">
            {header.format === 'document' ? <Icon.Doc />
                : header.format === 'video' ? <Icon.Play />
                : header.format === 'location' ? <Icon.Globe />
                : <Icon.Image />}
            <span>{t(`templates.header.${header.format}` as
                     'templates.header.image')}</span>
        </div>;
}


export function Bubble({ of: d, language, value, samples = true, small }: {
    of: Doc; language: string; samples?: boolean; small?: boolean;
    value?: (name: string) => string | undefined;
}) {
    const fill = (text: string | undefined) =>
        filled(text ?? '', d, value ?? (() => undefined), samples);
    const dir = rtl(language) ? 'rtl' : 'auto';
    const body = fill(d.body);
    const head = d.header?.format === 'text' ? fill(d.header.text) : '';

    return (
        <div className={`wa ${small === true ? 'wa-small' : ''}`}
            lang={language.replace('_', '-')} role="group"
            aria-label={t('templates.preview')}>
            <div className="wa-bubble">
                {d.header !== undefined && d.header.format !== 'text'
                    && d.header.format !== 'none'
                    && <Media header={d.header} key={d.header.media_id} />}
                {head !== ''
                    && <p className="wa-head" dir={dir}>{places(head, 0)}</p>}
                {body !== ''
                    ? <p className="wa-body" dir={dir}>{spans(body)}</p>
                    : <p className="wa-body soft">{t('templates.noBody')}</p>}
                <div className="wa-foot">
                    <span dir={dir}>{d.footer ?? ''}</span>
                    <span className="wa-time" aria-hidden="true">10:24</span>
                </div>
                {(d.buttons?.length ?? 0) > 0
                    && <ul className="wa-buttons">
                        {d.buttons!.map((b, i) => {
                            const Shape = SHAPES[b.type] ?? Icon.Bolt;

                            return (
                                <li key={i}>
                                    <Shape />
                                    <bdi>{b.text
                                          || t('templates.button.copyCode')}
                                    </bdi>
                                </li>
                            );
                        })}
                    </ul>}
            </div>
        </div>
    );
}

/*
 * How a number's state, quality and limits are said, and where its provider
 * is the sandbox.
 */

import type { Health, OwnNumber } from '../../api/accounts';
import { humanise, num } from '../../lib/format';
import { t, tMaybe, tn } from '../../lib/t';


const STATUS_LOOK: Record<string, string> = {
    connected: 'replied', paused: 'paused', disconnected: 'failed',
};


export function StatusPill({ of }: { of: string }) {
    return (
        <span className={`pill is-${STATUS_LOOK[of] ?? 'unknown'}`}
            data-state={of}>
            <i aria-hidden="true" />
            {tMaybe(`accounts.status.${of}`) ?? humanise(of)}
        </span>
    );
}


export function providerName(of: string): string {
    return tMaybe(`accounts.provider.${of}`) ?? humanise(of);
}


const QUALITY: Record<string, [string, string]> = {
    GREEN: ['replied', 'accounts.quality.green'],
    HIGH: ['replied', 'accounts.quality.green'],
    YELLOW: ['unknown', 'accounts.quality.yellow'],
    MEDIUM: ['unknown', 'accounts.quality.yellow'],
    RED: ['failed', 'accounts.quality.red'],
    LOW: ['failed', 'accounts.quality.red'],
};


/* the provider's word where we have none of our own */
export function qualityOf(word: string): { look: string; text: string } {
    const known = QUALITY[word.toUpperCase()];

    if (known !== undefined) {
        return { look: known[0], text: tMaybe(known[1]) ?? word };
    }

    return {
        look: 'skipped',
        text: word === '' || word.toUpperCase() === 'UNKNOWN'
            ? t('accounts.quality.none') : humanise(word.toLowerCase()),
    };
}


export function Quality({ of }: { of: string }) {
    const { look, text } = qualityOf(of);

    return (
        <span className={`state-word is-${look}`}>
            <i aria-hidden="true" />{text}
        </span>
    );
}


export function rateWords(limit: number): string {
    return limit === 0 ? t('accounts.noLimit')
        : tn('accounts.perSecond', limit);
}


/* a phone goes at its pace, others at their rate */
export function speedWords(a: OwnNumber): string {
    const { gap_min_ms: min, gap_max_ms: max } = a.pacing ?? {};

    return min != null && max != null
        ? t('accounts.oneIn', { min: num(min / 1000), max: num(max / 1000) })
        : rateWords(a.rate_limit);
}


/* "1,000 people a day", of a portfolio or of what the provider said */
export function tierWords(limit: number | null | undefined,
    health: Health | null | undefined): string
{
    const n = limit ?? health?.limit;

    if (n === -1) {
        return t('accounts.noLimit');
    }

    return n === null || n === undefined ? t('accounts.notTold')
        : tn('accounts.people', n);
}


/* a meter of what is used, and how much that is in words beside it */
export function Meter({ used, of, look }: {
    used: number; of: number; look?: string;
}) {
    const part = of > 0 ? Math.min(1, used / of) : 1;
    const tone = look ?? (part >= 1 ? 'failed' : part >= 0.8 ? 'unknown'
        : 'replied');

    return (
        <span className={`acc-meter is-${tone}`} aria-hidden="true">
            <i style={{ inlineSize: `${(part * 100).toFixed(1)}%` }} />
        </span>
    );
}


export function Used({ used, of }: { used: number; of: number }) {
    return (
        <span className="acc-used">
            <span>{t('accounts.usedOf', { used: num(used), of: num(of) })}</span>
            <Meter used={used} of={of} />
        </span>
    );
}


/* the path's end is what the sandbox is served under */
export function isSandbox(of: OwnNumber): boolean {
    return /\/sandbox\/?$/.test(of.base_url);
}


/* server words name routes; people get a button for those instead */
export function namesRoute(fix: string | null): boolean {
    return fix !== null && /\b(GET|POST|PUT|DELETE|PATCH) \//.test(fix);
}

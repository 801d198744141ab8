/*
 * White label: the organisation's own name, accent and logo in the place of
 * ours.  Of the accent we take hue and strength; how light it is stays ours,
 * so that what is written on it and with it can be read (css/tokens.css).
 * Name and accent are remembered, for the sign-in page and the first paint.
 */

export interface Brand {
    name: string | null;
    accent: string | null;             /* #1f6f4a */
    logo_id: string | null;
}

const KEY = 'herald.brand';

/* the strength that the tokens were chosen with */
const OURS = 0.1;


/* sRGB to OKLCH: hue in degrees and chroma */
export function hueOf(hex: string): { h: number; c: number } {
    const [r, g, b] = [1, 3, 5].map((i) => {
        const v = parseInt(hex.slice(i, i + 2), 16) / 255;

        return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];

    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g
                        + 0.0514459929 * b);
    const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g
                        + 0.1073969566 * b);
    const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g
                        + 0.6299787005 * b);
    const x = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
    const y = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;

    return {
        h: (Math.atan2(y, x) * 180 / Math.PI + 360) % 360,
        c: Math.hypot(x, y),
    };
}


export function applyBrand(b: Brand | null): void {
    const root = document.documentElement.style;

    if (b?.accent && /^#[0-9a-f]{6}$/i.test(b.accent)) {
        const { h, c } = hueOf(b.accent);

        root.setProperty('--accent-h', h.toFixed(1));
        root.setProperty('--accent-k', Math.min(c / OURS, 1.6).toFixed(3));
    } else {
        root.removeProperty('--accent-h');
        root.removeProperty('--accent-k');
    }
}


export function storedBrand(): Brand | null {
    try {
        const b = JSON.parse(localStorage.getItem(KEY) ?? 'null') as
            Partial<Brand> | null;
        const str = (v: unknown) => typeof v === 'string' ? v : null;

        return b === null || typeof b !== 'object' ? null
            : { name: str(b.name), accent: str(b.accent), logo_id: null };

    } catch {
        return null;
    }
}


export function keepBrand(b: Brand | null): void {
    try {
        if (b === null) {
            localStorage.removeItem(KEY);
        } else {
            localStorage.setItem(KEY, JSON.stringify({
                name: b.name, accent: b.accent,
            }));
        }
    } catch {
        /* the next page begins in our colours, then */
    }
}

/*
 * Icons, drawn on a 16-unit grid with a 1.5 stroke so that they sit with the
 * text.  They are decoration: what they mean is always said in words too.
 */

import type { ReactNode } from 'react';

interface IconProps {
    className?: string;
}


function icon(paths: ReactNode, flip = false) {
    return function Icon({ className }: IconProps) {
        return (
            <svg
                className={`icon${flip ? ' icon-flip' : ''} ${className ?? ''}`}
                viewBox="0 0 16 16" fill="none" stroke="currentColor"
                stroke-width="1.5" stroke-linecap="round"
                stroke-linejoin="round" aria-hidden="true"
            >
                {paths}
            </svg>
        );
    };
}


/* an H whose crossbar is a tick */
export function Mark({ className }: IconProps) {
    return (
        <svg className={`mark ${className ?? ''}`} viewBox="0 0 24 24"
            fill="none" stroke="currentColor" stroke-width="2.500"
            stroke-linecap="round" stroke-linejoin="round"
            aria-hidden="true">
            <path d="M5.500 4v16M18.500 4v16M5.500 12.200l3.600 2.600 9.400-5.600" />
        </svg>
    );
}


/* one or two ticks, wider than high */
function ticks(two: boolean) {
    return function Ticks({ className }: IconProps) {
        return (
            <svg className={`ticks ${className ?? ''}`} viewBox="0 0 20 14"
                fill="none" stroke="currentColor" stroke-width="1.600"
                stroke-linecap="round" stroke-linejoin="round"
                aria-hidden="true">
                {two
                    ? <path d="M1.500 7.500l3.500 3.500 7.500-8M8.500 9.500l1.500 1.500 7.500-8" />
                    : <path d="M5 7.500l3.500 3.500 7.500-8" />}
            </svg>
        );
    };
}

export const Tick = ticks(false);
export const TwoTicks = ticks(true);

export const Broadcast = icon(<>
    <path d="M2.500 6.500v3l7.500 3v-9z" />
    <path d="M4.500 10.300v2a1.200 1.200 0 0 0 2.400 0v-1M12.500 6.200a2.600 2.600 0 0 1 0 3.600" />
</>, true);
export const People = icon(<>
    <circle cx="6" cy="5.500" r="2.500" />
    <path d="M1.500 13c.3-2.600 2.100-4 4.500-4s4.200 1.400 4.500 4M10.500 3.300a2.300 2.300 0 0 1 0 4.400M12 9.500c1.500.5 2.400 1.700 2.500 3.500" />
</>);
export const Speech = icon(
    <path d="M2 3.500h12v8H7.500L4.500 14v-2.500H2z" />);
export const Search = icon(<>
    <circle cx="7" cy="7" r="4.500" /><path d="M10.500 10.500L14 14" />
</>);
export const Close = icon(<path d="M3.500 3.500l9 9M12.500 3.500l-9 9" />);
export const Back = icon(<path d="M10 3L5 8l5 5" />, true);
export const Down = icon(<path d="M4 6l4 4 4-4" />);
export const Plus = icon(<path d="M8 3v10M3 8h10" />);
export const Pause = icon(<path d="M5.500 3.500v9M10.500 3.500v9" />);
export const Play = icon(<path d="M5 3.500v9l7-4.500z" />, true);
export const Stop = icon(<rect x="4" y="4" width="8" height="8" rx="1" />);
export const Send = icon(<path d="M2.500 13.500l11.500-5.500L2.500 2.500v4.300L9 8l-6.500 1.200z" />, true);
export const Sun = icon(<>
    <circle cx="8" cy="8" r="2.800" />
    <path d="M8 1.500v1.300M8 13.200v1.300M1.500 8h1.300M13.200 8h1.300M3.400 3.400l.9.9M11.700 11.700l.9.9M12.600 3.400l-.9.9M4.300 11.700l-.9.9" />
</>);
export const Moon = icon(<path d="M13.200 9.700A5.700 5.700 0 0 1 6.300 2.800a5.700 5.700 0 1 0 6.900 6.900z" />);
export const Screen = icon(<>
    <rect x="2" y="3" width="12" height="8" rx="1" /><path d="M6 13.500h4" />
</>);
export const Clock = icon(<>
    <circle cx="8" cy="8" r="5.500" /><path d="M8 5v3.200l2 1.300" />
</>);
export const Alert = icon(<>
    <circle cx="8" cy="8" r="5.500" /><path d="M8 5v3.500M8 10.900v.1" />
</>);
export const Query = icon(<>
    <circle cx="8" cy="8" r="5.500" />
    <path d="M6.400 6.600c.1-.9.800-1.500 1.700-1.500s1.600.6 1.600 1.400c0 1.100-1.600 1.200-1.600 2.300M8.100 10.900v.1" />
</>);
export const Skip = icon(<>
    <circle cx="8" cy="8" r="5.500" /><path d="M4.300 11.700l7.400-7.400" />
</>);
export const Reply = icon(<path d="M6.500 4L3 7.500 6.500 11M3.500 7.500H10c2 0 3 1.200 3 3v1.500" />, true);
export const Doc = icon(<>
    <path d="M4 2.500h5L12 5.500v8H4z" /><path d="M6 8h4M6 10.500h4" />
</>);
export const Info = icon(<>
    <circle cx="8" cy="8" r="5.500" /><path d="M8 7.500V11M8 5v.1" />
</>);
export const Out = icon(<path d="M6.500 3H3.500v10h3M9.500 5l3 3-3 3M12.300 8H6.500" />, true);
export const Keyboard = icon(<>
    <rect x="1.500" y="4" width="13" height="8" rx="1" />
    <path d="M4 6.700v.1M6.700 6.700v.1M9.300 6.700v.1M12 6.700v.1M5 9.500h6" />
</>);

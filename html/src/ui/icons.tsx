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
export const Home = icon(<path d="M2.500 7.500L8 3l5.500 4.500M4 6.500v6.500h8V6.500M6.700 13V9.500h2.600V13" />);
export const Calendar = icon(<>
    <rect x="2.500" y="3.500" width="11" height="10" rx="1" />
    <path d="M2.500 6.700h11M5.500 2v2.500M10.500 2v2.500M5.500 9.300h.1M8 9.300h.1M10.500 9.300h.1M5.500 11.300h.1M8 11.300h.1" />
</>);
export const Template = icon(<>
    <rect x="2.500" y="2.500" width="11" height="11" rx="1" />
    <path d="M5 5.500h6M5 8h6M5 10.500h3" />
</>);
export const Phone = icon(<>
    <rect x="4.500" y="1.500" width="7" height="13" rx="1.500" /><path d="M7 12.300h2" />
</>);
export const Queue = icon(<path d="M2.500 4h11M2.500 8h11M2.500 12h6.500M12 10.500v3M10.500 12h3" />);
export const Key = icon(<>
    <circle cx="5" cy="11" r="2.500" /><path d="M6.800 9.200L13 3M11 5l1.700 1.700M9 7l1.300 1.300" />
</>);
export const Gear = icon(<>
    <circle cx="8" cy="8" r="2.200" />
    <path d="M8 1.800v1.700M8 12.500v1.700M14.200 8h-1.700M3.500 8H1.800M12.400 3.600l-1.200 1.200M4.800 11.200l-1.200 1.200M12.400 12.400l-1.200-1.200M4.800 4.800L3.600 3.600" />
</>);
export const Book = icon(<path d="M3 3h4c.6 0 1 .4 1 1v9c0-.6-.4-1-1-1H3zM13 3H9c-.6 0-1 .4-1 1v9c0-.6.4-1 1-1h4z" />);
export const More = icon(<path d="M3.500 8h.1M8 8h.1M12.500 8h.1" />);
export const Side = icon(<>
    <rect x="2" y="3" width="12" height="10" rx="1" /><path d="M6 3v10" />
</>, true);
export const Check = icon(<path d="M3 8.500l3.300 3.300L13 4.700" />);
export const Edit = icon(<path d="M3 13l.6-2.800L10.800 3l2.200 2.200-7.200 7.200zM9.500 4.300l2.200 2.200" />);
export const Trash = icon(<path d="M3 4.500h10M6 4.500V3h4v1.500M4.500 4.500l.6 8.500h5.800l.6-8.500M6.700 7v3.700M9.300 7v3.700" />);
export const Copy = icon(<>
    <rect x="5.500" y="5.500" width="8" height="8" rx="1" /><path d="M3.500 10.500h-1v-8h8v1" />
</>);
export const Download = icon(<path d="M8 2.500v7.500M4.700 7L8 10.300 11.300 7M3 13h10" />);
export const Upload = icon(<path d="M8 10.500V3M4.700 6L8 2.700 11.300 6M3 13h10" />);
export const Filter = icon(<path d="M2.500 4h11M4.500 8h7M6.500 12h3" />);
export const Link = icon(<path d="M6.700 9.300l2.600-2.600M5.500 7L3.700 8.800a2.300 2.300 0 0 0 3.500 3.500L9 10.500M7 5.500l1.800-1.800a2.300 2.300 0 0 1 3.500 3.500L10.500 9" />);
export const Image = icon(<>
    <rect x="2.500" y="3" width="11" height="10" rx="1" />
    <circle cx="6" cy="6.500" r="1.200" /><path d="M3 12l3.500-3.300 2 1.800 2.300-2.300L13.500 11" />
</>);
export const Bolt = icon(<path d="M9 1.800L3.500 9H8l-1 5.200L12.500 7H8z" />);
export const Globe = icon(<>
    <circle cx="8" cy="8" r="5.700" />
    <path d="M2.300 8h11.400M8 2.300c3.300 3.500 3.300 7.900 0 11.400M8 2.300c-3.300 3.500-3.300 7.900 0 11.400" />
</>);
export const Undo = icon(<path d="M5.500 4L2.500 7l3 3M3 7h6.500a3.500 3.500 0 0 1 0 7H7" />, true);
export const Cut = icon(<>
    <path d="M2.500 2.500l11 11M5 6.200A6.300 6.300 0 0 0 3 7.500M8 4.700c2 0 3.800.9 5 2.800M6.700 8.700c-.6.2-1.100.6-1.500 1.100M10.300 9.300l.5.5M8 12.500v.1" />
</>);
export const Flag = icon(<path d="M4 14V2.500M4 3h8l-1.500 2.700L12 8.500H4" />);
export const Heart = icon(<path d="M2 8.500h2.800l1.400-3.500 2.300 6.500 1.700-4.500.8 1.500H14" />);

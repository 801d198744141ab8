/*
 * The views: where each is, its key, who may see it.  Each is a file of its
 * own here (views/<name>.tsx, with more beside it in views/<name>/ when it is
 * large) that exports the component of its name, loaded when it is first
 * wanted.  A view gets the place it is at and shows what the path's further
 * parts name.
 */

import { lazy } from 'react';
import type { ReactNode } from 'react';
import type { Place } from '../lib/router';
import type { TextKey } from '../lib/t';
import * as Icon from '../ui/icons';

export type View = (p: { place: Place }) => ReactNode;

export interface Section {
    path: string;
    text: TextKey;
    key: string;                       /* "g h": go home */
    group: 'work' | 'build' | 'run';
    icon: (p: { className?: string }) => ReactNode;
    scope?: 'send' | 'admin';          /* what its user must be able to do */
    load: () => Promise<unknown>;      /* ahead of need, on hover */
    view: View;
}


function section(path: string, key: string, group: Section['group'],
    icon: Section['icon'], load: () => Promise<{ default: View }>,
    scope?: Section['scope']): Section
{
    return {
        path, key, group, icon, load, scope,
        text: `nav.${path}` as TextKey,
        view: lazy(load) as unknown as View,
    };
}


export const SECTIONS: Section[] = [
    section('home', 'g h', 'work', Icon.Home,
            () => import('./home').then((m) => ({ default: m.Home }))),
    section('messages', 'g m', 'work', Icon.Speech,
            () => import('./messages').then((m) => ({ default: m.Messages }))),
    section('contacts', 'g c', 'work', Icon.People,
            () => import('./contacts').then((m) => ({ default: m.Contacts }))),
    section('broadcasts', 'g b', 'build', Icon.Broadcast,
            () => import('./broadcasts')
                .then((m) => ({ default: m.Broadcasts }))),
    section('calendar', 'g d', 'build', Icon.Calendar,
            () => import('./calendar').then((m) => ({ default: m.Calendar }))),
    section('templates', 'g t', 'build', Icon.Template,
            () => import('./templates')
                .then((m) => ({ default: m.Templates }))),
    section('accounts', 'g a', 'run', Icon.Phone,
            () => import('./accounts').then((m) => ({ default: m.Accounts }))),
    section('queue', 'g q', 'run', Icon.Queue,
            () => import('./queue').then((m) => ({ default: m.Queue }))),
    section('keys', 'g k', 'run', Icon.Key,
            () => import('./keys').then((m) => ({ default: m.Keys })),
            'admin'),
    section('settings', 'g s', 'run', Icon.Gear,
            () => import('./settings').then((m) => ({ default: m.Settings }))),
    section('docs', 'g r', 'run', Icon.Book,
            () => import('./docs').then((m) => ({ default: m.Docs }))),
];


/* has an address and no place in the navigation */
const HIDDEN: Section[] = [
    section('design', '', 'run', Icon.Image,
            () => import('./design').then((m) => ({ default: m.Design }))),
];


export function sectionAt(place: Place): Section | undefined {
    const name = place.parts[0] ?? 'home';

    return [...SECTIONS, ...HIDDEN].find((s) => s.path === name);
}

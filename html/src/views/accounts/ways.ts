/*
 * The ways to add a number: which steps each has, and which fields.  A field
 * is named as the API names it, so that a refusal finds it.
 */

import type { ReactNode } from 'react';
import type { TextKey } from '../../lib/t';
import * as Icon from '../../ui/icons';

export type Values = Record<string, string>;
export type Step = 'access' | 'number' | 'server' | 'name';

export interface FieldOf {
    name: string;
    step: Step;
    label: TextKey;
    hint?: TextKey;
    type?: 'text' | 'tel' | 'url' | 'password';
    optional?: boolean;
    value?: string;
    placeholder?: string;
    options?: { value: string; label: TextKey }[];
    when?: (v: Values) => boolean;
}

export interface Way {
    key: 'sandbox' | 'cloud-api' | 'sign-up' | 'waha' | 'twilio';
    provider: string;
    icon: (p: { className?: string }) => ReactNode;
    steps: Step[];
    fields: FieldOf[];
}


const NAME: FieldOf = {
    name: 'name', step: 'number', label: 'accounts.name',
    hint: 'accounts.nameHint',
};


export const WAYS: Way[] = [
    {
        key: 'sandbox', provider: 'cloud_api', icon: Icon.Bolt,
        steps: ['name'],
        fields: [
            { ...NAME, step: 'name' },
            { name: 'kind', step: 'name', label: 'accounts.kind',
              hint: 'accounts.kindHint', value: 'cloud_api', options: [
                  { value: 'cloud_api', label: 'accounts.kind.cloud' },
                  { value: 'waha', label: 'accounts.kind.qr' },
              ] },
            { name: 'phone', step: 'name', label: 'accounts.phone',
              type: 'tel', value: '+15550100001',
              hint: 'accounts.phoneMade',
              when: (v) => v['kind'] !== 'waha' },
        ],
    },
    {
        key: 'cloud-api', provider: 'cloud_api', icon: Icon.Key,
        steps: ['access', 'number'],
        fields: [
            { name: 'token', step: 'access', label: 'accounts.token',
              hint: 'accounts.tokenHint', type: 'password' },
            { name: 'app_secret', step: 'access', type: 'password',
              label: 'accounts.appSecret', hint: 'accounts.appSecretHint' },
            { name: 'number_id', step: 'number',
              label: 'accounts.numberId.cloud_api',
              hint: 'accounts.numberIdHint', placeholder: '106540352242922' },
            { name: 'phone', step: 'number', label: 'accounts.phone',
              type: 'tel', hint: 'accounts.phoneHint',
              placeholder: '+254 712 345678' },
            { name: 'business_id', step: 'number', optional: true,
              label: 'accounts.businessId', hint: 'accounts.businessIdHint' },
            NAME,
        ],
    },
    {
        key: 'sign-up', provider: 'cloud_api', icon: Icon.Out,
        steps: ['access', 'number'], fields: [],
    },
    {
        key: 'waha', provider: 'waha', icon: Icon.Phone,
        steps: ['server', 'number'],
        fields: [
            { name: 'base_url', step: 'server', label: 'accounts.wahaUrl',
              type: 'url', hint: 'accounts.wahaUrlHint',
              placeholder: 'https://waha.example.org' },
            { name: 'token', step: 'server', label: 'accounts.wahaKey',
              hint: 'accounts.wahaKeyHint', type: 'password' },
            { name: 'number_id', step: 'number', value: 'default',
              label: 'accounts.numberId.waha',
              hint: 'accounts.sessionHint' },
            NAME,
        ],
    },
    {
        key: 'twilio', provider: 'twilio', icon: Icon.Globe,
        steps: ['access', 'number'],
        fields: [
            { name: 'business_id', step: 'access',
              label: 'accounts.accountSid', hint: 'accounts.accountSidHint',
              placeholder: 'AC…' },
            { name: 'token', step: 'access', label: 'accounts.authToken',
              hint: 'accounts.authTokenHint', type: 'password' },
            { name: 'channel', step: 'number', label: 'accounts.channel',
              value: 'whatsapp', options: [
                  { value: 'whatsapp', label: 'accounts.channel.whatsapp' },
                  { value: 'sms', label: 'accounts.channel.sms' },
              ] },
            { name: 'number_id', step: 'number',
              label: 'accounts.numberId.twilio',
              hint: 'accounts.senderHint', placeholder: '+14155238886' },
            NAME,
        ],
    },
];


export function start(way: Way): Values {
    return Object.fromEntries(way.fields.map((f) =>
        [f.name, f.value ?? '']));
}


/* POST /accounts: what is empty is absent; Meta is asked first */
export function bodyOf(way: Way, v: Values): Record<string, unknown> {
    const out: Record<string, unknown> = { provider: way.provider };

    for (const f of way.fields) {
        const x = (v[f.name] ?? '').trim();

        if (x !== '') {
            out[f.name] = x;
        }
    }

    if (way.provider === 'cloud_api') {
        out['check'] = true;
    }

    return out;
}

/*
 * The keyboard help, and the switch that turns single keys off.
 */

import { useState } from 'react';
import { keysOn, setKeysOn } from '../lib/keys';
import { t } from '../lib/t';
import type { TextKey } from '../lib/t';
import { Dialog } from './parts';

const GROUPS: [TextKey, [string[], TextKey][]][] = [
    ['keys.go', [
        [['g', 'b'], 'nav.broadcasts'],
        [['g', 'c'], 'nav.contacts'],
        [['g', 'm'], 'nav.messages'],
    ]],
    ['keys.lists', [
        [['j'], 'keys.next'],
        [['k'], 'keys.previous'],
        [['Enter'], 'keys.open'],
        [['Esc'], 'keys.close'],
    ]],
    ['keys.anywhere', [
        [['/'], 'keys.search'],
        [['n'], 'keys.write'],
        [['r'], 'keys.reply'],
        [['?'], 'keys.help'],
    ]],
];


export function Help({ onClose }: { onClose: () => void }) {
    const [on, setOn] = useState(keysOn);

    return (
        <Dialog title={t('keys.title')} onClose={onClose} className="help">
            <div className="help-groups">
                {GROUPS.map(([title, keys]) => (
                    <section key={title}>
                        <h3>{t(title)}</h3>
                        <dl>
                            {keys.map(([pair, text]) => (
                                <div key={text}>
                                    <dt>{t(text)}</dt>
                                    <dd>
                                        {pair.map((k, i) => (
                                            <span key={k}>
                                                {i > 0
                                                    && <span className="then">
                                                        {t('keys.then')}
                                                    </span>}
                                                <kbd>{k}</kbd>
                                            </span>
                                        ))}
                                    </dd>
                                </div>
                            ))}
                        </dl>
                    </section>
                ))}
            </div>
            <label className="check">
                <input type="checkbox" checked={on}
                    onChange={(e: Event) => {
                        const v = (e.currentTarget as HTMLInputElement).checked;

                        setOn(v);
                        setKeysOn(v);
                    }} />
                <span>
                    {t('keys.switch')}
                    <small>{t('keys.switchHint')}</small>
                </span>
            </label>
            <div className="dialog-actions">
                <button className="button" autoFocus onClick={onClose}>
                    {t('contact.close')}
                </button>
            </div>
        </Dialog>
    );
}

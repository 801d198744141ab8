/*
 * The keyboard help: the table of shortcuts, each of which can be given other
 * keys, and the switch that turns single keys off.
 */

import { useEffect, useState, useSyncExternalStore } from 'react';
import { keysOn, setKeysOn } from '../lib/keys';
import {
    SHORTCUTS, chooseKeys, keyFace, keysFor, ownKeys, resetKeys, taken,
    watchKeys,
} from '../lib/shortcuts';
import type { KeyGroup, Shortcut } from '../lib/shortcuts';
import { t } from '../lib/t';
import { Dialog } from './parts';

const GROUPS: KeyGroup[] = ['go', 'anywhere', 'lists', 'talk'];

/* so long may the second key of a pair take */
const PAIR_MS = 900;


export function Keys({ of }: { of: string }) {
    const parts = of.split(' ');
    const chord = parts[0] === 'Mod' || parts[0] === 'Shift';

    return (
        <>
            {parts.map((k, i) => (
                <span key={i}>
                    {i > 0 && !chord
                        && <span className="then">{t('keys.then')}</span>}
                    <kbd>{keyFace(k)}</kbd>
                </span>
            ))}
        </>
    );
}


export function Help({ onClose }: { onClose: () => void }) {
    const [on, setOn] = useState(keysOn);
    const [changing, setChanging] = useState(false);
    const own = useSyncExternalStore(watchKeys, ownKeys);

    return (
        <Dialog title={t('keys.title')} onClose={onClose} className="help">
            <div className="help-groups">
                {GROUPS.map((g) => (
                    <section key={g}>
                        <h3>{t(`keys.group.${g}`)}</h3>
                        <dl>
                            {SHORTCUTS.filter((s) => s.group === g).map((s) => (
                                <div key={s.text}>
                                    <dt>{t(s.text)}</dt>
                                    <dd>
                                        {changing && s.fixed !== true
                                            ? <Change of={s} />
                                            : <Keys of={keysFor(s)} />}
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
                {changing && Object.keys(own).length > 0
                    && <button className="button button-quiet"
                        onClick={resetKeys}>
                        {t('keys.reset')}
                    </button>}
                <button className="button" aria-pressed={changing}
                    onClick={() => setChanging(!changing)}>
                    {t(changing ? 'keys.changeDone' : 'keys.change')}
                </button>
                <button className="button" autoFocus onClick={onClose}>
                    {t('form.close')}
                </button>
            </div>
        </Dialog>
    );
}


/* waits for the new keys once it was pressed; Tab and Escape stay what they are */
function Change({ of }: { of: Shortcut }) {
    const [typed, setTyped] = useState<string | null>(null);
    const [fault, setFault] = useState<Shortcut>();

    useEffect(() => {
        if (typed === null || typed === '') {
            return;
        }

        const done = () => {
            const other = taken(typed, of);

            setFault(other);
            setTyped(null);

            if (other === undefined) {
                chooseKeys(of, typed);
            }
        };

        if (typed.includes(' ')) {
            done();

            return;
        }

        const timer = setTimeout(done, PAIR_MS);

        return () => clearTimeout(timer);
    }, [typed, of]);

    return (
        <span className="help-change">
            <button className={`key-button${typed !== null ? ' is-on' : ''}`}
                onClick={() => {
                    setFault(undefined);
                    setTyped('');
                }}
                onBlur={() => setTyped(null)}
                onKeyDown={(e: KeyboardEvent) => {
                    if (typed === null || e.ctrlKey || e.metaKey || e.altKey
                        || (e.key !== 'Escape' && e.key.length !== 1)
                        || e.key === ' ')
                    {
                        return;
                    }

                    e.preventDefault();
                    e.stopPropagation();
                    setTyped(e.key === 'Escape' ? null
                        : typed === '' ? e.key : `${typed} ${e.key}`);
                }}>
                <span className="sr">
                    {t('keys.changeOf', { what: t(of.text) })}
                </span>
                {typed === null ? <Keys of={keysFor(of)} />
                    : typed === '' ? t('keys.press') : <Keys of={typed} />}
            </button>
            {fault !== undefined
                && <span className="form-fault" role="alert">
                    {t('keys.taken', { what: t(fault.text) })}
                </span>}
        </span>
    );
}

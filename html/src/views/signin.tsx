/*
 * Sign in with email and password.  The answer sets a cookie that scripts
 * cannot read; nothing is kept here.
 */

import { useRef, useState } from 'react';
import { asProblem, call } from '../api/client';
import type { Problem } from '../api/client';
import { t } from '../lib/t';
import { storedBrand } from '../lib/brand';
import { LanguageChoice } from '../ui/bar';
import * as Icon from '../ui/icons';
import { RequestId } from '../ui/parts';


export function SignIn({ note, onDone }: {
    note: string; onDone: () => Promise<void>;
}) {
    const [busy, setBusy] = useState(false);
    const [show, setShow] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const email = useRef<HTMLInputElement>(null);
    const password = useRef<HTMLInputElement>(null);

    const submit = async () => {
        setBusy(true);
        setProblem(undefined);

        try {
            await call('POST', '/login', {
                body: {
                    email: email.current!.value.trim(),
                    password: password.current!.value,
                },
            });

            await onDone();

        } catch (e) {
            setProblem(asProblem(e));
            setBusy(false);
            password.current?.select();
        }
    };

    /* at this door "unauthenticated" speaks of what was just typed */
    const words = problem === undefined ? undefined
        : problem.status === 401 ? t('problem.invalid_credentials')
        : problem.words;

    return (
        <div className="signin">
            <aside className="signin-side" aria-hidden="true">
                <p className="signin-brand">
                    <Icon.Mark /><bdi>{storedBrand()?.name || t('app.name')}</bdi>
                </p>
                <div className="signin-art">
                    <i /><i /><i /><i /><i />
                </div>
                <div>
                    <p className="signin-motto">{t('signin.motto')}</p>
                    <p className="signin-more">{t('signin.mottoMore')}</p>
                </div>
            </aside>
            <main className="signin-main">
                <form className="signin-form" onSubmit={(e: Event) => {
                    e.preventDefault();
                    void submit();
                }}>
                    <Icon.Mark className="signin-mark" />
                    <h1>{t('signin.title')}</h1>
                    <p className="lead">{t('signin.lead')}</p>

                    {words !== undefined
                        ? <div className="notice is-failed" role="alert"
                            id="signin-problem">
                            <Icon.Alert />
                            <div>
                                <p>{words}</p>
                                <RequestId of={problem?.requestId} />
                            </div>
                        </div>
                        : note !== ''
                        && <p className="notice" role="status">
                            <Icon.Info /><span>{note}</span>
                        </p>}

                    <label className="field">
                        <span>{t('signin.email')}</span>
                        <input ref={email} type="email" name="email" required
                            autoComplete="username" autoFocus dir="ltr"
                            autoCapitalize="none" spellcheck={false} />
                    </label>
                    <label className="field" htmlFor="password">
                        <span>{t('signin.password')}</span>
                        <span className="field-with">
                            <input ref={password} id="password"
                                type={(show ? 'text' : 'password') as 'password'}
                                name="password" required dir="ltr"
                                autoComplete="current-password"
                                aria-describedby={problem !== undefined
                                    ? 'signin-problem' : undefined} />
                            <button type="button" className="field-button"
                                aria-pressed={show}
                                aria-label={t('signin.showPassword')}
                                onClick={() => setShow(!show)}>
                                {t(show ? 'signin.hide' : 'signin.show')}
                            </button>
                        </span>
                    </label>
                    <button className="button button-main button-wide"
                        aria-disabled={busy} onClick={(e: Event) => {
                            if (busy) {
                                e.preventDefault();
                            }
                        }}>
                        {t(busy ? 'signin.going' : 'signin.go')}
                    </button>
                </form>
                <footer className="signin-foot"><LanguageChoice /></footer>
            </main>
        </div>
    );
}

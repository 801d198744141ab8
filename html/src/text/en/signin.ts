/*
 * Signing in.
 */

export default {
    'signin.title': 'Sign in',
    'signin.lead': 'to your organisation\u2019s Herald',
    'signin.email': 'Email',
    'signin.password': 'Password',
    'signin.show': 'Show',
    'signin.hide': 'Hide',
    'signin.showPassword': 'Show password',
    'signin.go': 'Sign in',
    'signin.going': 'Signing in\u2026',
    'signin.motto': 'Every message accounted for.',
    'signin.mottoMore': 'Sent, delivered, read, answered: each one is counted, and what is not known is said to be so.',
    'signin.ended': 'Your session has ended. Please sign in again.',
    'signin.expired': 'Signed out.',
} as const;

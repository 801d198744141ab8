/*
 * Settings.
 */

export default {
} as const;

/*
 * Texts in this language; what is missing is said in English.
 */

const texts: Record<string, string> = {};

export default texts;

/*
 * Runs before the first paint: sets the theme the user chose, so that the
 * page does not flash in the other one.  It is a file of its own because the
 * content security policy allows no inline script.
 */

import { applyTheme, storedTheme } from './lib/theme';

applyTheme(storedTheme());

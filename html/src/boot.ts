/*
 * Runs before the first paint: sets the theme the user chose and the accent
 * of their organisation, so that the page does not flash in another one.  It is a file of its own because the
 * content security policy allows no inline script.
 */

import { applyBrand, storedBrand } from './lib/brand';
import { applyTheme, storedTheme } from './lib/theme';

applyTheme(storedTheme());
applyBrand(storedBrand());

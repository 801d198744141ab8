/*
 * Money as it is told, zones as the browser knows them.
 */

import { region } from '../../lib/t';


/* prices are fractions of a cent: as many digits as were given */
export function money(amount: string | number, currency: string): string {
    return new Intl.NumberFormat(region, {
        style: 'currency', currency, maximumFractionDigits: 4,
    }).format(Number(amount));
}


/* a column of them: the currency stands above it */
export function price(amount: string): string {
    return new Intl.NumberFormat(region, {
        minimumFractionDigits: 4, maximumFractionDigits: 6,
    }).format(Number(amount));
}


export function zones(): string[] {
    const all = typeof Intl.supportedValuesOf === 'function'
        ? Intl.supportedValuesOf('timeZone') : [];

    return ['UTC', ...all];
}


export function countryName(code: string): string {
    try {
        return new Intl.DisplayNames([region], { type: 'region' }).of(code)
               ?? code;
    } catch {
        return code;
    }
}

/*
 * The English catalog, in one file per view.  It is the one that the others are
 * measured by: a key that stands here must stand in each language.
 */

import accounts from './accounts';
import frame from './frame';
import signin from './signin';
import broadcasts from './broadcasts';
import calendar from './calendar';
import codes from './codes';
import contacts from './contacts';
import design from './design';
import home from './home';
import run from './run';
import settings from './settings';
import messages from './messages';
import wizard from './wizard';
import templates from './templates';

const en = {
    ...accounts,
    ...frame,
    ...signin,
    ...broadcasts,
    ...calendar,
    ...codes,
    ...contacts,
    ...design,
    ...home,
    ...run,
    ...settings,
    ...messages,
    ...wizard,
    ...templates,
};

export default en;

/*
 * Routes of notices by e-mail.
 */

#include "route.h"


const hd_route_t  hd_notice_routes[] = {

    HD_END_ROUTES
};

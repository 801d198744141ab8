/*
 * Routes of the limits: settings of the organisation, who must not be written
 * to, portfolios, prices.
 */

#include "route.h"


const hd_route_t  hd_limits_routes[] = {

    HD_END_ROUTES
};

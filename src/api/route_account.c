/*
 * Routes of numbers at their providers: sessions, profiles, registration,
 * what happened to their connections.
 */

#include "route.h"


const hd_route_t  hd_account_routes[] = {

    HD_END_ROUTES
};

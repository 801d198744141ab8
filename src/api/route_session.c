/*
 * Routes of QR sessions.
 */

#include "route.h"


const hd_route_t  hd_session_routes[] = {

    HD_END_ROUTES
};

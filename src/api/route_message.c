/*
 * Routes of messages and their files.
 */

#include "route.h"


const hd_route_t  hd_message_routes[] = {

    HD_END_ROUTES
};

/*
 * Routes of templates and snippets.
 */

#include "route.h"


const hd_route_t  hd_template_routes[] = {

    HD_END_ROUTES
};

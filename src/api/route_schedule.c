/*
 * Routes of schedules, statuses and the calendar.
 */

#include "route.h"


const hd_route_t  hd_schedule_routes[] = {

    HD_END_ROUTES
};

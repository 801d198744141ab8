/*
 * The parts of the route table, private to them: each of its files holds the
 * fields, the columns and the routes of some resources.
 */

#ifndef HD_API_ROUTE_H
#define HD_API_ROUTE_H

#include "frame.h"


#define HD_END_FIELDS   { NULL, 0, 0, 0, 0, 0, NULL, NULL }
#define HD_END_COLUMNS  { NULL, 0, NULL }
#define HD_END_ROUTES   { 0, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }

#define GET     NGX_HTTP_GET
#define POST    NGX_HTTP_POST
#define PUT     NGX_HTTP_PUT
#define PATCH   NGX_HTTP_PATCH
#define DELETE  NGX_HTTP_DELETE

#define PUBLIC  HD_SCOPE_PUBLIC
#define ANY     HD_SCOPE_ANY
#define READ    HD_SCOPE_READ
#define SEND    HD_SCOPE_SEND
#define ADMIN   HD_SCOPE_ADMIN

#define LIST    HD_ROUTE_LIST
#define CREATED HD_ROUTE_CREATED
#define EMPTY   HD_ROUTE_EMPTY
#define ZONES   HD_ROUTE_ZONES
#define WHOLE   HD_ROUTE_WHOLE


/* route_message.c: a message, also that of a broadcast's test */
extern const hd_column_t  hd_message_answer[];
/* route.c: a number, whole */
extern const hd_column_t  hd_account_full_answer[];
/* route_broadcast.c: one person's story */
extern const hd_column_t  hd_why_answer[];

extern const hd_route_t  hd_broadcast_routes[];
extern const hd_route_t  hd_limits_routes[];
extern const hd_route_t  hd_account_routes[];
extern const hd_route_t  hd_template_routes[];
extern const hd_route_t  hd_message_routes[];
extern const hd_route_t  hd_session_routes[];
extern const hd_route_t  hd_notice_routes[];
extern const hd_route_t  hd_schedule_routes[];

#endif /* HD_API_ROUTE_H */

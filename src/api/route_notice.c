/*
 * Routes of notices by e-mail.
 */

#include "route.h"
#include "notice.h"


static const char *const  hd_notice_events[] = {
    "number.disconnected", "template.rejected", "template.paused",
    "broadcast.paused", "broadcast.finished", "schedule.missed",
    "spend_limit.reached", NULL
};

static const hd_field_t  hd_notice_body[] = {
    { "name", HD_FIELD_STRING, 0, 0, 1, 100, NULL, "For people" },
    { "events", HD_FIELD_ENUMS, 1, 0, 1, 20, hd_notice_events,
      "What is told; template.paused also when it is disabled" },
    { "emails", HD_FIELD_STRINGS, 1, 0, 1, 20, NULL,
      "To whom; each gets an e-mail of its own" },
    HD_END_FIELDS
};

static const hd_field_t  hd_notice_change_body[] = {
    { "name", HD_FIELD_STRING, 0, 0, 1, 100, NULL, NULL },
    { "events", HD_FIELD_ENUMS, 0, 0, 1, 20, hd_notice_events, NULL },
    { "emails", HD_FIELD_STRINGS, 0, 0, 1, 20, NULL, NULL },
    HD_END_FIELDS
};

static const hd_field_t  hd_notice_test_body[] = {
    { "email", HD_FIELD_EMAIL, 1, 0, 0, 0, NULL,
      "An address that some notice goes to" },
    HD_END_FIELDS
};

static const hd_column_t  hd_notice_test_answer[] = {
    { "email", 's', NULL },
    { "accepted", 'b', "The mail server took it" },
    HD_END_COLUMNS
};

#define HD_NOTICE_COLUMNS                                                     \
    { "id", 'u', NULL },                                                      \
    { "name", 's', NULL },                                                    \
    { "events", 'a', NULL },                                                  \
    { "emails", 'a', NULL }

static const hd_column_t  hd_notice_row_answer[] = {
    HD_NOTICE_COLUMNS,
    { "created_at", 't', NULL },
    { "updated_at", 't', NULL },
    HD_END_COLUMNS
};

static const hd_column_t  hd_notice_answer[] = {
    HD_NOTICE_COLUMNS,
    { "failures", 'j', "The last ten that could not be delivered: email, "
      "event, at, detail" },
    { "created_at", 't', NULL },
    { "updated_at", 't', NULL },
    HD_END_COLUMNS
};


const hd_route_t  hd_notice_routes[] = {

    { POST, "/notices", ADMIN, CREATED, hd_notice_create, NULL,
      hd_notice_body, hd_notice_answer, "Notices",
      "Tell events by e-mail: within a minute, and of one thing at most every "
      "ten minutes" },
    { GET, "/notices", READ, LIST, hd_notice_list, NULL, NULL,
      hd_notice_row_answer, "Notices", "List notices" },
    { POST, "/notices/test", ADMIN, HD_ROUTE_RAW, hd_notice_test, NULL,
      hd_notice_test_body, hd_notice_test_answer, "Notices",
      "Send an e-mail now, and say what the mail server said" },
    { GET, "/notices/{id}", READ, HD_ROUTE_ETAG, hd_notice_get, NULL, NULL,
      hd_notice_answer, "Notices", "Read a notice, and what failed" },
    { PATCH, "/notices/{id}", ADMIN, HD_ROUTE_ETAG, hd_notice_update, NULL,
      hd_notice_change_body, hd_notice_answer, "Notices",
      "Change a notice: what is absent stays" },
    { DELETE, "/notices/{id}", ADMIN, EMPTY, hd_notice_delete, NULL, NULL,
      NULL, "Notices", "Delete a notice" },

    HD_END_ROUTES
};

/*
 * Routes of QR sessions.
 */

#include "route.h"
#include "session.h"


static const char *const  hd_qr_formats[] = { "png", "svg", "json", NULL };

static const hd_field_t  hd_qr_query[] = {
    { "format", HD_FIELD_ENUM, 0, 0, 0, 0, hd_qr_formats,
      "Else what Accept asks for: image/svg+xml, image/png" },
    HD_END_FIELDS
};

static const hd_field_t  hd_code_body[] = {
    { "phone", HD_FIELD_PHONE, 1, 0, 0, 0, NULL,
      "Of the phone that will type the code" },
    HD_END_FIELDS
};

static const hd_field_t  hd_groups_query[] = {
    { "from", HD_FIELD_INT, 0, 0, 0, 1000000, NULL,
      "next_cursor of the page before" },
    HD_END_FIELDS
};

static const hd_field_t  hd_group_body[] = {
    { "id", HD_FIELD_STRING, 1, 0, 5, 64, NULL,
      "The group's id at the provider" },
    HD_END_FIELDS
};

/* session_get's, but for its last */
const hd_column_t  hd_session_columns[] = {
    { "account_id", 'u', NULL },
    { "provider", 's', NULL },
    { "name", 's', NULL },
    { "session", 's', "Its name at the provider" },
    { "phone", 's', "Empty until somebody has scanned" },
    { "state", 'S', "The provider's own word; null: never told" },
    { "state_at", 'T', "Since when" },
    { "status", 's', "connected, paused, disconnected" },
    { "status_reason", 'S', NULL },
    { "status_code", 'I', NULL },
    { "status_text", 'E', NULL },
    { "status_fix", 'F', NULL },
    { "health", 'J', "verdict: alive, silent, down, unknown; words, fix" },
    { "checked_at", 'T', NULL },
    { "inbound_at", 'T', "When somebody last wrote, within a minute" },
    { "receipt_at", 'T', "When a receipt last came, within a minute" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_qr_answer[] = {
    { "value", 's', "The text that the code stands for" },
    { "state", 's', NULL },
    { "expires_at", 't', "Then the next one is there: ask again" },
    { "n", 'i', "The how manieth it is" },
    { "of", 'i', "After so many the session fails, and is to be restarted" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_code_answer[] = {
    { "code", 's', "To be typed into WhatsApp: Linked devices, Link with "
      "phone number" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_history_answer[] = {
    { "id", 'u', NULL },
    { "at", 't', NULL },
    { "event", 's', "session, health, or what somebody did: start, stop, "
      "restart, logout, delete" },
    { "state", 'S', "Of the session, as the provider says it" },
    { "reason", 'S', "Why, or who" },
    { "detail", 'S', "Whose id, of what somebody did" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_group_answer[] = {
    { "id", 's', NULL },
    { "name", 's', NULL },
    { "contact_id", 'u', "To write to it" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_trouble_answer[] = {
    { "data", 'j', "check, ok, words, fix; in the order in which to mend" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_groups_answer[] = {
    { "data", 'j', "id, name, description, participants, contact_id" },
    { "next_cursor", 'S', NULL },
    HD_END_COLUMNS
};


#define RAW  HD_ROUTE_RAW

const hd_route_t  hd_session_routes[] = {

    { GET, "/accounts/{id}/session", READ, RAW, hd_session_get, NULL, NULL,
      hd_session_columns, "Sessions", "Read a QR session" },
    { POST, "/accounts/{id}/session/start", ADMIN, RAW, hd_session_start,
      NULL, NULL, hd_session_columns, "Sessions",
      "Start a session; it is made where it is not there" },
    { POST, "/accounts/{id}/session/stop", ADMIN, RAW, hd_session_stop, NULL,
      NULL, hd_session_columns, "Sessions", "Stop a session" },
    { POST, "/accounts/{id}/session/restart", ADMIN, RAW, hd_session_restart,
      NULL, NULL, hd_session_columns, "Sessions",
      "Restart a session, for new QR codes too" },
    { POST, "/accounts/{id}/session/logout", ADMIN, RAW, hd_session_logout,
      NULL, NULL, hd_session_columns, "Sessions",
      "Log the phone out of a session" },
    { POST, "/accounts/{id}/session/check", SEND, RAW, hd_session_check, NULL,
      NULL, NULL, "Sessions", "Look at a session now; account.health tells" },
    { DELETE, "/accounts/{id}/session", ADMIN, RAW, hd_session_delete, NULL,
      NULL, NULL, "Sessions", "Delete a session at its provider" },

    { GET, "/accounts/{id}/qr", ADMIN, RAW, hd_session_qr, hd_qr_query, NULL,
      hd_qr_answer, "Sessions", "The QR code to scan, as JSON, PNG or SVG" },
    { POST, "/accounts/{id}/pairing-code", ADMIN, RAW, hd_session_code, NULL,
      hd_code_body, hd_code_answer, "Sessions",
      "The code to type instead of scanning" },
    { GET, "/accounts/{id}/history", READ, LIST, hd_session_history, NULL,
      NULL, hd_history_answer, "Sessions",
      "What happened to a number's connection" },
    { GET, "/accounts/{id}/troubleshoot", READ, RAW, hd_session_troubleshoot,
      NULL, NULL, hd_trouble_answer, "Sessions",
      "What is wrong with a number, and what to do about it" },

    { GET, "/accounts/{id}/groups", READ, RAW, hd_session_groups,
      hd_groups_query, NULL, hd_groups_answer, "Sessions",
      "List the groups that a number is in" },
    { POST, "/accounts/{id}/groups", SEND, CREATED, hd_session_group_add, NULL,
      hd_group_body, hd_group_answer, "Sessions",
      "Make a contact of a group, to write to it" },

    HD_END_ROUTES
};

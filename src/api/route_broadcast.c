/*
 * Routes of broadcasts, their recipients and single messages.
 */

#include "route.h"


static const char *const  hd_directions[] = { "in", "out", NULL };
static const char *const  hd_recipient_states[] = {
    "queued", "sending", "sent", "delivered", "read", "replied", "failed",
    "skipped", "unknown", NULL
};


static const hd_field_t  hd_broadcast_body[] = {
    { "name", HD_FIELD_STRING, 1, 0, 1, 200, NULL, NULL },
    { "account_id", HD_FIELD_UUID, 1, 0, 0, 0, NULL, "From which number" },
    { "template_id", HD_FIELD_UUID, 1, 0, 0, 0, NULL, NULL },
    { "audience", HD_FIELD_OBJECT, 1, 0, 0, 0, NULL,
      "{\"all\": true} or {\"tag\": \"vip\"}" },
    { "variables", HD_FIELD_MAP, 0, 0, 0, 100, NULL,
      "Values of the template's variables; may hold {{first_name}} and other "
      "columns of the contact" },
    { "send_at", HD_FIELD_TIME, 0, 1, 0, 0, NULL, "Now, if absent" },
    HD_END_FIELDS
};

static const hd_column_t  hd_broadcast_answer[] = {
    { "id", 'u', NULL },
    { "name", 's', NULL },
    { "status", 's', "scheduled, sending, paused, cancelled, completed" },
    { "account_id", 'u', NULL },
    { "template_id", 'u', NULL },
    { "audience", 'j', NULL },
    { "variables", 'j', NULL },
    { "send_at", 't', NULL },
    { "started_at", 'T', NULL },
    { "finished_at", 'T', NULL },
    { "created_at", 't', NULL },
    { "counters.audience", 'i', NULL },
    { "counters.queued", 'i', "audience - sent - failed - skipped - unknown" },
    { "counters.sent", 'i', "Taken by the provider" },
    { "counters.delivered", 'i', "Of sent" },
    { "counters.read", 'i', "Of sent" },
    { "counters.replied", 'i', "Of sent" },
    { "counters.failed", 'i', NULL },
    { "counters.skipped", 'i', NULL },
    { "counters.unknown", 'i', "Perhaps sent: held, never sent again" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_recipient_query[] = {
    { "status", HD_FIELD_ENUM, 0, 0, 0, 0, hd_recipient_states, NULL },
    HD_END_FIELDS
};

static const hd_column_t  hd_recipient_answer[] = {
    { "seq", 'i', "Number in the audience" },
    { "contact_id", 'u', NULL },
    { "name", 'S', NULL },
    { "phone", 'S', NULL },
    { "status", 's', NULL },
    { "attempts", 'i', NULL },
    { "error_code", 'I', "The provider's" },
    { "error", 'S', "In plain words" },
    { "reason", 'S', "Why it was skipped, or is unknown" },
    { "provider_id", 'S', NULL },
    { "message_id", 'U', NULL },
    { "sent_at", 'T', NULL },
    { "delivered_at", 'T', NULL },
    { "read_at", 'T', NULL },
    { "replied_at", 'T', NULL },
    HD_END_COLUMNS
};

static const hd_field_t  hd_message_body[] = {
    { "account_id", HD_FIELD_UUID, 1, 0, 0, 0, NULL, "From which number" },
    { "contact_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL, NULL },
    { "to", HD_FIELD_PHONE, 0, 0, 0, 0, NULL, "Instead of contact_id" },
    { "text", HD_FIELD_STRING, 0, 0, 1, 4096, NULL, NULL },
    { "template", HD_FIELD_OBJECT, 0, 0, 0, 0, NULL,
      "Instead of text: {\"id\", \"variables\"}" },
    HD_END_FIELDS
};

static const hd_field_t  hd_message_query[] = {
    { "contact_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL, "One thread" },
    { "direction", HD_FIELD_ENUM, 0, 0, 0, 0, hd_directions, NULL },
    HD_END_FIELDS
};

static const hd_column_t  hd_message_answer[] = {
    { "id", 'u', NULL },
    { "account_id", 'u', NULL },
    { "contact_id", 'u', NULL },
    { "contact_name", 'S', NULL },
    { "phone", 'S', NULL },
    { "direction", 's', "in or out" },
    { "type", 's', "text, template, or the provider's word" },
    { "text", 's', NULL },
    { "status", 's', "queued, sending, accepted, sent, delivered, read, "
      "failed, unknown, skipped; received for what came in" },
    { "error_code", 'I', NULL },
    { "error", 'S', NULL },
    { "provider_id", 'S', NULL },
    { "broadcast_id", 'U', NULL },
    { "created_at", 't', NULL },
    { "sent_at", 'T', NULL },
    { "delivered_at", 'T', NULL },
    { "read_at", 'T', NULL },
    HD_END_COLUMNS
};


const hd_route_t  hd_broadcast_routes[] = {

    { POST, "/broadcasts", SEND, CREATED, hd_broadcast_create, NULL,
      hd_broadcast_body, hd_broadcast_answer, "Broadcasts",
      "Send a template to an audience, now or later" },
    { GET, "/broadcasts", READ, LIST, hd_broadcast_list, NULL, NULL,
      hd_broadcast_answer, "Broadcasts", "List broadcasts" },
    { GET, "/broadcasts/{id}", READ, 0, hd_broadcast_get, NULL, NULL,
      hd_broadcast_answer, "Broadcasts", "Read a broadcast" },
    { POST, "/broadcasts/{id}/pause", SEND, 0, hd_broadcast_pause, NULL, NULL,
      hd_broadcast_answer, "Broadcasts", "Pause" },
    { POST, "/broadcasts/{id}/resume", SEND, 0, hd_broadcast_resume, NULL,
      NULL, hd_broadcast_answer, "Broadcasts", "Go on" },
    { POST, "/broadcasts/{id}/cancel", SEND, 0, hd_broadcast_cancel, NULL,
      NULL, hd_broadcast_answer, "Broadcasts",
      "Cancel: who was not sent to is skipped" },
    { GET, "/broadcasts/{id}/recipients", READ, LIST|HD_ROUTE_RAW,
      hd_broadcast_recipients, hd_recipient_query, NULL, hd_recipient_answer,
      "Broadcasts", "Who, and how far" },

    { POST, "/messages", SEND, HD_ROUTE_ACCEPTED|HD_ROUTE_RAW,
      hd_message_create, NULL, hd_message_body, hd_message_answer,
      "Messages", "Send one message" },
    { GET, "/messages", READ, LIST|HD_ROUTE_RAW, hd_message_list,
      hd_message_query, NULL, hd_message_answer, "Messages",
      "List messages, newest first" },
    { GET, "/messages/{id}", READ, HD_ROUTE_RAW, hd_message_get, NULL, NULL,
      hd_message_answer, "Messages", "Read a message" },

    HD_END_ROUTES
};

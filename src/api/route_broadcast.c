/*
 * Routes of broadcasts, their recipients and single messages.
 */

#include "route.h"
#include "click.h"
#include "launch.h"


static const char *const  hd_recipient_states[] = {
    "queued", "sending", "sent", "delivered", "read", "replied", "failed",
    "skipped", "unknown", NULL
};


#define HD_BROADCAST_FIELDS(needed)                                           \
    { "name", HD_FIELD_STRING, needed, 0, 1, 200, NULL, NULL },               \
    { "account_id", HD_FIELD_UUID, needed, 0, 0, 0, NULL,                     \
      "From which number" },                                                  \
    { "template_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL,                         \
      "Needed without variants" },                                            \
    { "audience", HD_FIELD_OBJECT, needed, 0, 0, 0, NULL,                     \
      "{\"all\": true} or {\"tag\": \"vip\"}" },                              \
    { "variables", HD_FIELD_MAP, 0, 0, 0, 100, NULL,                          \
      "Values of the template's variables; may hold {{first_name}} and "      \
      "other columns of the contact" },                                       \
    { "send_at", HD_FIELD_TIME, 0, 1, 0, 0, NULL, "Now, if absent" },         \
    { "rate_limit", HD_FIELD_INT, 0, 1, 0, 1000000, NULL,                     \
      "Messages a minute of this broadcast; 0, if absent, is the number's "   \
      "limit alone" },                                                        \
    { "expires_at", HD_FIELD_TIME, 0, 1, 0, 0, NULL,                          \
      "Who was not sent to by then is skipped" },                             \
    { "local_time", HD_FIELD_STRING, 0, 1, 5, 5, NULL,                        \
      "\"09:00\": everybody's next one in their own zone, from send_at on; "  \
      "without test and ramp" },                                              \
    { "variants", HD_FIELD_ARRAY, 0, 1, 0, 5, NULL,                           \
      "2 to 5 of {template_id, variables?, weight?}: who gets which is "      \
      "fixed; all of one category" },                                         \
    { "holdout", HD_FIELD_INT, 0, 1, 0, 50, NULL,                             \
      "Percent of the audience that get nothing, to compare with" },          \
    { "test", HD_FIELD_OBJECT, 0, 1, 0, 0, NULL,                              \
      "{percent, wait_s?, metric?, min_sample?}: that share first; the "      \
      "better variant (metric: delivered, read, replied), if there is one, "  \
      "goes to the rest" },                                                   \
    { "ramp", HD_FIELD_ARRAY, 0, 1, 0, 10, NULL,                              \
      "[{percent or count, wait_s}], growing: so far, then wait and judge" }, \
    { "guard", HD_FIELD_OBJECT, 0, 1, 0, 0, NULL,                             \
      "{failure_rate?, opt_out_rate?, min?}: shares of the last min results " \
      "above which it is paused; 0 is off" }

static const hd_field_t  hd_broadcast_body[] = {
    HD_BROADCAST_FIELDS(1),
    { "draft", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "Kept and not sent before it is launched" },
    HD_END_FIELDS
};

static const hd_field_t  hd_broadcast_patch[] = {
    HD_BROADCAST_FIELDS(0), HD_END_FIELDS
};

static const hd_field_t  hd_launch_body[] = {
    { "send_at", HD_FIELD_TIME, 0, 1, 0, 0, NULL,
      "Instead of the draft's; now, if that has passed" },
    HD_END_FIELDS
};

#define HD_BROADCAST_COLUMNS                                                  \
    { "id", 'u', NULL },                                                      \
    { "name", 's', NULL },                                                    \
    { "status", 's',                                                          \
      "draft, scheduled, sending, paused, cancelled, completed" },            \
    { "account_id", 'u', NULL },                                              \
    { "template_id", 'u', NULL },                                             \
    { "audience", 'j', NULL },                                                \
    { "variables", 'j', NULL },                                               \
    { "send_at", 't', NULL },                                                 \
    { "started_at", 'T', "When the audience was fixed" },                     \
    { "finished_at", 'T', NULL },                                             \
    { "created_at", 't', NULL },                                              \
    { "counters.audience", 'i', NULL },                                       \
    { "counters.queued", 'i',                                                 \
      "audience - sent - failed - skipped - unknown" },                       \
    { "counters.sent", 'i', "Taken by the provider" },                        \
    { "counters.delivered", 'i', "Of sent" },                                 \
    { "counters.read", 'i', "Of sent" },                                      \
    { "counters.replied", 'i', "Of sent" },                                   \
    { "counters.failed", 'i', NULL },                                         \
    { "counters.skipped", 'i', NULL },                                        \
    { "counters.unknown", 'i', "Perhaps sent: held" },                        \
    { "counters.opted_out", 'i', "Who stopped marketing after it" },          \
    { "pause_reason", 'S', "Why it was paused, when nobody did" },            \
    { "pause_detail", 'S', "The same in plain words" },                       \
    { "rate_limit", 'i', NULL },                                              \
    { "expires_at", 'T', NULL },                                              \
    { "local_time", 'S', NULL },                                              \
    { "variants", 'J', NULL },                                                \
    { "test", 'J', NULL },                                                    \
    { "winner", 'I', "Index of the variant that won the test" },              \
    { "test_result", 'J', NULL },                                             \
    { "holdout", 'i', NULL },                                                 \
    { "ramp", 'J', NULL },                                                    \
    { "guard", 'j', NULL },                                                   \
    { "resent", 'i', "How often somebody was sent to again" },                \
    { "cost", 's', "Expected, of what was sent; in the currency of the "      \
      "prices" },                                                             \
    { "clicked", 'i', "Who followed a link, of sent" }

const hd_column_t  hd_broadcast_columns[] = {
    HD_BROADCAST_COLUMNS, HD_END_COLUMNS
};

static const hd_column_t  hd_broadcast_written_answer[] = {
    HD_BROADCAST_COLUMNS,
    { "warnings", 'j', "[{code, detail}]: worth a look before it begins" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_stage_answer[] = {
    { "n", 'i', NULL },
    { "kind", 's', "ramp, test, wave, all" },
    { "to_seq", 'i', "Number of its last recipient" },
    { "opens_at", 'T', "Of a wave" },
    { "wait_s", 'i', "Between its last message and the verdict" },
    { "opened_at", 'T', NULL },
    { "sent_at", 'T', NULL },
    { "judged_at", 'T', NULL },
    { "verdict", 'S', NULL },
    HD_END_COLUMNS
};

static const hd_column_t  hd_variant_answer[] = {
    { "variant", 'i', "Index, from 0" },
    { "template_id", 'u', NULL },
    { "template", 'S', "Its name" },
    { "weight", 'i', NULL },
    { "audience", 'i', NULL },
    { "sent", 'i', "Taken by the provider" },
    { "delivered", 'i', NULL },
    { "read", 'i', NULL },
    { "replied", 'i', NULL },
    { "failed", 'i', NULL },
    { "skipped", 'i', NULL },
    { "winner", 'b', NULL },
    HD_END_COLUMNS
};

static const hd_column_t  hd_failure_answer[] = {
    { "code", 'I', "The provider's" },
    { "reason", 'S', "When there is no code" },
    { "class", 's', NULL },
    { "count", 'i', NULL },
    { "words", 's', "What happened" },
    { "fix", 's', "What to do" },
    { "may_resend", 'b', NULL },
    { "why", 'S', "Why it may, or may not" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_resume_body[] = {
    { "despite_quality", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "Marketing goes on although the number's quality is low. Without it, "
      "one that was paused for another reason stays paused for this one, and "
      "the answer is 409; resumed once more it goes on" },
    HD_END_FIELDS
};

static const hd_field_t  hd_resend_body[] = {
    { "include_unknown", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "Also those of whom it is not known: they may get it twice" },
    HD_END_FIELDS
};

static const hd_column_t  hd_resend_answer[] = {
    { "resent", 'i', "Back in the queue" },
    { "left", 'j', "[{code, reason, class, count, words, fix, why}]: what was "
      "not sent again" },
    { "warning", 'S', NULL },
    HD_END_COLUMNS
};

static const hd_field_t  hd_test_body[] = {
    { "to", HD_FIELD_PHONE, 0, 0, 0, 0, NULL, "A phone" },
    { "contact_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL, "Or a contact" },
    { "contact_ids", HD_FIELD_STRINGS, 0, 0, 1, 5, NULL, "Or up to five" },
    { "variant", HD_FIELD_INT, 0, 0, 0, 4, NULL,
      "Index of the variant, 0 if absent" },
    HD_END_FIELDS
};

/* it asks nothing: what is given is refused, not passed over */
static const hd_field_t  hd_forecast_body[] = { HD_END_FIELDS };

static const hd_column_t  hd_forecast_columns[] = {
    { "audience", 'i', "Everybody in it; once it was fixed, who is queued" },
    { "frozen", 'b', "The audience was fixed already" },
    { "excluded", 'j', "[{reason, count, words}] in the order in which it is "
      "asked; each person once" },
    { "reachable", 'i', "audience less excluded" },
    { "deferred", 'j', "[{reason, count, words}] of reachable: who waits" },
    { "cost.currency", 'S', "Null without a price table" },
    { "cost.total", 'S', NULL },
    { "cost.by", 'j', "[{country, category, count, in_window, price, "
      "amount}]; in_window: wrote within 24 hours, utility is free then" },
    { "spend", 'J', "{period, limit, used, left, exceeded}" },
    { "start_at", 't', NULL },
    { "finish_at", 'T', "An estimate; null: not within a year" },
    { "ahead", 'i', "Queued before it on its number" },
    { "rate", 'J', "Messages a minute; null without a limit" },
    { "rate_by", 'S', "number, gaps, broadcast: what sets the rate" },
    { "portfolio", 'J', "{id, limit, used_24h, left, needed, enough}; needed: "
      "people whom it would write to first" },
    { "warnings", 'j', "[{code, detail}]" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_why_query[] = {
    { "contact", HD_FIELD_STRING, 0, 0, 1, 36, NULL,
      "The contact's id, or a phone; needed" },
    HD_END_FIELDS
};

const hd_column_t  hd_why_answer[] = {
    { "contact", 'j', "{id, name, phone, time_zone}" },
    { "state", 's', "As among recipients; or not_in_audience, not_launched, "
      "not_begun" },
    { "summary", 's', "One sentence" },
    { "next_try_at", 'T', NULL },
    { "story", 'j', "[{at, event, words, code, fix, detail}] in order" },
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
    { "reason", 'S', "Why it waits, was skipped, or is unknown" },
    { "provider_id", 'S', NULL },
    { "message_id", 'U', NULL },
    { "sent_at", 'T', NULL },
    { "delivered_at", 'T', NULL },
    { "read_at", 'T', NULL },
    { "replied_at", 'T', NULL },
    { "variant", 'i', "-1: of the holdout group" },
    { "next_try_at", 'T', "Not before" },
    { "reason_text", 'S', "The reason in plain words" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_links_answer[] = {
    { "url", 's', NULL },
    { "clicks", 'i', "All of them" },
    { "people", 'i', "Each counted once" },
    { "created_at", 't', NULL },
    HD_END_COLUMNS
};

static const hd_column_t  hd_clicks_answer[] = {
    { "seq", 'i', "Number in the audience" },
    { "contact_id", 'u', NULL },
    { "name", 'S', NULL },
    { "phone", 'S', NULL },
    { "clicks", 'i', NULL },
    { "first_at", 't', NULL },
    { "last_at", 't', NULL },
    { "links", 'j', "[{url, clicks}]" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_choices_answer[] = {
    { "choice", 's', "The id of the button or row" },
    { "title", 's', NULL },
    { "people", 'i', "Each counted once for each choice" },
    HD_END_COLUMNS
};


const hd_route_t  hd_broadcast_routes[] = {

    { POST, "/broadcasts", SEND, CREATED, hd_broadcast_create, NULL,
      hd_broadcast_body, hd_broadcast_written_answer, "Broadcasts",
      "Send a template to an audience, now or later" },
    { GET, "/broadcasts", READ, LIST, hd_broadcast_list, NULL, NULL,
      hd_broadcast_columns, "Broadcasts", "List broadcasts" },
    { GET, "/broadcasts/{id}", READ, 0, hd_broadcast_get, NULL, NULL,
      hd_broadcast_columns, "Broadcasts", "Read a broadcast" },
    { PATCH, "/broadcasts/{id}", SEND, HD_ROUTE_RAW, hd_broadcast_update,
      NULL, hd_broadcast_patch, hd_broadcast_written_answer, "Broadcasts",
      "Change a draft, or one that has not begun; null takes away" },
    { DELETE, "/broadcasts/{id}", SEND, EMPTY, hd_broadcast_delete, NULL,
      NULL, NULL, "Broadcasts", "Delete a draft" },
    { POST, "/broadcasts/{id}/launch", SEND, HD_ROUTE_RAW|HD_ROUTE_BARE,
      hd_broadcast_launch, NULL, hd_launch_body, hd_broadcast_written_answer,
      "Broadcasts", "Launch a draft" },
    { POST, "/broadcasts/{id}/forecast", READ, HD_ROUTE_RAW|HD_ROUTE_BARE,
      hd_broadcast_forecast, NULL, hd_forecast_body, hd_forecast_columns,
      "Broadcasts", "Whom it would reach, at what cost, and until when" },
    { POST, "/broadcasts/{id}/test", SEND, HD_ROUTE_ACCEPTED|LIST,
      hd_broadcast_test, NULL, hd_test_body, hd_message_answer, "Broadcasts",
      "Send it to a few people now, counted nowhere" },
    { POST, "/broadcasts/{id}/pause", SEND, 0, hd_broadcast_pause, NULL, NULL,
      hd_broadcast_columns, "Broadcasts", "Pause" },
    { POST, "/broadcasts/{id}/resume", SEND, HD_ROUTE_BARE,
      hd_broadcast_resume, NULL, hd_resume_body, hd_broadcast_columns,
      "Broadcasts", "Go on" },
    { POST, "/broadcasts/{id}/cancel", SEND, 0, hd_broadcast_cancel, NULL,
      NULL, hd_broadcast_columns, "Broadcasts",
      "Cancel: who was not sent to is skipped" },
    { GET, "/broadcasts/{id}/recipients", READ, LIST|HD_ROUTE_RAW,
      hd_broadcast_recipients, hd_recipient_query, NULL, hd_recipient_answer,
      "Broadcasts", "Who, and how far" },
    { GET, "/broadcasts/{id}/stages", READ, LIST, hd_broadcast_stages, NULL,
      NULL, hd_stage_answer, "Broadcasts", "How far it may go, by steps" },
    { GET, "/broadcasts/{id}/variants", READ, LIST, hd_broadcast_variants,
      NULL, NULL, hd_variant_answer, "Broadcasts",
      "What came of each variant" },
    { GET, "/broadcasts/{id}/failures", READ, LIST|HD_ROUTE_RAW,
      hd_broadcast_failures, NULL, NULL, hd_failure_answer, "Broadcasts",
      "What went wrong, by cause, with the fix" },
    { POST, "/broadcasts/{id}/resend", SEND, HD_ROUTE_RAW|HD_ROUTE_BARE,
      hd_broadcast_resend, NULL, hd_resend_body, hd_resend_answer,
      "Broadcasts", "Send again what failed and may be tried again" },
    { GET, "/broadcasts/{id}/why", READ, HD_ROUTE_RAW, hd_broadcast_why,
      hd_why_query, NULL, hd_why_answer, "Broadcasts",
      "The whole story of one person" },

    { GET, "/broadcasts/{id}/links", READ, WHOLE, hd_broadcast_links, NULL,
      NULL, hd_links_answer, "Broadcasts", "Where its short links lead, and "
      "how many followed each" },
    { GET, "/broadcasts/{id}/clicks", READ, LIST, hd_broadcast_clicks, NULL,
      NULL, hd_clicks_answer, "Broadcasts", "Who followed a link" },
    { GET, "/broadcasts/{id}/choices", READ, WHOLE, hd_broadcast_choices,
      NULL, NULL, hd_choices_answer, "Broadcasts",
      "Which buttons and rows people chose" },

    HD_END_ROUTES
};

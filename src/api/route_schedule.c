/*
 * Routes of schedules, statuses and the calendar.
 */

#include "route.h"


static const char *const  hd_schedule_kinds[] = {
    "message", "broadcast", "status", "sequence", NULL
};
static const char *const  hd_schedule_states[] = {
    "active", "paused", "finished", "cancelled", NULL
};
static const char *const  hd_misfires[] = { "skip", "send", NULL };
static const char *const  hd_month_ends[] = { "skip", "last_day", NULL };


#define HD_SCHEDULE_FIELDS(needed)                                            \
    { "name", HD_FIELD_STRING, 0, 0, 0, 200, NULL, NULL },                    \
    { "document", HD_FIELD_OBJECT, needed, 0, 0, 0, NULL,                     \
      "What each occurrence makes: the body of POST /messages, /broadcasts "  \
      "or /statuses without times, checked now as it is there; of a "         \
      "sequence {account_id, audience, steps: [{after: \"P3D\", at_local: "   \
      "\"09:00\", template_id, variables}], enrol: once or continuous, "      \
      "stop_on_reply}" },                                                     \
    { "starts_at", HD_FIELD_STRING, needed, 0, 16, 19, NULL,                  \
      "\"2027-01-31T09:00\" by the wall clock of time_zone. A time that the " \
      "clock leaves out in spring is as much later; one that it shows twice " \
      "in autumn is the first" },                                             \
    { "time_zone", HD_FIELD_ZONE, 0, 0, 0, 0, NULL,                           \
      "IANA name; the organisation's, if absent. The database's zone rules "  \
      "decide" },                                                             \
    { "rrule", HD_FIELD_STRING, 0, 1, 0, 500, NULL,                           \
      "RFC 5545, \"FREQ=WEEKLY;BYDAY=MO\"; once, if absent. FREQ is HOURLY "  \
      "at most often; UNTIL is kept by the wall clock" },                     \
    { "misfire", HD_FIELD_ENUM, 0, 0, 0, 0, hd_misfires,                      \
      "What becomes of an occurrence that is more than grace_s late (the "    \
      "server was down, the schedule paused): skip marks it missed and "      \
      "tells; send makes the last of them late, the others are missed" },     \
    { "grace_s", HD_FIELD_INT, 0, 0, 0, 604800, NULL, "An hour, if absent" }, \
    { "month_end", HD_FIELD_ENUM, 0, 0, 0, 0, hd_month_ends,                  \
      "What becomes of the 29th, 30th and 31st in a month without it, and "   \
      "of 29 February: skip leaves it out (RFC 5545), last_day takes the "    \
      "month's last" },                                                       \
    { "best_time", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,                           \
      "Of starts_at only the day counts: at the hour in which the contact, "  \
      "else the segment, reads most, else at ten" },                          \
    { "cancel_if_replied", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,                   \
      "Of a message: not any more once the person has written" },             \
    { "delete_after_s", HD_FIELD_INT, 0, 1, 60, 86400, NULL,                  \
      "Of a status: deleted so long after it was posted" }

static const hd_field_t  hd_schedule_body[] = {
    { "kind", HD_FIELD_ENUM, 1, 0, 0, 0, hd_schedule_kinds, NULL },
    HD_SCHEDULE_FIELDS(1), HD_END_FIELDS
};

static const hd_field_t  hd_schedule_patch[] = {
    HD_SCHEDULE_FIELDS(0), HD_END_FIELDS
};

static const hd_field_t  hd_schedule_split_body[] = {
    { "from", HD_FIELD_STRING, 1, 0, 16, 19, NULL,
      "A place of the rule: from it on it is another schedule" },
    HD_SCHEDULE_FIELDS(0), HD_END_FIELDS
};

static const hd_field_t  hd_schedule_preview_body[] = {
    { "starts_at", HD_FIELD_STRING, 1, 0, 16, 19, NULL,
      "\"2027-01-31T09:00\"" },
    { "time_zone", HD_FIELD_ZONE, 0, 0, 0, 0, NULL, NULL },
    { "rrule", HD_FIELD_STRING, 0, 0, 0, 500, NULL, NULL },
    { "month_end", HD_FIELD_ENUM, 0, 0, 0, 0, hd_month_ends, NULL },
    { "after", HD_FIELD_STRING, 0, 0, 16, 19, NULL,
      "Only those after this time of the wall" },
    { "limit", HD_FIELD_INT, 0, 0, 1, 100, NULL, "10, if absent" },
    HD_END_FIELDS
};

static const hd_column_t  hd_schedule_preview_answer[] = {
    { "data", 'j', "[{starts_at, due_at, shifted: the clock leaves it out, "
      "twice: the clock shows it twice}]" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_schedule_query[] = {
    { "kind", HD_FIELD_ENUM, 0, 0, 0, 0, hd_schedule_kinds, NULL },
    { "status", HD_FIELD_ENUM, 0, 0, 0, 0, hd_schedule_states, NULL },
    HD_END_FIELDS
};

static const hd_column_t  hd_schedule_answer[] = {
    { "id", 'u', NULL },
    { "kind", 's', "message, broadcast, status, sequence" },
    { "name", 's', NULL },
    { "status", 's', "active, paused, finished, cancelled" },
    { "reason", 'S', "Why it was cancelled: user, replied" },
    { "account_id", 'u', NULL },
    { "document", 'j', NULL },
    { "starts_at", 's', "By the wall clock of time_zone" },
    { "time_zone", 's', NULL },
    { "rrule", 'S', NULL },
    { "misfire", 's', NULL },
    { "grace_s", 'i', NULL },
    { "month_end", 's', NULL },
    { "best_time", 'b', NULL },
    { "cancel_if_replied", 'b', NULL },
    { "delete_after_s", 'I', NULL },
    { "next_at", 'T', "When something happens next" },
    { "created_at", 't', NULL },
    { "updated_at", 't', NULL },
    HD_END_COLUMNS
};

static const hd_field_t  hd_occurrence_patch[] = {
    { "starts_at", HD_FIELD_STRING, 0, 0, 16, 19, NULL,
      "Its new time by the wall clock; its place in the rule stays its name" },
    { "date", HD_FIELD_DATE, 0, 0, 0, 0, NULL,
      "Or only another day: the time of day stays" },
    { "document", HD_FIELD_OBJECT, 0, 0, 0, 0, NULL,
      "Members that are its own, over those of the schedule" },
    { "cancelled", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "true leaves it out; false brings it back" },
    HD_END_FIELDS
};

const hd_column_t  hd_occurrence_columns[] = {
    { "starts_at", 's', "Its place in the rule, which is its name" },
    { "cohort", 'i', "Of a sequence" },
    { "step", 'i', "Of a sequence: 0 enrols" },
    { "due_at", 't', "When it happens" },
    { "state", 's', "scheduled, posting, posted, failed, missed, cancelled" },
    { "reason", 'S', NULL },
    { "detail", 'S', NULL },
    { "changed", 'b', "By itself" },
    { "document", 'J', "What is its own" },
    { "ref_id", 'U', "The message, broadcast or status that it made" },
    { "posted_at", 'T', NULL },
    HD_END_COLUMNS
};

static const hd_column_t  hd_run_answer[] = {
    { "starts_at", 's', NULL },
    { "cohort", 'i', NULL },
    { "step", 'i', NULL },
    { "due_at", 't', NULL },
    { "state", 's', NULL },
    { "reason", 'S', NULL },
    { "ref_id", 'U', "The message, broadcast or status" },
    { "posted_at", 'T', NULL },
    { "name", 'S', "Of the broadcast" },
    { "status", 'S', "Of what it made" },
    { "counters.audience", 'i', NULL },
    { "counters.sent", 'i', NULL },
    { "counters.delivered", 'i', NULL },
    { "counters.read", 'i', NULL },
    { "counters.replied", 'i', NULL },
    { "counters.failed", 'i', NULL },
    { "counters.skipped", 'i', NULL },
    { "counters.opted_out", 'i', NULL },
    { "cost", 's', NULL },
    HD_END_COLUMNS
};

static const hd_column_t  hd_members_answer[] = {
    { "enrolled", 'i', "Ever" },
    { "active", 'i', NULL },
    { "replied", 'i', "Left because they wrote" },
    { "opted_out", 'i', "Left because they stopped marketing" },
    { "cohorts", 'i', "Who came in together goes on together" },
    HD_END_COLUMNS
};

static const char *const  hd_status_states[] = {
    "queued", "posting", "posted", "unknown", "failed", "deleted", "expired",
    NULL
};

static const hd_field_t  hd_status_body[] = {
    { "account_id", HD_FIELD_UUID, 1, 0, 0, 0, NULL,
      "A number that is connected by QR code" },
    { "content", HD_FIELD_OBJECT, 1, 0, 0, 0, NULL,
      "{type: \"text\", text, background_color: \"#38b42f\", font} or "
      "{type: \"image\", \"video\" or \"voice\", link or media_id, mime, "
      "caption}" },
    { "recipients", HD_FIELD_OBJECT, 0, 0, 0, 0, NULL,
      "{all: true}, if absent: whoever the phone's own setting says; or {tag} "
      "or {phones}: they are fixed when it is posted" },
    { "delete_after_s", HD_FIELD_INT, 0, 1, 60, 86400, NULL,
      "Taken down so long after it was posted; WhatsApp does after 24 hours" },
    HD_END_FIELDS
};

static const hd_field_t  hd_status_query[] = {
    { "account_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL, NULL },
    { "state", HD_FIELD_ENUM, 0, 0, 0, 0, hd_status_states, NULL },
    HD_END_FIELDS
};

static const hd_column_t  hd_status_answer[] = {
    { "id", 'u', NULL },
    { "account_id", 'u', NULL },
    { "content", 'j', NULL },
    { "recipients", 'j', NULL },
    { "state", 's', "queued, posting, posted, unknown (perhaps posted: it is "
      "not tried again by itself), failed, deleted, expired" },
    { "sent", 'i', "To how many of a list" },
    { "total", 'I', "Of them; null: no list" },
    { "provider_id", 'S', "Known before it is posted, where the provider "
      "says it" },
    { "error_code", 'I', "The provider's" },
    { "detail", 'S', "What went wrong" },
    { "delete_after_s", 'I', NULL },
    { "posted_at", 'T', NULL },
    { "expires_at", 'T', "24 hours later" },
    { "delete_at", 'T', NULL },
    { "deleted_at", 'T', NULL },
    { "created_at", 't', NULL },
    HD_END_COLUMNS
};

static const char *const  hd_entry_states[] = {
    "pending", "scheduled", "posted", "failed", "cancelled", NULL
};

static const hd_field_t  hd_calendar_query[] = {
    { "from", HD_FIELD_TIME, 1, 0, 0, 0, NULL, NULL },
    { "to", HD_FIELD_TIME, 1, 0, 0, 0, NULL, "At most 100 days later" },
    { "platform", HD_FIELD_STRING, 0, 0, 1, 32, NULL,
      "cloud_api, waha, twilio; whatsapp, sms" },
    { "type", HD_FIELD_ENUM, 0, 0, 0, 0, hd_schedule_kinds, NULL },
    { "status", HD_FIELD_ENUM, 0, 0, 0, 0, hd_entry_states, NULL },
    { "account_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL, NULL },
    HD_END_FIELDS
};

static const hd_column_t  hd_calendar_columns[] = {
    { "data", 'j', "[{kind, schedule_id, starts_at, cohort, step, at, "
      "ends_at, status, state, reason, ref_id, account_id, platform, channel, "
      "title, audience, conflict: another one wants this number's rate then, "
      "move: where a PATCH moves it}]" },
    { "counts", 'j', "{pending, scheduled, posted, failed, cancelled} of the "
      "same rows, whatever `status` leaves out: pending has begun, or is "
      "held; missed counts as failed" },
    { "more", 'b', "There are more than 2000: ask for less" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_slot_query[] = {
    { "account_id", HD_FIELD_UUID, 1, 0, 0, 0, NULL, "For which number" },
    { "after", HD_FIELD_TIME, 0, 0, 0, 0, NULL, "Now, if absent" },
    { "n", HD_FIELD_STRING, 0, 0, 1, 2, NULL, "How many; 1, if absent" },
    HD_END_FIELDS
};

static const hd_column_t  hd_slot_columns[] = {
    { "data", 'a', "Times within the next 14 days: outside of the quiet "
      "hours, within the number's own, with nothing planned on it" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_best_query[] = {
    { "contact_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL, NULL },
    { "tag", HD_FIELD_STRING, 0, 0, 1, 64, NULL, "A segment" },
    HD_END_FIELDS
};

static const hd_column_t  hd_best_columns[] = {
    { "hour", 'i', "By their own clock" },
    { "source", 's', "contact (at least 5 reads of theirs), segment (at "
      "least 20), default" },
    { "reads", 'i', "That it is taken from" },
    { "time_zone", 's', NULL },
    { "next_at", 't', "When that hour comes next" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_feed_body[] = {
    { "name", HD_FIELD_STRING, 1, 0, 1, 100, NULL, "As calendars show it" },
    HD_END_FIELDS
};

static const hd_column_t  hd_feed_answer[] = {
    { "id", 'u', NULL },
    { "name", 's', NULL },
    { "created_at", 't', NULL },
    HD_END_COLUMNS
};

static const hd_column_t  hd_feed_created_answer[] = {
    { "id", 'u', NULL },
    { "name", 's', NULL },
    { "created_at", 't', NULL },
    { "url", 's', "Secret, and shown this once" },
    HD_END_COLUMNS
};


const hd_route_t  hd_schedule_routes[] = {

    { POST, "/schedules", SEND, CREATED|HD_ROUTE_RAW|HD_ROUTE_ETAG|ZONES,
      hd_schedule_create, NULL, hd_schedule_body, hd_schedule_answer,
      "Schedules", "Plan a message, a broadcast, a status or a sequence" },
    { GET, "/schedules", READ, LIST, hd_schedule_list, hd_schedule_query,
      NULL, hd_schedule_answer, "Schedules", "List schedules, newest first" },
    { POST, "/schedules/preview", READ, HD_ROUTE_RAW|ZONES,
      hd_schedule_preview, NULL, hd_schedule_preview_body,
      hd_schedule_preview_answer, "Schedules",
      "When a rule would happen; nothing is kept" },
    { GET, "/schedules/{id}", READ, HD_ROUTE_ETAG, hd_schedule_get, NULL,
      NULL, hd_schedule_answer, "Schedules", "Read a schedule" },
    { PATCH, "/schedules/{id}", SEND, HD_ROUTE_RAW|HD_ROUTE_ETAG|ZONES,
      hd_schedule_update, NULL, hd_schedule_patch, hd_schedule_answer,
      "Schedules", "Change all that is to come; occurrences that were "
      "changed by themselves stay" },
    { DELETE, "/schedules/{id}", SEND, EMPTY, hd_schedule_delete, NULL, NULL,
      NULL, "Schedules", "Delete it; what it made stays" },
    { POST, "/schedules/{id}/pause", SEND, HD_ROUTE_RAW, hd_schedule_pause,
      NULL, NULL, hd_schedule_answer, "Schedules", "Pause" },
    { POST, "/schedules/{id}/resume", SEND, HD_ROUTE_RAW, hd_schedule_resume,
      NULL, NULL, hd_schedule_answer, "Schedules",
      "Go on; what fell into the pause is late" },
    { POST, "/schedules/{id}/cancel", SEND, HD_ROUTE_RAW, hd_schedule_cancel,
      NULL, NULL, hd_schedule_answer, "Schedules", "Cancel all to come" },
    { POST, "/schedules/{id}/duplicate", SEND,
      CREATED|HD_ROUTE_RAW|HD_ROUTE_ETAG|HD_ROUTE_BARE|ZONES,
      hd_schedule_duplicate, NULL, hd_schedule_patch, hd_schedule_answer,
      "Schedules", "Another one of the same, with what the body changes" },
    { POST, "/schedules/{id}/split", SEND,
      CREATED|HD_ROUTE_RAW|HD_ROUTE_ETAG|ZONES, hd_schedule_split, NULL,
      hd_schedule_split_body, hd_schedule_answer, "Schedules",
      "Change this one and all that follow: from there on it is a schedule "
      "of its own" },
    { GET, "/schedules/{id}/occurrences", READ, WHOLE, hd_occurrence_list,
      NULL, NULL, hd_occurrence_columns, "Schedules",
      "The last 200 that have happened, come next or were changed" },
    { PATCH, "/schedules/{id}/occurrences/{starts_at}", SEND, HD_ROUTE_RAW,
      hd_occurrence_update, NULL, hd_occurrence_patch, hd_occurrence_columns,
      "Schedules", "Move, change, cancel one occurrence" },
    { GET, "/schedules/{id}/runs", READ, WHOLE, hd_schedule_runs, NULL, NULL,
      hd_run_answer, "Schedules", "What came of each, side by side" },
    { GET, "/schedules/{id}/members", READ, 0, hd_schedule_members, NULL,
      NULL, hd_members_answer, "Schedules", "How many go through a sequence" },

    { POST, "/statuses", SEND, HD_ROUTE_ACCEPTED|HD_ROUTE_RAW,
      hd_status_create, NULL, hd_status_body, hd_status_answer, "Statuses",
      "Post a status (story)" },
    { GET, "/statuses", READ, LIST, hd_status_list, hd_status_query, NULL,
      hd_status_answer, "Statuses", "List statuses, newest first" },
    { GET, "/statuses/{id}", READ, 0, hd_status_get, NULL, NULL,
      hd_status_answer, "Statuses", "Read a status" },
    { DELETE, "/statuses/{id}", SEND, HD_ROUTE_ACCEPTED|HD_ROUTE_RAW,
      hd_status_delete, NULL, NULL, hd_status_answer, "Statuses",
      "Take it down; one that waits is never posted" },
    { POST, "/statuses/{id}/retry", SEND, HD_ROUTE_ACCEPTED|HD_ROUTE_RAW,
      hd_status_again, NULL, NULL, hd_status_answer, "Statuses",
      "Post again what failed or is unknown; the latter may be up twice" },

    { GET, "/calendar", READ, HD_ROUTE_RAW, hd_calendar_get,
      hd_calendar_query, NULL, hd_calendar_columns, "Calendar",
      "What is planned and what was" },
    { GET, "/calendar/free-slot", READ, HD_ROUTE_RAW, hd_calendar_slot,
      hd_slot_query, NULL, hd_slot_columns, "Calendar",
      "The next times when a number has nothing to do" },
    { GET, "/best-time", READ, 0, hd_best_time, hd_best_query, NULL,
      hd_best_columns, "Calendar", "When a person, or a segment, reads" },
    { POST, "/feeds", SEND, CREATED|HD_ROUTE_RAW, hd_feed_create, NULL,
      hd_feed_body, hd_feed_created_answer, "Calendar",
      "Make a secret link to the calendar as iCalendar (RFC 5545)" },
    { GET, "/feeds", READ, LIST, hd_feed_list, NULL, NULL, hd_feed_answer,
      "Calendar", "List feeds" },
    { DELETE, "/feeds/{id}", SEND, EMPTY, hd_feed_delete, NULL, NULL, NULL,
      "Calendar", "Delete a feed: its link ends at once" },

    HD_END_ROUTES
};

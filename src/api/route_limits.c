/*
 * Routes of the limits: settings of the organisation, who must not be written
 * to, portfolios, prices, and the queue that stands before them.
 */

#include "route.h"


static const char *const  hd_spend_periods[] = { "day", "month", NULL };


/* ── settings ── */

static const hd_field_t  hd_quiet_hours[] = {
    { "from", HD_FIELD_CLOCK, 1, 0, 0, 0, NULL, "21:00 to 08:00 goes over "
      "midnight" },
    { "to", HD_FIELD_CLOCK, 1, 0, 0, 0, NULL, NULL },
    HD_END_FIELDS
};

static const hd_field_t  hd_frequency_cap[] = {
    { "messages", HD_FIELD_INT, 1, 0, 1, 1000, NULL, NULL },
    { "days", HD_FIELD_INT, 1, 0, 1, 30, NULL, NULL },
    HD_END_FIELDS
};

static const hd_field_t  hd_spend_limit[] = {
    { "amount", HD_FIELD_MONEY, 1, 0, 0, 0, NULL,
      "In the currency of the price table" },
    { "period", HD_FIELD_ENUM, 1, 0, 0, 0, hd_spend_periods, "In UTC" },
    HD_END_FIELDS
};

static const hd_field_t  hd_brand[] = {
    { "name", HD_FIELD_STRING, 0, 1, 1, 60, NULL,
      "Instead of Herald's" },
    { "accent", HD_FIELD_COLOR, 0, 1, 0, 0, NULL,
      "Its hue and strength; how light it is follows from what it lies on" },
    { "logo_id", HD_FIELD_UUID, 0, 1, 0, 0, NULL,
      "A picture: of POST /media" },
    HD_END_FIELDS
};

static const hd_field_t  hd_settings_body[] = {
    { "name", HD_FIELD_STRING, 0, 0, 1, 100, NULL, "The organisation's" },
    { "time_zone", HD_FIELD_ZONE, 0, 0, 0, 0, NULL,
      "Of people whose own is not known" },
    { "quiet_hours", HD_FIELD_GROUP, 0, 1, 0, 0, hd_quiet_hours,
      "No marketing between the two, by each person's clock; null: none" },
    { "frequency_cap", HD_FIELD_GROUP, 0, 1, 0, 0, hd_frequency_cap,
      "At most so many marketing messages to one person in so many days; "
      "null: no cap" },
    { "spend_limit", HD_FIELD_GROUP, 0, 1, 0, 0, hd_spend_limit,
      "What would cost more waits for the next period; null: no limit" },
    { "brand", HD_FIELD_GROUP, 0, 1, 0, 0, hd_brand,
      "How the dashboard looks; null: as it came" },
    HD_END_FIELDS
};

static const hd_column_t  hd_settings_answer[] = {
    { "name", 's', NULL },
    { "time_zone", 's', NULL },
    { "quiet_hours", 'J', "{from, to}" },
    { "frequency_cap", 'J', "{messages, days}" },
    { "spend_limit", 'J', "{amount, period}" },
    { "spend_used", 'j', "{amount, period, since}: what was given out since "
      "the period began" },
    { "currency", 'S', "Of all amounts; null without a price table" },
    { "brand", 'J', "{name, accent, logo_id}" },
    HD_END_COLUMNS
};


/* ── suppressions, opt-outs ── */

static const hd_field_t  hd_suppression_body[] = {
    { "phone", HD_FIELD_PHONE, 0, 0, 0, 0, NULL, "International, with +" },
    { "phones", HD_FIELD_PHONES, 0, 0, 1, 10000, NULL, "Instead of phone" },
    { "reason", HD_FIELD_STRING, 1, 0, 1, 200, NULL, "Why; it is shown" },
    HD_END_FIELDS
};

static const hd_column_t  hd_suppression_added_answer[] = {
    { "added", 'i', NULL },
    { "known", 'i', "Were there already, with their first reason" },
    { "id", 'U', "When it was one phone" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_suppression_answer[] = {
    { "id", 'u', NULL },
    { "hint", 's', "The phone's last two digits; the phone is not kept" },
    { "reason", 's', NULL },
    { "created_at", 't', NULL },
    HD_END_COLUMNS
};

static const hd_column_t  hd_suppression_check_answer[] = {
    { "suppressed", 'b', NULL },
    { "id", 'U', NULL },
    { "reason", 'S', NULL },
    { "created_at", 'T', NULL },
    HD_END_COLUMNS
};

static const hd_field_t  hd_suppression_query[] = {
    { "phone", HD_FIELD_PHONE, 1, 0, 0, 0, NULL,
      "International, with + (%2B)" },
    HD_END_FIELDS
};

static const hd_field_t  hd_opt_out_body[] = {
    { "account_id", HD_FIELD_UUID, 0, 1, 0, 0, NULL,
      "Of this number only; of all numbers, if absent" },
    { "source", HD_FIELD_STRING, 0, 0, 1, 100, NULL,
      "How they said so; api, if absent" },
    HD_END_FIELDS
};

static const hd_field_t  hd_opt_out_query[] = {
    { "account_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL,
      "The number's own; the one for all numbers, if absent" },
    HD_END_FIELDS
};

static const hd_column_t  hd_opt_out_answer[] = {
    { "contact_id", 'u', NULL },
    { "marketing_opt_out", 'b', "Of all numbers" },
    { "numbers", 'j', "Of single numbers: account_id, source, created_at" },
    HD_END_COLUMNS
};


/* ── portfolios, prices ── */

static const hd_field_t  hd_portfolio_body[] = {
    { "daily_limit", HD_FIELD_INT, 1, 1, 0, 10000000, NULL,
      "Different people in any 24 hours; null: no limit" },
    HD_END_FIELDS
};

static const hd_column_t  hd_portfolio_answer[] = {
    { "id", 's', NULL },
    { "daily_limit", 'I', NULL },
    { "used_24h", 'i', "Different people written to first" },
    { "left", 'I', "null: no limit" },
    { "accounts", 'i', "Numbers that share it" },
    { "updated_at", 'T', NULL },
    HD_END_COLUMNS
};

static const hd_field_t  hd_price_query[] = {
    { "date", HD_FIELD_DATE, 0, 0, 0, 0, NULL, "Today (UTC), if absent" },
    HD_END_FIELDS
};

static const hd_column_t  hd_price_answer[] = {
    { "date", 's', NULL },
    { "currency", 'S', "null without a price table" },
    { "prices", 'j', "country (* for all others), category, price, "
      "valid_from" },
    HD_END_COLUMNS
};


/* ── the queue ── */

static const hd_column_t  hd_queue_answer[] = {
    { "account_id", 'u', NULL },
    { "name", 's', NULL },
    { "status", 's', NULL },
    { "depth.reply", 'i', "Single messages that may go now" },
    { "depth.broadcast", 'i', "Recipients of broadcasts that have begun" },
    { "depth.deferred", 'i', "Single messages that wait for a time" },
    { "oldest_age_s", 'I', "Since the oldest that may go could; null: none "
      "waits" },
    { "rate.limit", 'i', "A second; 0: no limit" },
    { "rate.share", 'j', "Of the limit, below 1 while it is slowed down" },
    { "rate.tokens", 'I', "Messages that may go at once; null: no limit" },
    { "rate.wait_ms", 'i', "Until the next one may" },
    { "breaker", 's', "closed, or open: the provider gives no answer" },
    { "lateness", 'j', "le_ms (null: any), count: messages that went at most "
      "so late, since nginx was started" },
    { "daily", 'j', "{cap, sent, left}; null: no cap" },
    { "portfolio", 'j', "{id, limit, used_24h, left}; null: none" },
    { "broadcasts", 'j', "id, name, status, queued" },
    HD_END_COLUMNS
};


const hd_route_t  hd_limits_routes[] = {

    { GET, "/settings", READ, HD_ROUTE_ETAG, hd_settings_get, NULL, NULL,
      hd_settings_answer, "Settings", "Read the organisation's settings" },
    { PATCH, "/settings", ADMIN, ZONES|HD_ROUTE_ETAG, hd_settings_update,
      NULL, hd_settings_body, hd_settings_answer, "Settings",
      "Change them: what is absent stays, null turns off" },

    { POST, "/suppressions", SEND, 0, hd_suppression_add, NULL,
      hd_suppression_body, hd_suppression_added_answer, "Suppressions",
      "Never write to these phones, whoever they belong to" },
    { GET, "/suppressions", READ, LIST, hd_suppression_list, NULL, NULL,
      hd_suppression_answer, "Suppressions",
      "List suppressions, without phones and in no order of time" },
    { GET, "/suppressions/check", READ, 0, hd_suppression_check,
      hd_suppression_query, NULL, hd_suppression_check_answer, "Suppressions",
      "Is this phone suppressed?" },
    { DELETE, "/suppressions", ADMIN, EMPTY, hd_suppression_delete_phone,
      hd_suppression_query, NULL, NULL, "Suppressions",
      "Take a phone off the list" },
    { DELETE, "/suppressions/{id}", ADMIN, EMPTY, hd_suppression_delete, NULL,
      NULL, NULL, "Suppressions", "Take an entry off the list" },

    { GET, "/contacts/{id}/opt-outs", READ, 0, hd_opt_out_list, NULL, NULL,
      hd_opt_out_answer, "Contacts", "Who opted out of what" },
    { POST, "/contacts/{id}/opt-outs", SEND, 0, hd_opt_out_add, NULL,
      hd_opt_out_body, hd_opt_out_answer, "Contacts",
      "No more marketing from one number, or from all" },
    { DELETE, "/contacts/{id}/opt-outs", SEND, 0, hd_opt_out_remove,
      hd_opt_out_query, NULL, hd_opt_out_answer, "Contacts",
      "Take an opt-out back, when the person asked for it" },

    { GET, "/portfolios", READ, WHOLE, hd_portfolio_list, NULL, NULL,
      hd_portfolio_answer, "Portfolios",
      "The provider's daily limits of people, and what is used of them" },
    { PUT, "/portfolios/{portfolio}", ADMIN, 0, hd_portfolio_put, NULL,
      hd_portfolio_body, hd_portfolio_answer, "Portfolios",
      "Set a portfolio's daily limit" },

    { GET, "/prices", READ, HD_ROUTE_RAW, hd_price_list, hd_price_query, NULL,
      hd_price_answer, "Prices", "The price table of one day" },

    { GET, "/queue", READ, WHOLE|HD_ROUTE_RAW, hd_queue, NULL, NULL,
      hd_queue_answer, "Queue",
      "What waits and how fast it may go, by number; total {depth, "
      "oldest_age_s, more} of all. Of single messages 10,000 are counted: "
      "more says that there are others" },

    HD_END_ROUTES
};

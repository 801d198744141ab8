/*
 * The route table: the one source of what the API takes and answers.
 * Matching, checking, JSON and the OpenAPI document are made from it.  It has
 * parts: here sign-in, contacts and numbers.
 */

#include "route.h"


static const char *const  hd_scopes[] = { "read", "send", "admin", NULL };
static const char *const  hd_policies[] = { "hold", "retry", NULL };
static const char *const  hd_provider_names[] = { "cloud_api", "waha",
                                                    "twilio", NULL };
static const char *const  hd_channels[] = { "whatsapp", "sms", NULL };


/* ── sign-in and keys ── */

static const hd_field_t  hd_login_body[] = {
    { "email", HD_FIELD_STRING, 1, 0, 1, 254, NULL, "E-mail address" },
    { "password", HD_FIELD_STRING, 1, 0, 1, 1024, NULL, "Password" },
    HD_END_FIELDS
};

static const hd_column_t  hd_login_answer[] = {
    { "token", 's', "Session token, also set as an HttpOnly cookie" },
    { "expires_at", 't', NULL },
    { "user.id", 'u', NULL },
    { "user.email", 's', NULL },
    { "user.name", 's', NULL },
    { "user.role", 's', NULL },
    { "user.org_id", 'u', NULL },
    { "user.org_name", 's', NULL },
    HD_END_COLUMNS
};

static const hd_column_t  hd_me_answer[] = {
    { "id", 'u', "User, or API key" },
    { "email", 'S', NULL },
    { "name", 'S', NULL },
    { "role", 'S', NULL },
    { "org_id", 'u', NULL },
    { "org_name", 's', NULL },
    { "scopes", 'a', NULL },
    { "credential", 's', "session or api_key" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_key_body[] = {
    { "name", HD_FIELD_STRING, 1, 0, 1, 100, NULL, "What it is for" },
    { "scopes", HD_FIELD_ENUMS, 1, 0, 1, 3, hd_scopes, "What it may do" },
    { "expires_at", HD_FIELD_TIME, 0, 1, 0, 0, NULL, "Never, if absent" },
    HD_END_FIELDS
};

static const hd_column_t  hd_key_answer[] = {
    { "id", 'u', NULL },
    { "name", 's', NULL },
    { "prefix", 's', "The first characters, to tell keys apart" },
    { "scopes", 'a', NULL },
    { "expires_at", 'T', NULL },
    { "created_at", 't', NULL },
    HD_END_COLUMNS
};

static const hd_column_t  hd_key_created_answer[] = {
    { "id", 'u', NULL },
    { "key", 's', "The key itself: shown this once" },
    { "name", 's', NULL },
    { "prefix", 's', NULL },
    { "scopes", 'a', NULL },
    { "expires_at", 'T', NULL },
    { "created_at", 't', NULL },
    HD_END_COLUMNS
};


/* ── contacts ── */

#define HD_CONTACT_FIELDS                                                     \
    { "name", HD_FIELD_STRING, 0, 0, 0, 200, NULL, "Name as shown" },         \
    { "first_name", HD_FIELD_STRING, 0, 0, 0, 100, NULL, NULL },              \
    { "last_name", HD_FIELD_STRING, 0, 0, 0, 100, NULL, NULL },               \
    { "phone", HD_FIELD_PHONE, 0, 1, 0, 0, NULL,                              \
      "International, with +; kept as E.164" },                               \
    { "email", HD_FIELD_EMAIL, 0, 1, 0, 0, NULL, NULL },                      \
    { "language", HD_FIELD_LANGUAGE, 0, 1, 0, 0, NULL, NULL },                \
    { "time_zone", HD_FIELD_ZONE, 0, 1, 0, 0, NULL,                           \
      "IANA name; the phone's usual one, if absent" },                        \
    { "tags", HD_FIELD_STRINGS, 0, 0, 0, 50, NULL, NULL },                    \
    { "fields", HD_FIELD_MAP, 0, 0, 0, 100, NULL, "Your own fields" },        \
    { "marketing_opt_out", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,                   \
      "No marketing to this contact" },                                       \
    HD_END_FIELDS

static const hd_field_t  hd_contact_body[] = { HD_CONTACT_FIELDS };

static const hd_column_t  hd_contact_answer[] = {
    { "id", 'u', NULL },
    { "name", 's', NULL },
    { "first_name", 's', NULL },
    { "last_name", 's', NULL },
    { "phone", 'S', "E.164" },
    { "email", 'S', NULL },
    { "language", 'S', NULL },
    { "tags", 'a', NULL },
    { "fields", 'j', NULL },
    { "marketing_opt_out", 'b', NULL },
    { "time_zone", 'S', "As it was set" },
    { "country", 'S', "Of the phone, ISO 3166" },
    { "effective_zone", 's', "The one set, else the phone's, else the "
      "organisation's" },
    { "created_at", 't', NULL },
    { "updated_at", 't', NULL },
    HD_END_COLUMNS
};

static const hd_field_t  hd_contact_query[] = {
    { "search", HD_FIELD_STRING, 0, 0, 0, 100, NULL,
      "Beginnings of words of the name, the phone or the e-mail address" },
    { "tag", HD_FIELD_STRING, 0, 0, 0, 64, NULL, "Only with this tag" },
    HD_END_FIELDS
};

static const hd_field_t  hd_import_query[] = {
    { "mapping", HD_FIELD_OBJECT, 0, 0, 0, 0, NULL,
      "JSON object: column header to phone, name, first_name, last_name, "
      "email, language, time_zone, tags, fields.<key>, or \"\" to leave it "
      "out" },
    { "default_country", HD_FIELD_STRING, 0, 0, 0, 2, NULL,
      "ISO 3166 country of national numbers, for example KE" },
    { "tags", HD_FIELD_STRING, 0, 0, 0, 500, NULL,
      "Tags for every row, separated by commas" },
    { "dry_run", HD_FIELD_BOOL, 0, 0, 0, 0, NULL, "Check, write nothing" },
    HD_END_FIELDS
};

static const hd_column_t  hd_import_answer[] = {
    { "id", 'u', NULL },
    { "dry_run", 'b', NULL },
    { "rows", 'i', NULL },
    { "created", 'i', NULL },
    { "updated", 'i', NULL },
    { "failed", 'i', NULL },
    { "columns", 'j', "What each column was taken for" },
    { "errors", 'j', "The first hundred bad rows: line, code, detail" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_import_error_answer[] = {
    { "line", 'i', "Physical line on which the row begins, from 1" },
    { "code", 's', NULL },
    { "detail", 's', NULL },
    HD_END_COLUMNS
};


/* ── accounts ── */

static const char *const  hd_bsuid[] = { "recipient", "to", NULL };

/* what only some providers need; null takes a member away */
static const hd_field_t  hd_account_config[] = {
    { "bsuid", HD_FIELD_ENUM, 0, 1, 0, 0, hd_bsuid,
      "The member in which people without a phone number are written to; "
      "recipient, if absent" },
    { "app_id", HD_FIELD_STRING, 0, 1, 1, 32, NULL,
      "The app that files are uploaded to; the token's own, if absent" },
    HD_END_FIELDS
};

static const hd_field_t  hd_account_hours[] = {
    { "from", HD_FIELD_CLOCK, 1, 0, 0, 0, NULL, NULL },
    { "to", HD_FIELD_CLOCK, 1, 0, 0, 0, NULL, NULL },
    { "zone", HD_FIELD_ZONE, 0, 1, 0, 0, NULL,
      "The organisation's, if absent" },
    HD_END_FIELDS
};

static const hd_field_t  hd_account_warmup[] = {
    { "from", HD_FIELD_DATE, 1, 0, 0, 0, NULL, "First day" },
    { "first", HD_FIELD_INT, 1, 0, 1, 1000000, NULL,
      "Messages on that day" },
    { "growth", HD_FIELD_INT, 0, 1, 1, 1000, NULL,
      "Per cent more each day; 20, if absent" },
    HD_END_FIELDS
};

static const hd_field_t  hd_account_pacing[] = {
    { "gap_min_ms", HD_FIELD_INT, 0, 1, 0, 3600000, NULL,
      "Shortest pause after a message; goes with gap_max_ms" },
    { "gap_max_ms", HD_FIELD_INT, 0, 1, 0, 3600000, NULL, "Longest" },
    { "daily_cap", HD_FIELD_INT, 0, 1, 1, 10000000, NULL,
      "Messages a day" },
    { "hours", HD_FIELD_GROUP, 0, 1, 0, 0, hd_account_hours,
      "Only between the two" },
    { "warmup", HD_FIELD_GROUP, 0, 1, 0, 0, hd_account_warmup,
      "A daily cap that grows" },
    HD_END_FIELDS
};

static const hd_field_t  hd_account_body[] = {
    { "name", HD_FIELD_STRING, 1, 0, 1, 100, NULL, NULL },
    { "provider", HD_FIELD_ENUM, 1, 0, 0, 0, hd_provider_names, NULL },
    { "channel", HD_FIELD_ENUM, 0, 0, 0, 0, hd_channels,
      "What it sends; whatsapp, if absent" },
    { "phone", HD_FIELD_PHONE, 0, 0, 0, 0, NULL,
      "The number itself; of a QR session its phone says it, of a Twilio "
      "sender the number_id" },
    { "number_id", HD_FIELD_STRING, 1, 0, 1, 64, NULL,
      "The provider's id of the number: Meta's phone_number_id; the name of "
      "the session; Twilio's sender (+14155238886) or messaging service "
      "(MG...)" },
    { "token", HD_FIELD_STRING, 1, 0, 1, 1024, NULL,
      "Access token, Twilio's auth token; sealed, never shown again" },
    { "app_secret", HD_FIELD_STRING, 0, 0, 8, 256, NULL,
      "Signs the provider's webhooks; sealed, never shown again; made, if "
      "absent, for a QR session" },
    { "verify_token", HD_FIELD_STRING, 0, 0, 8, 128, NULL,
      "Made, if absent" },
    { "base_url", HD_FIELD_URL, 0, 0, 0, 0, NULL,
      "The provider's, if absent" },
    { "api_version", HD_FIELD_STRING, 0, 0, 2, 16, NULL, NULL },
    { "rate_limit", HD_FIELD_INT, 0, 0, 0, 1000, NULL,
      "Messages per second, 80 if absent; 0 means no limit" },
    { "pacing", HD_FIELD_GROUP, 0, 1, 0, 0, hd_account_pacing,
      "The human profile; null: none; absent: a careful one for a QR session, "
      "else none" },
    { "business_id", HD_FIELD_STRING, 0, 0, 1, 64, NULL,
      "Meta's WhatsApp Business Account (templates need it), Twilio's "
      "AccountSid" },
    { "config", HD_FIELD_GROUP, 0, 0, 0, 0, hd_account_config, NULL },
    { "check", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "Ask the provider first whether it knows the number and the token" },
    HD_END_FIELDS
};

static const hd_field_t  hd_account_policy[] = {
    { "marketing", HD_FIELD_ENUM, 0, 0, 0, 0, hd_policies, NULL },
    { "utility", HD_FIELD_ENUM, 0, 0, 0, 0, hd_policies, NULL },
    { "service", HD_FIELD_ENUM, 0, 0, 0, 0, hd_policies, NULL },
    { "authentication", HD_FIELD_ENUM, 0, 0, 0, 0, hd_policies, NULL },
    HD_END_FIELDS
};

static const hd_field_t  hd_account_change_body[] = {
    { "name", HD_FIELD_STRING, 0, 0, 1, 100, NULL, NULL },
    { "token", HD_FIELD_STRING, 0, 0, 1, 1024, NULL,
      "A new access token; sealed, never shown again" },
    { "app_secret", HD_FIELD_STRING, 0, 0, 8, 256, NULL,
      "A new one; sealed, never shown again" },
    { "rate_limit", HD_FIELD_INT, 0, 0, 0, 1000, NULL,
      "Messages per second; 0 means no limit" },
    { "business_id", HD_FIELD_STRING, 0, 0, 1, 64, NULL,
      "The WhatsApp Business Account; templates need it" },
    { "config", HD_FIELD_GROUP, 0, 0, 0, 0, hd_account_config,
      "Member by member" },
    { "portfolio_id", HD_FIELD_STRING, 0, 1, 0, 64, NULL,
      "Whose daily limit of people it shares" },
    { "pair_limit", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "Slow down to one person as the provider does" },
    { "count_inbound", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "What comes in counts against the rate" },
    { "pacing", HD_FIELD_GROUP, 0, 1, 0, 0, hd_account_pacing,
      "The human profile, member by member; null: none" },
    { "unknown_policy", HD_FIELD_GROUP, 0, 0, 0, 0, hd_account_policy,
      "What becomes of an attempt whose outcome could not be learnt: hold "
      "shows it, retry may send it twice" },
    HD_END_FIELDS
};

#define HD_ACCOUNT_COLUMNS                                                    \
    { "id", 'u', NULL },                                                      \
    { "name", 's', NULL },                                                    \
    { "provider", 's', NULL },                                                \
    { "phone", 's', NULL },                                                   \
    { "number_id", 's', NULL },                                               \
    { "base_url", 's', NULL },                                                \
    { "api_version", 's', NULL },                                             \
    { "rate_limit", 'i', "Messages per second; 0: no limit" },                \
    { "status", 's', "connected, paused, disconnected" },                     \
    { "status_reason", 'S', "user, or what stopped it" },                     \
    { "status_code", 'I', "The provider's error code" },                      \
    { "status_text", 'E', "The same in plain words" },                        \
    { "status_fix", 'F', "What to do about it" },                             \
    { "status_at", 'T', "Since when" },                                       \
    { "quality", 's', "The provider's word" },                                \
    { "portfolio_id", 's', "Empty: none is known" },                          \
    { "pair_limit", 'b', "Slow down to one person as the provider does" },    \
    { "count_inbound", 'b', "What comes in counts against the rate" },        \
    { "pacing", 'J', "The human profile" },                                   \
    { "unknown_policy", 'j', "By category: hold or retry what perhaps went" },\
    { "created_at", 't', NULL },                                              \
    { "channel", 's', "whatsapp, sms" }

#define HD_ACCOUNT_MORE                                                       \
    { "today", 'j', "In the number's zone: date, sent, cap" },                \
    { "portfolio", 'J', "id, daily_limit, used_24h, left" },              \
    { "business_id", 's', "Empty: not known" },                               \
    { "config", 'j', "What only its provider needs" },                        \
    { "health", 'J', "What the provider said of it when it was asked" },      \
    { "checked_at", 'T', "When that was" }

static const hd_column_t  hd_account_answer[] = {
    HD_ACCOUNT_COLUMNS, HD_END_COLUMNS
};

const hd_column_t  hd_account_columns[] = {
    HD_ACCOUNT_COLUMNS, HD_ACCOUNT_MORE, HD_END_COLUMNS
};

const hd_column_t  hd_account_full_answer[] = {
    HD_ACCOUNT_COLUMNS, HD_ACCOUNT_MORE,
    { "webhook_path", 'S', "Where the provider sends webhooks; for admins" },
    { "verify_token", 'S', "For the provider's GET; when created" },
    { "paused_broadcasts", 'I', "After pause and resume: those that stopped "
      "with the number; each is resumed by itself" },
    HD_END_COLUMNS
};

static const hd_route_t  hd_base_routes[] = {

    { POST, "/login", PUBLIC, HD_ROUTE_RAW, hd_login, NULL, hd_login_body,
      hd_login_answer, "Sign-in", "Sign in" },
    { POST, "/logout", ANY, EMPTY, hd_logout, NULL, NULL, NULL,
      "Sign-in", "Sign out" },
    { GET, "/me", ANY, HD_ROUTE_RAW, hd_me, NULL, NULL, hd_me_answer,
      "Sign-in", "Who am I" },

    { POST, "/api-keys", ADMIN, CREATED|HD_ROUTE_RAW, hd_api_key_create, NULL,
      hd_key_body, hd_key_created_answer, "API keys", "Make an API key" },
    { GET, "/api-keys", ADMIN, LIST, hd_api_key_list, NULL, NULL,
      hd_key_answer, "API keys", "List API keys" },
    { DELETE, "/api-keys/{id}", ADMIN, EMPTY, hd_api_key_delete, NULL, NULL,
      NULL, "API keys", "Delete an API key: it stops working at once" },

    { POST, "/contacts", SEND, CREATED|ZONES, hd_contact_create, NULL,
      hd_contact_body, hd_contact_answer, "Contacts", "Make a contact" },
    { GET, "/contacts", READ, LIST, hd_contact_list, hd_contact_query, NULL,
      hd_contact_answer, "Contacts", "List contacts, newest first" },
    { POST, "/contacts/import", SEND, HD_ROUTE_STREAM|HD_ROUTE_RAW|ZONES,
      hd_contact_import, hd_import_query, NULL, hd_import_answer, "Contacts",
      "Import contacts from CSV" },
    { GET, "/contacts/imports/{id}/errors", READ, LIST,
      hd_contact_import_errors, NULL, NULL, hd_import_error_answer,
      "Contacts", "Every bad row of an import" },
    { GET, "/contacts/export", READ, HD_ROUTE_CSV|HD_ROUTE_RAW,
      hd_contact_export, NULL, NULL, NULL, "Contacts",
      "Export contacts as CSV" },
    { GET, "/contacts/{id}", READ, 0, hd_contact_get, NULL, NULL,
      hd_contact_answer, "Contacts", "Read a contact" },
    { PATCH, "/contacts/{id}", SEND, ZONES, hd_contact_update, NULL,
      hd_contact_body, hd_contact_answer, "Contacts", "Change a contact" },
    { DELETE, "/contacts/{id}", SEND, EMPTY, hd_contact_delete, NULL, NULL,
      NULL, "Contacts", "Delete a contact" },

    { POST, "/accounts", ADMIN, CREATED|HD_ROUTE_RAW|ZONES, hd_account_create,
      NULL,
      hd_account_body, hd_account_full_answer, "Accounts",
      "Connect a number" },
    { GET, "/accounts", READ, LIST, hd_account_list, NULL, NULL,
      hd_account_answer, "Accounts", "List numbers" },
    { GET, "/accounts/{id}", READ, HD_ROUTE_RAW|HD_ROUTE_ETAG, hd_account_get,
      NULL, NULL, hd_account_full_answer, "Accounts", "Read a number" },
    { PATCH, "/accounts/{id}", ADMIN, HD_ROUTE_RAW|HD_ROUTE_ETAG|ZONES,
      hd_account_update, NULL, hd_account_change_body, hd_account_full_answer,
      "Accounts", "Change a number: what is absent stays, null turns off" },
    { POST, "/accounts/{id}/pause", SEND, HD_ROUTE_RAW, hd_account_pause,
      NULL, NULL, hd_account_full_answer, "Accounts",
      "Pause: nothing more goes out from this number" },
    { POST, "/accounts/{id}/resume", SEND, HD_ROUTE_RAW, hd_account_resume,
      NULL, NULL, hd_account_full_answer, "Accounts",
      "Go on, also after what stopped it was mended" },

    { GET, "/events", READ, HD_ROUTE_STREAM|HD_ROUTE_RAW, hd_stream_start,
      NULL, NULL, NULL, "Events", "Server-sent events, resumable" },

    { GET, "/openapi.json", PUBLIC, HD_ROUTE_RAW, hd_openapi, NULL, NULL,
      NULL, "Description", "This description" },

    HD_END_ROUTES
};


const hd_route_t *const  hd_routes[] = {
    hd_base_routes,
    hd_limits_routes,
    hd_broadcast_routes,
    hd_account_routes,
    hd_template_routes,
    hd_message_routes,
    hd_session_routes,
    hd_notice_routes,
    hd_schedule_routes,
    NULL
};

/*
 * Routes of numbers at their providers: health, profiles, registration, our
 * webhook there, and Meta's sign-up.
 */

#include "route.h"


static const hd_field_t  hd_number_no_body[] = {
    HD_END_FIELDS
};

static const hd_field_t  hd_number_register_body[] = {
    { "pin", HD_FIELD_STRING, 1, 0, 6, 6, NULL,
      "Six digits: of the two-step verification, which is set to it when there "
      "is none" },
    { "region", HD_FIELD_STRING, 0, 0, 2, 2, NULL,
      "Country in which data at rest are kept" },
    HD_END_FIELDS
};

static const hd_field_t  hd_number_subscribe_body[] = {
    { "override", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "Webhooks of this business come to us and not to the app's own address; "
      "true, if absent" },
    HD_END_FIELDS
};

static const char *const  hd_verticals[] = {
    "other", "auto", "beauty", "apparel", "edu", "entertain", "event_plan",
    "finance", "grocery", "govt", "hotel", "health", "nonprofit",
    "prof_services", "retail", "travel", "restaurant", "alcohol",
    "online_gambling", "physical_gambling", "otc_drugs", NULL
};

static const hd_field_t  hd_number_profile_body[] = {
    { "about", HD_FIELD_STRING, 0, 0, 1, 139, NULL, NULL },
    { "description", HD_FIELD_STRING, 0, 0, 0, 512, NULL, NULL },
    { "address", HD_FIELD_STRING, 0, 0, 0, 256, NULL, NULL },
    { "email", HD_FIELD_STRING, 0, 0, 0, 128, NULL, NULL },
    { "websites", HD_FIELD_STRINGS, 0, 0, 0, 2, NULL, "At most two" },
    { "vertical", HD_FIELD_ENUM, 0, 0, 0, 0, hd_verticals,
      "The kind of business" },
    { "picture_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL,
      "A JPEG or PNG of POST /media" },
    HD_END_FIELDS
};

static const hd_column_t  hd_number_profile_answer[] = {
    { "name", 'S', "Where the provider tells it here" },
    { "about", 'S', NULL },
    { "description", 'S', NULL },
    { "address", 'S', NULL },
    { "email", 'S', NULL },
    { "websites", 'j', NULL },
    { "vertical", 'S', "The provider's word, lower case" },
    { "picture_url", 'S', NULL },
    HD_END_COLUMNS
};

static const hd_field_t  hd_number_signup_body[] = {
    { "code", HD_FIELD_STRING, 1, 0, 1, 2048, NULL,
      "What Meta's window gave; good once and for a short time" },
    { "app_id", HD_FIELD_STRING, 1, 0, 1, 32, NULL, NULL },
    { "app_secret", HD_FIELD_STRING, 1, 0, 8, 256, NULL,
      "Of that app: it also signs the webhooks; sealed, never shown again" },
    { "redirect_uri", HD_FIELD_URL, 0, 0, 0, 0, NULL,
      "As it was given to the window" },
    { "business_id", HD_FIELD_STRING, 0, 0, 1, 64, NULL,
      "The only one that the code is for, if absent" },
    { "number_id", HD_FIELD_STRING, 0, 0, 1, 64, NULL,
      "The only one of the business, if absent" },
    { "pin", HD_FIELD_STRING, 0, 0, 6, 6, NULL,
      "Registers the number with it" },
    { "name", HD_FIELD_STRING, 0, 0, 1, 100, NULL,
      "The verified name, if absent" },
    { "base_url", HD_FIELD_URL, 0, 0, 0, 0, NULL, "Meta's, if absent" },
    { "api_version", HD_FIELD_STRING, 0, 0, 2, 16, NULL, NULL },
    { "rate_limit", HD_FIELD_INT, 0, 0, 0, 1000, NULL,
      "Messages per second, 80 if absent; 0 means no limit" },
    HD_END_FIELDS
};


static const hd_field_t  hd_kept_query[] = {
    { "field", HD_FIELD_STRING, 0, 0, 1, 64, NULL, "Only of this field" },
    HD_END_FIELDS
};

static const hd_column_t  hd_kept_answer[] = {
    { "id", 'u', NULL },
    { "field", 's', "The provider's word for what it is about" },
    { "payload", 'j', "As it came" },
    { "received_at", 't', NULL },
    HD_END_COLUMNS
};


const hd_route_t  hd_account_routes[] = {

    { POST, "/accounts/sign-up", ADMIN, CREATED|HD_ROUTE_RAW,
      hd_account_sign_up, NULL, hd_number_signup_body, hd_account_full_answer,
      "Accounts", "Connect a number by the code of Meta's sign-up. Answers "
      "also `subscribed`, `registered` and what `failed` after it was "
      "connected" },
    { POST, "/accounts/{id}/check", SEND, HD_ROUTE_RAW|HD_ROUTE_BARE,
      hd_account_ask, NULL, hd_number_no_body, hd_account_full_answer,
      "Accounts", "Ask the provider how the number does" },
    { POST, "/accounts/{id}/register", ADMIN, HD_ROUTE_RAW,
      hd_account_register, NULL, hd_number_register_body,
      hd_account_full_answer, "Accounts",
      "Register the number for sending" },
    { POST, "/accounts/{id}/deregister", ADMIN, HD_ROUTE_RAW|HD_ROUTE_BARE,
      hd_account_deregister, NULL, hd_number_no_body, hd_account_full_answer,
      "Accounts", "Take its registration back: it cannot send any more" },
    { POST, "/accounts/{id}/subscribe", ADMIN, HD_ROUTE_RAW|HD_ROUTE_BARE,
      hd_account_subscribe, NULL, hd_number_subscribe_body,
      hd_account_full_answer, "Accounts",
      "Have the provider send its webhooks here" },
    { GET, "/accounts/{id}/profile", READ, HD_ROUTE_RAW,
      hd_account_profile_get, NULL, NULL, hd_number_profile_answer,
      "Accounts", "What people see of the number, read at the provider" },
    { PUT, "/accounts/{id}/profile", ADMIN, HD_ROUTE_RAW,
      hd_account_profile_put, NULL, hd_number_profile_body,
      hd_number_profile_answer, "Accounts",
      "Change it: members that are absent stay" },
    { GET, "/accounts/{id}/webhook-events", READ, LIST, hd_account_kept,
      hd_kept_query, NULL, hd_kept_answer, "Accounts",
      "What its webhooks brought beside messages and statuses, newest first: "
      "nothing is dropped" },

    HD_END_ROUTES
};

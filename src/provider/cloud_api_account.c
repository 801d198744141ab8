/*
 * cloud_api_account: what Meta does to an account (restricts, disables,
 * disconnects it, gives it back), and who wants its marketing.
 */

#include "cloud_api_fact.h"


static int
hd_cloud_api_holds(const hd_str_t *s, const char *word)
{
    size_t  i, n;

    n = strlen(word);

    for (i = 0; i + n <= s->len; i++) {
        if (memcmp(s->data + i, word, n) == 0) {
            return 1;
        }
    }

    return 0;
}


/* "… (A, B) until 2026-01-31"; 1 when it keeps messages from being sent */
static int
hd_cloud_api_restriction(const hd_json_t *list, hd_buf_t *b)
{
    int         sends;
    size_t      n;
    int64_t     until, at;
    hd_str_t    type;
    hd_json_t  *v;
    unsigned char  text[HD_RFC3339_LEN];

    /* which ones are not told: then all */
    if (list == NULL || list->type != HD_JSON_ARRAY || list->count == 0) {
        return 1;
    }

    sends = 0;
    until = 0;
    n = 0;

    for (v = list->child; v != NULL; v = v->next) {
        type = hd_json_str(v, "restriction_type");
        at = hd_cloud_api_time(hd_json_get(v, "expiration"));

        until = (at > until) ? at : until;
        sends |= hd_cloud_api_holds(&type, "MESSAGING");

        if (type.len != 0) {
            hd_buf_z(b, n++ ? ", " : ": ");
            hd_buf_str(b, &type);
        }
    }

    if (until != 0) {
        hd_buf_printf(b, ", until %.*s", (int) hd_time_format(text, until),
                      text);
    }

    return sends;
}


static hd_str_t
hd_cloud_api_ban(const hd_json_t *value)
{
    hd_str_t    s;
    hd_json_t  *state;

    state = hd_json_path(value, "ban_info.waba_ban_state");
    hd_str_set(&s, "");

    if (state != NULL && state->type == HD_JSON_ARRAY) {
        state = state->child;
    }

    return (state != NULL && state->type == HD_JSON_STRING) ? state->str : s;
}


void
hd_cloud_api_account(hd_cloud_api_facts_t *c, const hd_json_t *value)
{
    hd_buf_t    b;
    hd_str_t    s;
    hd_fact_t  *f;

    f = hd_cloud_api_fact(c, HD_FACT_ACCOUNT);
    if (f == NULL) {
        return;
    }

    f->number = hd_cloud_api_digits(c, value, "phone_number");
    f->status = hd_cloud_api_lower(c, value, "event");

    hd_buf_init(&b);

    if (hd_str_eq(&f->status, "account_restriction")) {
        hd_buf_z(&b, "WhatsApp restricted the account");

        if (hd_cloud_api_restriction(hd_json_get(value, "restriction_info"),
                                     &b))
        {
            f->effect = HD_EFFECT_PAUSE;
        }

    } else if (hd_str_eq(&f->status, "disabled_update")) {
        s = hd_cloud_api_ban(value);

        if (hd_str_eq(&s, "REINSTATE")) {
            f->effect = HD_EFFECT_CLEAR;

        } else if (hd_str_eq(&s, "SCHEDULE_FOR_DISABLE")) {
            hd_buf_z(&b, "WhatsApp will disable the account");

        } else {
            f->effect = HD_EFFECT_PAUSE;
            hd_buf_z(&b, "WhatsApp disabled the account");
        }

    } else if (hd_str_eq(&f->status, "account_reconnected")) {
        f->effect = HD_EFFECT_CLEAR;

    } else if (hd_str_eq(&f->status, "account_offboarded")) {
        f->effect = HD_EFFECT_STOP;
        hd_buf_z(&b, "WhatsApp disconnected the account");

    } else if (hd_str_eq(&f->status, "account_deleted")) {
        f->effect = HD_EFFECT_STOP;
        hd_buf_z(&b, "WhatsApp deleted the account");
    }

    s = hd_json_str(hd_json_get(value, "disconnection_info"), "reason");

    if (s.len != 0 && f->effect != HD_EFFECT_CLEAR) {
        f->effect = HD_EFFECT_STOP;
        hd_buf_z(&b, b.len ? ": " : "WhatsApp disconnected the account: ");
        hd_buf_str(&b, &s);
    }

    hd_cloud_api_reason(c, f, &b);
}


static void
hd_cloud_api_preference(hd_cloud_api_facts_t *c, const hd_json_t *v,
    const hd_json_t *contacts)
{
    int64_t     at;
    hd_str_t    wish, category, id;
    hd_fact_t  *f;
    hd_json_t  *contact;

    wish = hd_json_str(v, "value");
    category = hd_json_str(v, "category");

    if (!hd_str_eq(&category, "marketing_messages")) {
        return;
    }

    f = hd_cloud_api_fact(c, HD_FACT_PREFERENCE);
    if (f == NULL) {
        return;
    }

    if (hd_str_eq(&wish, "stop")) {
        f->effect = HD_EFFECT_PAUSE;

    } else if (hd_str_eq(&wish, "resume")) {
        f->effect = HD_EFFECT_CLEAR;
    }

    f->status = wish;
    f->from = hd_cloud_api_digits(c, v, "wa_id");
    f->user_id = hd_json_str(v, "user_id");

    at = hd_cloud_api_time(hd_json_get(v, "timestamp"));
    if (at != 0) {
        f->at = at;
    }

    if (contacts == NULL) {
        return;
    }

    for (contact = contacts->child; contact; contact = contact->next) {

        id = hd_cloud_api_digits(c, contact, "wa_id");

        /* without a number the only contact is the one */
        if (f->from.len != 0 ? id.len == f->from.len
                               && memcmp(id.data, f->from.data, id.len) == 0
                             : contacts->count == 1)
        {
            f->from = id;
            f->name = hd_json_str(hd_json_get(contact, "profile"), "name");

            if (f->user_id.len == 0) {
                f->user_id = hd_json_str(contact, "user_id");
            }
        }
    }
}


void
hd_cloud_api_preferences(hd_cloud_api_facts_t *c, const hd_json_t *value)
{
    hd_json_t  *list, *contacts, *v;

    list = hd_json_get(value, "user_preferences");

    if (list == NULL || list->type != HD_JSON_ARRAY) {
        return;
    }

    contacts = hd_json_get(value, "contacts");

    if (contacts != NULL && contacts->type != HD_JSON_ARRAY) {
        contacts = NULL;
    }

    for (v = list->child; v != NULL; v = v->next) {
        hd_cloud_api_preference(c, v, contacts);
    }
}

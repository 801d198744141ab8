/*
 * cloud_api_fact: what Meta tells of numbers, templates, accounts and people's
 * wishes, as facts in words of ours.  Accounts and wishes are in
 * cloud_api_account.c.
 *
 *     phone_number_quality_update      NUMBER    quality, rate, limit
 *     business_capability_update       NUMBER    limit
 *     message_template_status_update   TEMPLATE  status
 *     message_template_quality_update  TEMPLATE  quality
 *     template_category_update         TEMPLATE  category
 *     account_update                   ACCOUNT   status
 *     user_preferences                 PREFERENCE, one for each person
 *
 * Meta adds events without notice: one that we do not know is a fact with its
 * status and without an effect.
 */

#include "cloud_api_fact.h"


/* what a number that was upgraded sends, messages a second */
#define HD_CLOUD_API_FAST  1000

#define HD_CLOUD_API_HOUR  (INT64_C(3600) * 1000000)


typedef void (*hd_cloud_api_fact_pt)(hd_cloud_api_facts_t *c,
    const hd_json_t *value);


hd_fact_t *
hd_cloud_api_fact(hd_cloud_api_facts_t *c, hd_fact_e kind)
{
    hd_fact_t  *f;

    f = hd_calloc(c->mem, sizeof(hd_fact_t));
    if (f == NULL) {
        c->failed = 1;
        return NULL;
    }

    f->kind = kind;
    f->at = c->at;
    f->limit = HD_FACT_UNSAID;

    hd_str_set(&f->number, "");
    hd_str_set(&f->status, "");
    hd_str_set(&f->quality, "");
    hd_str_set(&f->name, "");
    hd_str_set(&f->language, "");
    hd_str_set(&f->category, "");
    hd_str_set(&f->reason, "");
    hd_str_set(&f->from, "");
    hd_str_set(&f->user_id, "");

    *c->last = f;
    c->last = &f->next;

    return f;
}


/* a copy with each byte turned by `turn`, which leaves out what it makes 0 */
static hd_str_t
hd_cloud_api_turned(hd_cloud_api_facts_t *c, const hd_str_t *s,
    int (*turn)(int ch))
{
    int       ch;
    size_t    i;
    hd_str_t  out;

    if (hd_str_dup(c->mem, s, &out) != HD_OK) {
        c->failed = 1;
        hd_str_set(&out, "");
        return out;
    }

    out.len = 0;

    for (i = 0; i < s->len; i++) {
        ch = turn(s->data[i]);
        if (ch != 0) {
            out.data[out.len++] = (unsigned char) ch;
        }
    }

    return out;
}


static int
hd_cloud_api_turn_lower(int ch)
{
    return (ch >= 'A' && ch <= 'Z') ? ch | 0x20 : ch;
}


static int
hd_cloud_api_turn_upper(int ch)
{
    return (ch >= 'a' && ch <= 'z') ? ch & ~0x20 : ch;
}


static int
hd_cloud_api_turn_digit(int ch)
{
    return (ch >= '0' && ch <= '9') ? ch : 0;
}


hd_str_t
hd_cloud_api_lower(hd_cloud_api_facts_t *c, const hd_json_t *v,
    const char *key)
{
    hd_str_t  s;

    s = hd_json_str(v, key);

    return hd_cloud_api_turned(c, &s, hd_cloud_api_turn_lower);
}


static hd_str_t
hd_cloud_api_upper(hd_cloud_api_facts_t *c, const hd_json_t *v,
    const char *key)
{
    hd_str_t  s;

    s = hd_json_str(v, key);

    return hd_cloud_api_turned(c, &s, hd_cloud_api_turn_upper);
}


hd_str_t
hd_cloud_api_digits(hd_cloud_api_facts_t *c, const hd_json_t *v,
    const char *key)
{
    hd_str_t  s;

    s = hd_cloud_api_text(v, key);

    return hd_cloud_api_turned(c, &s, hd_cloud_api_turn_digit);
}


void
hd_cloud_api_reason(hd_cloud_api_facts_t *c, hd_fact_t *f, hd_buf_t *b)
{
    hd_str_t  s;

    s.data = b->data;
    s.len = b->len;

    if (b->failed) {
        c->failed = 1;

    } else if (s.len != 0 && hd_str_dup(c->mem, &s, &f->reason) != HD_OK) {
        c->failed = 1;
        hd_str_set(&f->reason, "");
    }

    hd_buf_free(b);
}


int64_t
hd_cloud_api_limit(const hd_json_t *v)
{
    size_t    i;
    int64_t   n;
    hd_str_t  s;

    if (v == NULL) {
        return HD_FACT_UNSAID;
    }

    if (hd_cloud_api_int(v, &n) == HD_OK) {
        return (n >= -1 && n <= INT32_MAX) ? n : HD_FACT_UNSAID;
    }

    if (v->type != HD_JSON_STRING) {
        return HD_FACT_UNSAID;
    }

    s = v->str;

    if (hd_str_eq(&s, "TIER_UNLIMITED")) {
        return -1;
    }

    if (s.len < 6 || memcmp(s.data, "TIER_", 5) != 0) {
        return HD_FACT_UNSAID;
    }

    n = 0;

    for (i = 5; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++) {
        n = n * 10 + (s.data[i] - '0');

        if (n > INT32_MAX) {
            return HD_FACT_UNSAID;
        }
    }

    if (i == 5) {
        return HD_FACT_UNSAID;
    }

    if (i + 1 == s.len && (s.data[i] == 'K' || s.data[i] == 'M')) {
        n *= (s.data[i] == 'K') ? 1000 : 1000000;
        i++;
    }

    return (i == s.len && n <= INT32_MAX) ? n : HD_FACT_UNSAID;
}


static void
hd_cloud_api_number(hd_cloud_api_facts_t *c, const hd_json_t *value)
{
    size_t      i;
    hd_fact_t  *f;

    static const char  *names[] = {
        "quality", "quality_rating", "quality_score", "new_quality_score"
    };

    f = hd_cloud_api_fact(c, HD_FACT_NUMBER);
    if (f == NULL) {
        return;
    }

    f->number = hd_cloud_api_digits(c, value, "display_phone_number");
    f->status = hd_cloud_api_lower(c, value, "event");

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        f->quality = hd_cloud_api_upper(c, value, names[i]);

        if (f->quality.len == 0) {
            f->quality = hd_cloud_api_upper(c, hd_json_get(value, names[i]),
                                            "score");
        }

        if (f->quality.len != 0) {
            break;
        }
    }

    /* FLAGGED is how Meta says that it is low, UNFLAGGED that it no more is */

    if (f->quality.len == 0 && hd_str_eq(&f->status, "flagged")) {
        hd_str_set(&f->quality, "RED");
    }

    if (f->quality.len == 0 && hd_str_eq(&f->status, "unflagged")) {
        hd_str_set(&f->quality, "UNKNOWN");
    }

    if (hd_str_eq(&f->quality, "RED")) {
        f->effect = HD_EFFECT_PAUSE;
    }

    if (hd_str_eq(&f->status, "throughput_upgrade")) {
        f->rate = HD_CLOUD_API_FAST;
    }

    f->limit = hd_cloud_api_limit(hd_json_get(value,
                                  "max_daily_conversations_per_business"));

    if (f->limit == HD_FACT_UNSAID) {
        f->limit = hd_cloud_api_limit(hd_json_get(value, "current_limit"));
    }
}


static void
hd_cloud_api_capability(hd_cloud_api_facts_t *c, const hd_json_t *value)
{
    size_t      i;
    hd_fact_t  *f;

    static const char  *names[] = {
        "max_daily_conversations_per_business",
        "max_daily_conversation_per_phone"
    };

    f = hd_cloud_api_fact(c, HD_FACT_NUMBER);
    if (f == NULL) {
        return;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0])
                && f->limit == HD_FACT_UNSAID; i++)
    {
        f->limit = hd_cloud_api_limit(hd_json_get(value, names[i]));
    }
}


static hd_fact_t *
hd_cloud_api_template_of(hd_cloud_api_facts_t *c, const hd_json_t *value)
{
    hd_fact_t  *f;

    f = hd_cloud_api_fact(c, HD_FACT_TEMPLATE);
    if (f == NULL) {
        return NULL;
    }

    f->name = hd_json_str(value, "message_template_name");
    f->language = hd_json_str(value, "message_template_language");

    return f;
}


static void
hd_cloud_api_template_status(hd_cloud_api_facts_t *c, const hd_json_t *value)
{
    size_t      i;
    hd_buf_t    b;
    hd_str_t    s, title;
    hd_fact_t  *f;

    static const struct {
        const char   *status;
        hd_effect_e   effect;
    } effects[] = {
        { "approved", HD_EFFECT_CLEAR },
        { "reinstated", HD_EFFECT_CLEAR },
        { "paused", HD_EFFECT_PAUSE },
        { "disabled", HD_EFFECT_STOP },
        { "rejected", HD_EFFECT_STOP },
        { "pending_deletion", HD_EFFECT_STOP },
        { "deleted", HD_EFFECT_STOP }
    };

    f = hd_cloud_api_template_of(c, value);
    if (f == NULL) {
        return;
    }

    f->status = hd_cloud_api_lower(c, value, "event");

    for (i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
        if (strlen(effects[i].status) == f->status.len
            && memcmp(effects[i].status, f->status.data, f->status.len) == 0)
        {
            f->effect = effects[i].effect;
        }
    }

    /* the first pause is of three hours, the second of six, then it is over */

    title = hd_json_str(hd_json_get(value, "other_info"), "title");

    if (f->effect == HD_EFFECT_PAUSE && f->at != 0) {
        if (hd_str_eq(&title, "FIRST_PAUSE")) {
            f->until = f->at + 3 * HD_CLOUD_API_HOUR;

        } else if (hd_str_eq(&title, "SECOND_PAUSE")) {
            f->until = f->at + 6 * HD_CLOUD_API_HOUR;
        }
    }

    hd_buf_init(&b);

    s = hd_json_str(value, "reason");
    if (s.len != 0 && !hd_str_eq(&s, "NONE")) {
        hd_buf_str(&b, &s);
    }

    s = hd_json_str(hd_json_get(value, "rejection_info"), "reason");
    if (s.len == 0) {
        s = hd_json_str(hd_json_get(value, "other_info"), "description");
    }

    if (s.len != 0) {
        hd_buf_z(&b, b.len ? ": " : "");
        hd_buf_str(&b, &s);
    }

    hd_cloud_api_reason(c, f, &b);
}


static void
hd_cloud_api_template_quality(hd_cloud_api_facts_t *c,
    const hd_json_t *value)
{
    hd_fact_t  *f;

    f = hd_cloud_api_template_of(c, value);

    if (f != NULL) {
        f->quality = hd_cloud_api_upper(c, value, "new_quality_score");
    }
}


static void
hd_cloud_api_template_category(hd_cloud_api_facts_t *c,
    const hd_json_t *value)
{
    hd_fact_t  *f;

    f = hd_cloud_api_template_of(c, value);

    if (f != NULL) {
        f->category = hd_cloud_api_lower(c, value, "new_category");
    }
}


int
hd_cloud_api_facts(hd_mem_t *mem, const hd_str_t *field,
    const hd_json_t *value, int64_t at, hd_fact_t **facts)
{
    size_t                i;
    hd_cloud_api_facts_t  c;

    static const struct {
        const char            *field;
        hd_cloud_api_fact_pt   fact;
    } fields[] = {
        { "phone_number_quality_update", hd_cloud_api_number },
        { "business_capability_update", hd_cloud_api_capability },
        { "message_template_status_update", hd_cloud_api_template_status },
        { "message_template_quality_update", hd_cloud_api_template_quality },
        { "template_category_update", hd_cloud_api_template_category },
        { "account_update", hd_cloud_api_account },
        { "user_preferences", hd_cloud_api_preferences }
    };

    *facts = NULL;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {

        if (strlen(fields[i].field) != field->len
            || memcmp(fields[i].field, field->data, field->len) != 0)
        {
            continue;
        }

        c.mem = mem;
        c.at = at;
        c.last = facts;
        c.failed = 0;

        fields[i].fact(&c, value);

        return c.failed ? HD_ERROR : HD_OK;
    }

    return HD_OK;
}

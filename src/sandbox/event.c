/*
 * Webhooks about the account, in the shape of the provider's reference, and
 * what they change at the provider: a tier, a quality, a template's state, a
 * recipient's wish.  Asked for by the control API or by the script:
 *
 *   {"field": "business_capability_update", "tier": 2000}
 *   {"field": "phone_number_quality_update", "event": "FLAGGED", "quality": …}
 *   {"field": "message_template_status_update", "name", "language", "event"}
 *   {"field": "message_template_quality_update", "name", "language",
 *    "quality"}
 *   {"field": "template_category_update", "name", "language", "category"}
 *   {"field": "account_update", "event", "restriction"?, "ban"?}
 *   {"field": "user_preferences", "from", "value": "stop" or "resume"}
 *   {"field": anything, "value": {…}}        as it is, and changes nothing
 */

#include "graph.h"


typedef struct {
    hd_sb_number_t     *n;
    const hd_json_t    *v;
    ngx_pool_t         *pool;
    hd_buf_t           *b;             /* receives the value */
    hd_sb_settings_t    set;
    ngx_uint_t          changed;       /* `set` is to be stored */
    char               *why;
    size_t              size;
} hd_sb_event_t;

typedef int (*hd_sb_event_pt)(hd_sb_event_t *e);

typedef struct {
    const char         *field;
    hd_sb_event_pt      make;
} hd_sb_event_kind_t;


static int hd_sb_event_capability(hd_sb_event_t *e);
static int hd_sb_event_quality(hd_sb_event_t *e);
static int hd_sb_event_template(hd_sb_event_t *e);
static int hd_sb_event_template_quality(hd_sb_event_t *e);
static int hd_sb_event_template_category(hd_sb_event_t *e);
static int hd_sb_event_account(hd_sb_event_t *e);
static int hd_sb_event_preferences(hd_sb_event_t *e);


static const hd_sb_event_kind_t  hd_sb_event_kinds[] = {
    { "business_capability_update", hd_sb_event_capability },
    { "phone_number_quality_update", hd_sb_event_quality },
    { "message_template_status_update", hd_sb_event_template },
    { "message_template_quality_update", hd_sb_event_template_quality },
    { "template_category_update", hd_sb_event_template_category },
    { "account_update", hd_sb_event_account },
    { "user_preferences", hd_sb_event_preferences },
    { NULL, NULL }
};


static int
hd_sb_event_bad(hd_sb_event_t *e, const char *text)
{
    snprintf(e->why, e->size, "%s", text);

    return HD_ERROR;
}


/* a member's string, or what it is when it is not there */

static hd_str_t
hd_sb_event_str(hd_sb_event_t *e, const char *key, const char *other)
{
    hd_str_t  s;

    s = hd_json_str(e->v, key);

    if (s.len == 0) {
        s.data = (u_char *) other;
        s.len = strlen(other);
    }

    return s;
}


/* what parts a member from the one before it */

static const char *
hd_sb_event_comma(hd_sb_event_t *e)
{
    return (e->b->len == 0 || e->b->data[e->b->len - 1] == '{') ? "" : ",";
}


static void
hd_sb_event_member(hd_sb_event_t *e, const char *key, const hd_str_t *s)
{
    hd_buf_printf(e->b, "%s\"%s\":", hd_sb_event_comma(e), key);
    hd_sb_wire(e->b, s);
}


static void
hd_sb_event_phone(hd_sb_event_t *e, hd_str_t *phone)
{
    *phone = e->n->set.display_phone_number;

    if (phone->len == 0) {
        phone->data = e->n->node->id;
        phone->len = e->n->node->id_len;
    }
}


static const char *
hd_sb_event_tier(int64_t tier)
{
    if (tier <= 0) {
        return "TIER_UNLIMITED";
    }

    return tier <= 250 ? "TIER_250" : tier <= 2000 ? "TIER_2K"
           : tier <= 10000 ? "TIER_10K" : "TIER_100K";
}


static ngx_int_t
hd_sb_event_store(hd_sb_number_t *n, hd_sb_settings_t *set)
{
    hd_buf_t   b;
    ngx_str_t  id;
    ngx_int_t  rc;

    id.data = n->node->id;
    id.len = n->node->id_len;

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_sb_settings_write(&b, set);
    hd_buf_char(&b, '}');

    rc = b.failed ? NGX_ERROR : hd_sb_number_store(&id, &b);
    hd_buf_free(&b);

    return rc;
}


/* the tier belongs to all numbers of a portfolio */

ngx_int_t
hd_sb_event_tiers(hd_sb_number_t *n, int64_t tier)
{
    ngx_uint_t         i;
    hd_sb_number_t    *other;
    hd_sb_settings_t   set;

    for (i = 0; i < 256; i++) {
        for (other = hd_sb.numbers[i]; other != NULL; other = other->next) {

            if (other != n
                && (!other->node->exists || n->set.portfolio.len == 0
                    || other->set.portfolio.len != n->set.portfolio.len
                    || memcmp(other->set.portfolio.data,
                              n->set.portfolio.data, n->set.portfolio.len)
                       != 0))
            {
                continue;
            }

            if (other->set.tier == tier) {
                continue;
            }

            set = other->set;
            set.tier = tier;

            if (hd_sb_event_store(other, &set) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static int
hd_sb_event_capability(hd_sb_event_t *e)
{
    int64_t  tier;

    if (hd_json_int(hd_json_get(e->v, "tier"), &tier) != HD_OK || tier < -1
        || tier > 1000000)
    {
        return hd_sb_event_bad(e, "\"tier\": an integer is expected, -1 for"
                               " no limit");
    }

    if (hd_sb_event_tiers(e->n, ngx_max(tier, 0)) != NGX_OK) {
        return hd_sb_event_bad(e, "herald_sandbox_zone is full");
    }

    hd_buf_printf(e->b, "{\"max_daily_conversations_per_business\":%d,"
                  "\"max_phone_numbers_per_%s}", tier ? (int) tier : -1,
                  tier == 250 ? "business\":2" : "waba\":25");

    return HD_OK;
}


static int
hd_sb_event_quality(hd_sb_event_t *e)
{
    hd_mem_t     mem;
    hd_str_t     s, event, quality;
    const char  *tier;

    mem = hd_sb_mem(e->pool);
    event = hd_sb_event_str(e, "event", "FLAGGED");
    quality = hd_sb_event_str(e, "quality", hd_str_eq(&event, "FLAGGED")
                                            ? "RED" : "GREEN");

    tier = hd_str_eq(&event, "THROUGHPUT_UPGRADE")
           ? "TIER_UNLIMITED" : hd_sb_event_tier(e->n->set.tier);

    if (hd_str_dup(&mem, &quality, &e->set.quality_rating) != HD_OK) {
        return hd_sb_event_bad(e, "out of memory");
    }

    e->changed = 1;

    hd_buf_char(e->b, '{');
    hd_sb_event_phone(e, &s);
    hd_sb_event_member(e, "display_phone_number", &s);
    hd_sb_event_member(e, "event", &event);

    s = hd_json_str(e->v, "old_limit");
    if (s.len > 0) {
        hd_sb_event_member(e, "old_limit", &s);
    }

    s = hd_sb_event_str(e, "current_limit", tier);
    hd_sb_event_member(e, "current_limit", &s);
    hd_sb_event_member(e, "max_daily_conversations_per_business", &s);
    hd_buf_char(e->b, '}');

    return HD_OK;
}


static hd_sb_template_t *
hd_sb_event_find(hd_sb_event_t *e, const hd_str_t *name,
    const hd_str_t *language)
{
    hd_sb_template_t  *t;

    for (t = e->set.templates; t != NULL; t = t->next) {
        if (t->name.len == name->len
            && memcmp(t->name.data, name->data, name->len) == 0
            && (t->language.len == 0
                || (t->language.len == language->len
                    && memcmp(t->language.data, language->data, language->len)
                       == 0)))
        {
            return t;
        }
    }

    return NULL;
}


static void
hd_sb_event_template_id(hd_sb_event_t *e, const hd_str_t *name,
    const hd_str_t *language)
{
    u_char    text[24];
    hd_str_t  id;

    hd_sb_template_id(name, language, &id, text);

    hd_buf_printf(e->b, "%s\"message_template_id\":%.*s",
                  hd_sb_event_comma(e), (int) id.len, id.data);
    hd_sb_event_member(e, "message_template_name", name);
    hd_sb_event_member(e, "message_template_language", language);
}


/* a template that pauses or is disabled is refused from then on */

static int
hd_sb_event_template(hd_sb_event_t *e)
{
    hd_mem_t           mem;
    hd_str_t           name, language, event, s;
    hd_sb_template_t  *t;

    name = hd_json_str(e->v, "name");
    language = hd_sb_event_str(e, "language", "en");
    event = hd_json_str(e->v, "event");

    if (name.len == 0 || name.len > 512 || event.len == 0 || event.len > 32) {
        return hd_sb_event_bad(e, "\"name\" and \"event\" (APPROVED, PAUSED,"
                               " DISABLED, REJECTED…) are expected");
    }

    mem = hd_sb_mem(e->pool);
    t = hd_sb_event_find(e, &name, &language);

    if (t == NULL) {
        t = hd_calloc(&mem, sizeof(hd_sb_template_t));
        if (t == NULL) {
            return hd_sb_event_bad(e, "out of memory");
        }

        t->name = name;
        t->params = -1;
        hd_str_set(&t->category, "marketing");
        t->next = e->set.templates;
        e->set.templates = t;
    }

    hd_buf_char(e->b, '{');
    hd_sb_event_member(e, "event", &event);
    hd_sb_event_template_id(e, &name, &language);
    s = hd_sb_event_str(e, "reason", "NONE");
    hd_sb_event_member(e, "reason", &s);

    hd_str_set(&s, "MARKETING");

    if (hd_str_eq(&t->category, "utility")) {
        hd_str_set(&s, "UTILITY");

    } else if (hd_str_eq(&t->category, "authentication")) {
        hd_str_set(&s, "AUTHENTICATION");
    }

    hd_sb_event_member(e, "message_template_category", &s);

    if (hd_str_eq(&event, "PAUSED")) {
        s = hd_sb_event_str(e, "title", "FIRST_PAUSE");
        hd_buf_z(e->b, ",\"other_info\":{");
        hd_sb_event_member(e, "title", &s);
        hd_str_set(&s, "Your WhatsApp message template has been paused for 3"
                   " hours because it had issues.");
        hd_sb_event_member(e, "description", &s);
        hd_buf_char(e->b, '}');

    } else if (hd_str_eq(&event, "DISABLED")) {
        hd_buf_z(e->b, ",\"disable_info\":{\"disable_date\":\"");
        hd_buf_int(e->b, ngx_time());
        hd_buf_z(e->b, "\"}");
    }

    hd_buf_char(e->b, '}');

    if (hd_str_eq(&event, "PAUSED") || hd_str_eq(&event, "DISABLED")) {
        t->status = event;

    } else {
        t->status.len = 0;
    }

    e->changed = 1;

    hd_sb_template_said(e->n, &name, &language, "status", &event);

    return HD_OK;
}


static int
hd_sb_event_template_category(hd_sb_event_t *e)
{
    hd_str_t  name, language, s;

    name = hd_json_str(e->v, "name");
    language = hd_sb_event_str(e, "language", "en");

    if (name.len == 0) {
        return hd_sb_event_bad(e, "\"name\" is expected");
    }

    hd_buf_char(e->b, '{');
    hd_sb_event_template_id(e, &name, &language);
    s = hd_sb_event_str(e, "previous", "UTILITY");
    hd_sb_event_member(e, "previous_category", &s);
    s = hd_sb_event_str(e, "category", "MARKETING");
    hd_sb_event_member(e, "new_category", &s);
    hd_buf_char(e->b, '}');

    hd_sb_template_said(e->n, &name, &language, "category", &s);

    return HD_OK;
}


static int
hd_sb_event_template_quality(hd_sb_event_t *e)
{
    hd_str_t  name, language, s;

    name = hd_json_str(e->v, "name");
    language = hd_sb_event_str(e, "language", "en");

    if (name.len == 0) {
        return hd_sb_event_bad(e, "\"name\" is expected");
    }

    hd_buf_char(e->b, '{');
    s = hd_sb_event_str(e, "previous", "GREEN");
    hd_sb_event_member(e, "previous_quality_score", &s);
    s = hd_sb_event_str(e, "quality", "RED");
    hd_sb_event_member(e, "new_quality_score", &s);
    hd_sb_template_said(e->n, &name, &language, "quality_score", &s);
    hd_sb_event_template_id(e, &name, &language);
    hd_buf_char(e->b, '}');

    return HD_OK;
}


static int
hd_sb_event_account(hd_sb_event_t *e)
{
    hd_str_t  event, s;

    event = hd_json_str(e->v, "event");

    if (event.len == 0) {
        return hd_sb_event_bad(e, "\"event\" (ACCOUNT_RESTRICTION,"
                               " DISABLED_UPDATE, ACCOUNT_VIOLATION…) is"
                               " expected");
    }

    hd_buf_char(e->b, '{');
    hd_sb_event_phone(e, &s);
    hd_sb_event_member(e, "phone_number", &s);
    hd_sb_event_member(e, "event", &event);

    if (hd_str_eq(&event, "ACCOUNT_RESTRICTION")) {
        s = hd_sb_event_str(e, "restriction",
                            "RESTRICTED_BIZ_INITIATED_MESSAGING");
        hd_buf_z(e->b, ",\"restriction_info\":[{");
        hd_sb_event_member(e, "restriction_type", &s);
        hd_buf_printf(e->b, ",\"expiration\":%ld}]",
                      (long) ngx_time() + 86400);

    } else if (hd_str_eq(&event, "DISABLED_UPDATE")) {
        s = hd_sb_event_str(e, "ban", "DISABLE");
        hd_buf_z(e->b, ",\"ban_info\":{\"waba_ban_state\":");
        hd_sb_wire(e->b, &s);
        hd_buf_printf(e->b, ",\"waba_ban_date\":\"%ld\"}", (long) ngx_time());

    } else if (hd_str_eq(&event, "ACCOUNT_VIOLATION")) {
        s = hd_sb_event_str(e, "violation", "SPAM");
        hd_buf_z(e->b, ",\"violation_info\":{");
        hd_sb_event_member(e, "violation_type", &s);
        hd_buf_char(e->b, '}');
    }

    hd_buf_char(e->b, '}');

    return HD_OK;
}


static int
hd_sb_event_preferences(hd_sb_event_t *e)
{
    int            stop;
    u_char         digits[16];
    hd_str_t       from, to, value, s;
    hd_sb_peer_t  *peer;

    from = hd_json_str(e->v, "from");
    value = hd_json_str(e->v, "value");
    to.data = digits;
    stop = hd_str_eq(&value, "stop");

    if ((!stop && !hd_str_eq(&value, "resume"))
        || hd_sb_digits(&from, digits, &to.len) != HD_OK)
    {
        return hd_sb_event_bad(e, "\"from\": digits and \"value\": \"stop\" or"
                               " \"resume\" are expected");
    }

    peer = hd_sb_peer_get(e->n, hd_sb_to_number(&to));
    if (peer == NULL) {
        return hd_sb_event_bad(e, "herald_sandbox_zone is full");
    }

    peer->n.stopped = stop;

    hd_buf_z(e->b, "{\"messaging_product\":\"whatsapp\",\"metadata\":{");
    hd_sb_event_phone(e, &s);
    hd_sb_event_member(e, "display_phone_number", &s);
    s.data = e->n->node->id;
    s.len = e->n->node->id_len;
    hd_sb_event_member(e, "phone_number_id", &s);
    hd_buf_z(e->b, "},\"contacts\":[{\"profile\":{");
    s = hd_sb_event_str(e, "name", "Customer");
    hd_sb_event_member(e, "name", &s);
    hd_buf_z(e->b, "},\"wa_id\":");
    hd_sb_wire(e->b, &to);
    hd_buf_z(e->b, "}],\"user_preferences\":[{");
    hd_sb_event_member(e, "wa_id", &to);
    hd_buf_printf(e->b, ",\"detail\":\"User requested to %s marketing"
                  " messages\",\"category\":\"marketing_messages\"",
                  stop ? "stop" : "resume");
    hd_sb_event_member(e, "value", &value);
    hd_buf_printf(e->b, ",\"timestamp\":%ld}]}", (long) ngx_time());

    return HD_OK;
}


static int
hd_sb_event_value(hd_sb_event_t *e, const hd_str_t *field)
{
    const hd_json_t           *value;
    const hd_sb_event_kind_t  *kind;

    value = hd_json_get(e->v, "value");

    if (value != NULL && value->type == HD_JSON_OBJECT) {
        hd_sb_wire_json(e->b, value);
        return HD_OK;
    }

    for (kind = hd_sb_event_kinds; kind->field != NULL; kind++) {
        if (strlen(kind->field) == field->len
            && memcmp(kind->field, field->data, field->len) == 0)
        {
            return kind->make(e);
        }
    }

    return hd_sb_event_bad(e, "\"field\": one that the sandbox makes, or any"
                           " with a \"value\" object, is expected");
}


int
hd_sb_event(hd_sb_number_t *n, const hd_json_t *v, ngx_pool_t *pool, char *why,
    size_t size)
{
    hd_buf_t       value;
    hd_str_t       field;
    hd_sb_job_t   *job;
    hd_sb_event_t  e;

    hd_buf_init(&value);

    e.n = n;
    e.v = v;
    e.pool = pool;
    e.b = &value;
    e.set = n->set;
    e.changed = 0;
    e.why = why;
    e.size = size;

    field = hd_json_str(v, "field");

    if (field.len == 0) {
        return hd_sb_event_bad(&e, "\"field\" is expected");
    }

    if (hd_sb_event_value(&e, &field) != HD_OK) {
        hd_buf_free(&value);
        return HD_ERROR;
    }

    if (e.changed && hd_sb_event_store(n, &e.set) != NGX_OK) {
        hd_buf_free(&value);
        return hd_sb_event_bad(&e, "herald_sandbox_zone is full");
    }

    job = (n->set.sockaddr != NULL && !value.failed) ? hd_sb_job_create(n)
                                                     : NULL;
    if (job != NULL) {
        hd_buf_z(&job->body, "{\"object\":\"whatsapp_business_account\","
                 "\"entry\":[{\"id\":");
        hd_sb_wire(&job->body, &n->set.waba_id);
        hd_buf_printf(&job->body, ",\"time\":%ld,\"changes\":[{\"value\":",
                      (long) ngx_time());
        hd_buf_add(&job->body, value.data, value.len);
        hd_buf_z(&job->body, ",\"field\":");
        hd_sb_wire(&job->body, &field);
        hd_buf_z(&job->body, "}]}]}");

        job->events = 1;
        job->pending = 1;
        hd_sb_number_pending(n, 1);
        hd_sb_job_queue(job);
    }

    hd_buf_free(&value);

    return HD_OK;
}

/*
 * From a webhook's body to a list of events with memory of their own.
 *
 * What the provider's parser hands out lives in a scratch pool that is emptied
 * after each body; what is kept is copied, checked against what the tables can
 * hold, and cut where nobody will miss it.  A JSON tree is ten times the size
 * of what is wanted of it, and hundreds of requests wait at once.
 */

#include "ingress.h"


#define HD_HOOK_POOL       1024
#define HD_HOOK_SPARE      512
#define HD_HOOK_SCRATCH    8192
/* pools that grew beyond this many blocks are not worth keeping */
#define HD_HOOK_BLOCKS     8
/* an index entry takes less than 2700 bytes, and no real id has so many */
#define HD_HOOK_ID_MAX     512
#define HD_HOOK_DETAIL     1000
/* a file's id or address */
#define HD_HOOK_REF_MAX    2048
#define HD_HOOK_NAME       512
/* what says when it was may be a day ahead of our clock, not more */
#define HD_HOOK_AHEAD      (INT64_C(86400) * 1000000)


typedef struct {
    hd_hook_t              *hook;
    hd_mem_t                mem;
    int64_t                 now;
    ngx_log_t              *log;
    unsigned                failed:1;     /* out of memory */
} hd_hook_parse_t;


static ngx_pool_t  *hd_hook_spare[HD_HOOK_SPARE];
static ngx_uint_t   hd_hook_nspare;
static ngx_pool_t  *hd_hook_scratch;


void
hd_hook_events_exit(void)
{
    while (hd_hook_nspare) {
        ngx_destroy_pool(hd_hook_spare[--hd_hook_nspare]);
    }

    if (hd_hook_scratch) {
        ngx_destroy_pool(hd_hook_scratch);
        hd_hook_scratch = NULL;
    }
}


static hd_hook_t *
hd_hook_create(ngx_http_request_t *r, hd_hook_account_t *account,
    const hd_str_t *body, int64_t at)
{
    hd_hook_t   *h;
    ngx_pool_t  *pool;

    pool = hd_hook_nspare ? hd_hook_spare[--hd_hook_nspare]
                          : ngx_create_pool(HD_HOOK_POOL, hd_api.log);
    if (pool == NULL) {
        return NULL;
    }

    h = ngx_pcalloc(pool, sizeof(hd_hook_t));
    if (h == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    h->pool = pool;
    h->r = r;
    h->last = &h->events;
    h->account = account;
    h->body = *body;
    h->at = at;
    account->refs++;

    return h;
}


static ngx_pool_t *
hd_hook_reset(ngx_pool_t *pool)
{
    ngx_uint_t   n;
    ngx_pool_t  *p;

    for (p = pool, n = 0; p; p = p->d.next) {
        n++;
    }

    if (n > HD_HOOK_BLOCKS) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_reset_pool(pool);

    return pool;
}


void
hd_hook_free(hd_hook_t *h)
{
    ngx_pool_t  *pool;

    hd_hook_account_release(h->account);

    pool = h->pool;

    if (hd_hook_nspare == HD_HOOK_SPARE) {
        ngx_destroy_pool(pool);
        return;
    }

    pool = hd_hook_reset(pool);

    if (pool) {
        hd_hook_spare[hd_hook_nspare++] = pool;
    }
}


static int64_t
hd_hook_time(hd_hook_parse_t *p, int64_t at)
{
    return (at <= 0 || at > p->now + HD_HOOK_AHEAD) ? p->now : at;
}


/* at most `max` bytes, and no half of a character */

static hd_str_t
hd_hook_cut(const hd_str_t *s, size_t max)
{
    hd_str_t  out;

    out = *s;

    if (out.len > max) {
        out.len = max;

        while (out.len && (out.data[out.len] & 0xc0) == 0x80) {
            out.len--;
        }
    }

    return out;
}


static ngx_uint_t
hd_hook_ours(hd_hook_parse_t *p, const hd_str_t *number_id)
{
    hd_str_t  *own;

    own = &p->hook->account->row->number_id;

    if (number_id->len == 0
        || (number_id->len == own->len
            && ngx_memcmp(number_id->data, own->data, own->len) == 0))
    {
        return 1;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, p->log, 0,
                   "herald: a webhook's element of another number: \"%V\"",
                   (ngx_str_t *) number_id);

    return 0;
}


static hd_hook_event_t *
hd_hook_add_event(hd_hook_parse_t *p, hd_hook_kind_e kind, ngx_uint_t cost)
{
    hd_hook_event_t  *e;

    e = ngx_pcalloc(p->hook->pool, sizeof(hd_hook_event_t));
    if (e == NULL) {
        p->failed = 1;
        return NULL;
    }

    e->kind = kind;

    *p->hook->last = e;
    p->hook->last = &e->next;
    p->hook->nevents++;
    p->hook->cost += cost;

    return e;
}


static void
hd_hook_dup(hd_hook_parse_t *p, hd_str_t *dst, hd_str_t src)
{
    if (hd_str_dup(&p->mem, &src, dst) != HD_OK) {
        p->failed = 1;
        hd_str_set(dst, "");
    }
}


static void
hd_hook_bad(void *data, const char *why)
{
    hd_hook_parse_t  *p = data;

    ngx_log_error(NGX_LOG_INFO, p->log, 0,
                  "herald: a webhook's element was left out: %s", why);
}


static void
hd_hook_on_status(void *data, const hd_str_t *number_id,
    const hd_status_event_t *s)
{
    uint32_t          seq;
    hd_uuid_t         batch;
    hd_hook_event_t  *e;
    hd_hook_parse_t  *p = data;

    if (!hd_hook_ours(p, number_id)) {
        return;
    }

    if (s->provider_id.len == 0 || s->provider_id.len > HD_HOOK_ID_MAX) {
        hd_hook_bad(p, "the id of a status is too long");
        return;
    }

    e = hd_hook_add_event(p, HD_HOOK_STATUS, 1);
    if (e == NULL) {
        return;
    }

    if (hd_reference_parse(&s->reference, &batch, &seq) == HD_OK
        && seq <= NGX_MAX_INT32_VALUE)
    {
        e->id = batch;
        e->u.status.seq = seq;
        e->u.status.known = 1;
    }

    hd_hook_dup(p, &e->u.status.provider_id, s->provider_id);
    e->u.status.at = hd_hook_time(p, s->at);
    e->u.status.status = s->status;
    e->u.status.code = s->code;
    hd_hook_dup(p, &e->u.status.detail, hd_hook_cut(&s->detail,
                                                    HD_HOOK_DETAIL));
}


static ngx_uint_t
hd_hook_is_phone(const hd_str_t *s)
{
    size_t  i;

    if (s->len < 5 || s->len > 15) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }
    }

    return 1;
}


static void
hd_hook_add_fact(hd_hook_parse_t *p, hd_fact_t ***last, const hd_fact_t *fact)
{
    hd_fact_t  *f;

    f = ngx_palloc(p->hook->pool, sizeof(hd_fact_t));
    if (f == NULL) {
        p->failed = 1;
        return;
    }

    *f = *fact;
    f->next = NULL;
    f->at = hd_hook_time(p, fact->at);

    /* clocks differ: what is said to be ahead of us is of now */
    f->at = ngx_min(f->at, p->now);

    hd_hook_dup(p, &f->number, hd_hook_cut(&fact->number, HD_HOOK_NAME));
    hd_hook_dup(p, &f->status, hd_hook_cut(&fact->status, 64));
    hd_hook_dup(p, &f->quality, hd_hook_cut(&fact->quality, 64));
    hd_hook_dup(p, &f->name, hd_hook_cut(&fact->name, HD_HOOK_NAME));
    hd_hook_dup(p, &f->language, hd_hook_cut(&fact->language, 64));
    hd_hook_dup(p, &f->category, hd_hook_cut(&fact->category, 64));
    hd_hook_dup(p, &f->reason, hd_hook_cut(&fact->reason, HD_HOOK_DETAIL));
    hd_hook_dup(p, &f->from, fact->from);
    hd_hook_dup(p, &f->user_id, hd_hook_cut(&fact->user_id, HD_HOOK_ID_MAX));

    if (!hd_hook_is_phone(&f->from)) {
        hd_str_set(&f->from, "");
    }

    **last = f;
    *last = &f->next;
}


static void
hd_hook_on_other(void *data, const hd_other_event_t *o)
{
    hd_buf_t          b;
    hd_fact_t        *f, **last;
    hd_hook_event_t  *e;
    hd_hook_parse_t  *p = data;

    if (!hd_hook_ours(p, &o->number_id)) {
        return;
    }

    e = hd_hook_add_event(p, HD_HOOK_OTHER, 4);
    if (e == NULL) {
        return;
    }

    hd_hook_dup(p, &e->u.other.field, hd_hook_cut(&o->field, 128));
    hd_hook_dup(p, &e->u.other.raw, o->raw);
    hd_hook_dup(p, &e->u.other.business_id,
                hd_hook_cut(&o->business_id, HD_HOOK_ID_MAX));

    last = &e->u.other.facts;

    for (f = o->facts; f; f = f->next) {
        hd_hook_add_fact(p, &last, f);
        p->hook->cost += 4;
    }

    /* its time as well: a template that is paused twice is no redelivery */

    hd_buf_init(&b);
    hd_buf_str(&b, &o->field);
    hd_buf_char(&b, '\0');
    hd_buf_int(&b, o->at);
    hd_buf_char(&b, '\0');
    hd_buf_str(&b, &o->raw);

    if (b.failed) {
        p->failed = 1;

    } else {
        hd_sha256(b.data, b.len, e->u.other.hash);
    }

    hd_buf_free(&b);
}


/* its file, and what they chose */
static void
hd_hook_inbound_more(hd_hook_parse_t *p, hd_inbound_event_t *in,
    const hd_inbound_event_t *m)
{
    if (m->choice.len && m->choice.len <= HD_HOOK_ID_MAX) {
        hd_hook_dup(p, &in->choice, m->choice);
    }

    if (m->media_ref.len == 0 || m->media_ref.len > HD_HOOK_REF_MAX) {
        return;
    }

    /* what is fetched costs a row and an errand */
    p->hook->cost += 4;

    hd_hook_dup(p, &in->media_ref, m->media_ref);
    hd_hook_dup(p, &in->media_mime, hd_hook_cut(&m->media_mime, 127));
    hd_hook_dup(p, &in->media_name, hd_hook_cut(&m->media_name, 240));
}


static void
hd_hook_on_inbound(void *data, const hd_str_t *number_id,
    const hd_inbound_event_t *m)
{
    hd_str_t             from;
    hd_hook_event_t     *e;
    hd_hook_parse_t     *p = data;
    hd_other_event_t     other;
    hd_inbound_event_t  *in;

    if (!hd_hook_ours(p, number_id)) {
        return;
    }

    from = m->from;

    if (!hd_hook_is_phone(&from)) {
        hd_str_set(&from, "");
    }

    if (m->provider_id.len == 0 || m->provider_id.len > HD_HOOK_ID_MAX
        || m->user_id.len > HD_HOOK_ID_MAX
        || (from.len == 0 && m->user_id.len == 0 && m->lid.len == 0
            && m->group.len == 0)
        || m->lid.len > HD_HOOK_ID_MAX || m->group.len > HD_HOOK_ID_MAX
        || m->key.len > HD_HOOK_ID_MAX)
    {
        /* nobody it could belong to: kept as it came */

        ngx_memzero(&other, sizeof(hd_other_event_t));

        other.number_id = *number_id;
        hd_str_set(&other.business_id, "");
        hd_str_set(&other.field, "messages");
        other.raw = m->raw;

        hd_hook_bad(p, "a message without a usable sender or id; it is kept "
                       "in webhook_events");
        hd_hook_on_other(p, &other);
        return;
    }

    e = hd_hook_add_event(p, HD_HOOK_INBOUND, 8);
    if (e == NULL) {
        return;
    }

    in = &e->u.inbound;

    hd_hook_dup(p, &in->provider_id, m->provider_id);
    hd_hook_dup(p, &in->from, from);
    hd_hook_dup(p, &in->user_id, m->user_id);
    hd_hook_dup(p, &in->name, hd_hook_cut(&m->name, 256));
    hd_hook_dup(p, &in->type, hd_hook_cut(&m->type, 64));
    hd_hook_dup(p, &in->text, m->text);
    hd_hook_dup(p, &in->context_id, hd_hook_cut(&m->context_id,
                                                HD_HOOK_ID_MAX));
    hd_hook_dup(p, &in->raw, m->raw);
    in->at = hd_hook_time(p, m->at);
    in->outbound = m->outbound;

    hd_hook_dup(p, &in->lid, m->lid);
    hd_hook_dup(p, &in->group, m->group);
    hd_hook_dup(p, &in->group_name, hd_hook_cut(&m->group_name, 256));
    hd_hook_dup(p, &in->key, m->key);
    in->outbound = m->outbound;
    hd_hook_inbound_more(p, in, m);
}


ngx_uint_t
hd_hook_parse(ngx_http_request_t *r, hd_hook_account_t *account,
    const hd_str_t *body, int64_t at, hd_hook_t **out)
{
    int                 rc;
    hd_mem_t            scratch;
    hd_hook_t          *h;
    hd_json_error_t     err;
    hd_hook_parse_t     p;
    hd_webhook_sink_t   sink;

    if (hd_hook_scratch == NULL) {
        hd_hook_scratch = ngx_create_pool(HD_HOOK_SCRATCH, hd_api.log);
        if (hd_hook_scratch == NULL) {
            return NGX_HTTP_SERVICE_UNAVAILABLE;
        }
    }

    h = hd_hook_create(r, account, body, at);
    if (h == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    p.hook = h;
    p.mem = hd_pool_mem(h->pool);
    p.now = at;
    p.log = r ? r->connection->log : hd_api.log;
    p.failed = 0;

    sink.ctx = &p;
    sink.status = hd_hook_on_status;
    sink.inbound = hd_hook_on_inbound;
    sink.other = hd_hook_on_other;
    sink.bad = hd_hook_bad;
    hd_str_set(&sink.args, "");

    if (r && r->args.len) {
        sink.args.data = r->args.data;
        sink.args.len = r->args.len;
    }

    scratch = hd_pool_mem(hd_hook_scratch);
    err.text[0] = '\0';
    err.offset = 0;

    rc = account->provider->webhook(&scratch, body, &sink, &err);

    hd_hook_scratch = hd_hook_reset(hd_hook_scratch);

    if (rc == HD_OK && !p.failed) {
        *out = h;
        return 0;
    }

    hd_hook_free(h);

    if (p.failed) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_log_error(NGX_LOG_INFO, p.log, 0,
                  "herald: a signed webhook cannot be read: %s at byte %uz",
                  err.text, err.offset);

    return NGX_HTTP_BAD_REQUEST;
}


static ngx_uint_t
hd_hook_phone_form(const hd_str_t *wa, char *out)
{
    size_t   n;
    u_char  *p;

    p = wa->data;
    n = wa->len;

#define hd_hook_starts(s)  (ngx_strncmp(p, s, sizeof(s) - 1) == 0)

    /* Brazil's mobiles have a 9 that wa_ids of older accounts lack */

    if (n == 13 && hd_hook_starts("55") && p[4] == '9') {
        return ngx_sprintf((u_char *) out, ",+%*s%*s", (size_t) 4, p,
                           (size_t) 8, p + 5) - (u_char *) out;
    }

    if (n == 12 && hd_hook_starts("55") && p[4] >= '6') {
        return ngx_sprintf((u_char *) out, ",+%*s9%*s", (size_t) 4, p,
                           (size_t) 8, p + 4) - (u_char *) out;
    }

    /* Mexico 52 and 521, Argentina 54 and 549: the same phone */

    if (n == 13 && (hd_hook_starts("521") || hd_hook_starts("549"))) {
        return ngx_sprintf((u_char *) out, ",+%*s%*s", (size_t) 2, p,
                           (size_t) 10, p + 3) - (u_char *) out;
    }

    if (n == 12 && (hd_hook_starts("52") || hd_hook_starts("54"))) {
        return ngx_sprintf((u_char *) out, ",+%*s%c%*s", (size_t) 2, p,
                           p[1] == '2' ? '1' : '9', (size_t) 10, p + 2)
               - (u_char *) out;
    }

#undef hd_hook_starts

    return 0;
}


void
hd_hook_phones(const hd_str_t *wa_id, char *out)
{
    u_char  *p;

    p = (u_char *) out;
    *p++ = '{';

    if (wa_id->len) {
        *p++ = '+';
        p = ngx_cpymem(p, wa_id->data, wa_id->len);
        p += hd_hook_phone_form(wa_id, (char *) p);
    }

    *p++ = '}';
    *p = '\0';
}

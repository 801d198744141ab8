/*
 * waha_webhook: one delivery of WAHA into events.
 *
 *     { id, timestamp, event, session, me, payload, engine }
 *
 *     message, message.any          what somebody wrote, or we by the phone
 *     message.reaction, .edited,
 *     .revoked, poll.vote           the same, of another type
 *     message.ack, message.ack.group   statuses of what we sent
 *     session.status                a fact: the session's state, verbatim
 *     all others                    kept as they came
 *
 * An event is one element, and its payload differs from engine to engine.
 * What lacks the little that we need is kept as it came, too.
 */

#include <stdio.h>

#include "waha.h"


/* seconds of the year 5138: a greater timestamp is in milliseconds */
#define HD_WAHA_MS    INT64_C(100000000000)

/* the end of the year 9999, in seconds */
#define HD_WAHA_END   INT64_C(253402300799)


int64_t
hd_waha_time(const hd_json_t *v)
{
    int64_t    at;
    hd_json_t  number;

    if (v == NULL || (v->type != HD_JSON_NUMBER && v->type != HD_JSON_STRING))
    {
        return 0;
    }

    number = *v;
    number.type = HD_JSON_NUMBER;

    if (hd_json_int(&number, &at) != HD_OK || at <= 0) {
        return 0;
    }

    if (at >= HD_WAHA_MS) {
        return (at / 1000 > HD_WAHA_END) ? 0 : at * 1000;
    }

    return at * 1000000;
}


hd_str_t
hd_waha_first(const hd_json_t *v, const char *const *paths)
{
    hd_str_t    none;
    hd_json_t  *s;

    for ( /* void */ ; *paths != NULL; paths++) {
        s = hd_json_path(v, *paths);

        if (s != NULL && s->type == HD_JSON_STRING && s->str.len != 0) {
            return s->str;
        }
    }

    hd_str_set(&none, "");

    return none;
}


static int
hd_waha_begins(const hd_str_t *s, const char *z)
{
    size_t  n;

    n = strlen(z);

    return s->len >= n && memcmp(s->data, z, n) == 0;
}


int
hd_waha_ends(const hd_str_t *jid, const char *end)
{
    size_t  n;

    n = strlen(end);

    return jid->len > n && memcmp(jid->data + jid->len - n, end, n) == 0;
}


hd_str_t
hd_waha_key(const hd_str_t *name)
{
    hd_str_t        key;
    unsigned char  *p, *last, *end;

    key = *name;
    p = name->data;
    last = p + name->len;

    if (hd_waha_begins(name, "true_")) {
        p += 5;

    } else if (hd_waha_begins(name, "false_")) {
        p += 6;

    } else {
        return key;
    }

    p = memchr(p, '_', (size_t) (last - p));

    if (p == NULL || p + 1 == last) {
        return key;
    }

    p++;
    end = memchr(p, '_', (size_t) (last - p));

    key.data = p;
    key.len = (size_t) ((end != NULL ? end : last) - p);

    return (key.len != 0) ? key : *name;
}


int
hd_waha_reference(hd_mem_t *mem, const hd_str_t *key, hd_str_t *out)
{
    hd_uuid_t      batch;
    unsigned char  raw[20], text[HD_REFERENCE_LEN];
    hd_str_t       s;

    hd_str_set(out, "");

    if (key->len != HD_WAHA_KEY || !hd_waha_begins(key, "3EB0")
        || hd_unhex(raw, key->data + 4, key->len - 4) != HD_OK)
    {
        return HD_ERROR;
    }

    memcpy(batch.b, raw, 16);
    hd_reference_format(text, &batch,
                        (uint32_t) raw[16] << 24 | (uint32_t) raw[17] << 16
                        | (uint32_t) raw[18] << 8 | raw[19]);

    s.data = text;
    s.len = sizeof(text);

    return hd_str_dup(mem, &s, out);
}


hd_str_t
hd_waha_phone(const hd_str_t *jid)
{
    size_t    i;
    hd_str_t  phone;

    hd_str_set(&phone, "");

    if (!hd_waha_ends(jid, "@c.us") && !hd_waha_ends(jid, "@s.whatsapp.net")) {
        return phone;
    }

    for (i = 0; i < jid->len; i++) {
        if (jid->data[i] < '0' || jid->data[i] > '9') {
            break;
        }
    }

    /* ":12" is one of the person's devices */

    if (i != 0 && (jid->data[i] == '@' || jid->data[i] == ':')) {
        phone.data = jid->data;
        phone.len = i;
    }

    return phone;
}


hd_str_t
hd_waha_raw(hd_waha_event_t *e, const hd_json_t *v)
{
    hd_str_t  s, out;
    hd_buf_t  b;

    hd_str_set(&out, "");
    hd_buf_init(&b);
    hd_json_write(&b, v);

    s.data = b.data;
    s.len = b.len;

    if (b.failed || hd_str_dup(e->mem, &s, &out) != HD_OK) {
        e->failed = 1;
    }

    hd_buf_free(&b);

    return out;
}


static void
hd_waha_other(hd_waha_event_t *e, hd_fact_t *facts)
{
    hd_other_event_t  o;

    memset(&o, 0, sizeof(o));

    o.number_id = e->session;
    hd_str_set(&o.business_id, "");
    o.field = e->event;
    o.at = e->at;
    o.facts = facts;
    o.raw = hd_waha_raw(e, e->payload);

    if (!e->failed) {
        e->sink->other(e->sink->ctx, &o);
    }
}


/* ── receipts ── */

static void
hd_waha_ack(hd_waha_event_t *e)
{
    int64_t             ack;
    hd_str_t            name, key;
    hd_json_t          *mine;
    hd_status_event_t   s;

    static const char *const  ids[] = { "id._serialized", "id", "key.id",
                                        NULL };

    name = hd_waha_first(e->payload, ids);

    if (name.len == 0
        || hd_json_int(hd_json_get(e->payload, "ack"), &ack) != HD_OK)
    {
        hd_waha_other(e, NULL);
        return;
    }

    mine = hd_json_get(e->payload, "fromMe");

    /* that we have read theirs, and what has not left the phone yet */

    if ((mine != NULL && mine->type == HD_JSON_FALSE)
        || (mine == NULL && hd_waha_begins(&name, "false_")) || ack == 0)
    {
        return;
    }

    if (ack < -1 || ack > 4) {
        hd_waha_other(e, NULL);
        return;
    }

    memset(&s, 0, sizeof(s));

    key = hd_waha_key(&name);

    s.provider_id = key;
    hd_str_set(&s.reference, "");
    (void) hd_waha_reference(e->mem, &key, &s.reference);
    s.at = e->at;
    hd_str_set(&s.detail, "");

    if (ack == -1) {
        s.status = HD_STATUS_FAILED;
        s.code = HD_CODE_NOT_TAKEN;
        hd_str_set(&s.detail, "WhatsApp did not take the message (ack ERROR)");

    } else {
        s.status = (hd_status_e) ack;
    }

    e->sink->status(e->sink->ctx, &e->session, &s);
}


_Static_assert(HD_STATUS_SENT == 1 && HD_STATUS_DELIVERED == 2
               && HD_STATUS_READ == 3 && HD_STATUS_PLAYED == 4,
               "an ack is a status's number");


/* ── the session ── */

static int64_t
hd_waha_status_at(hd_waha_event_t *e)
{
    int64_t     at, last;
    hd_json_t  *v;

    if (e->at != 0) {
        return e->at;
    }

    last = 0;
    v = hd_json_get(e->payload, "statuses");

    if (v == NULL || v->type != HD_JSON_ARRAY) {
        return 0;
    }

    for (v = v->child; v != NULL; v = v->next) {
        at = hd_waha_time(hd_json_get(v, "timestamp"));

        if (at > last) {
            last = at;
        }
    }

    return last;
}


static void
hd_waha_session_status(hd_waha_event_t *e)
{
    hd_str_t    s;
    hd_fact_t  *f;

    s = hd_json_str(e->payload, "status");

    if (s.len == 0) {
        hd_waha_other(e, NULL);
        return;
    }

    f = hd_calloc(e->mem, sizeof(hd_fact_t));

    if (f == NULL) {
        e->failed = 1;
        return;
    }

    e->at = hd_waha_status_at(e);

    f->kind = HD_FACT_SESSION;
    f->at = e->at;
    f->limit = HD_FACT_UNSAID;
    f->status = s;
    f->effect = hd_str_eq(&s, "WORKING") ? HD_EFFECT_CLEAR
                : hd_str_eq(&s, "STARTING") ? HD_EFFECT_NONE
                : HD_EFFECT_STOP;

    hd_str_set(&f->quality, "");
    hd_str_set(&f->language, "");
    hd_str_set(&f->category, "");
    hd_str_set(&f->from, "");

    s = hd_json_str(e->me, "id");
    f->number = hd_waha_phone(&s);
    f->user_id = hd_json_str(e->me, "lid");
    f->name = hd_json_str(e->me, "pushName");

    f->reason = hd_json_str(hd_json_get(e->payload, "data"), "reason");

    if (f->reason.len == 0) {
        f->reason = hd_json_str(e->payload, "reason");
    }

    hd_waha_other(e, f);
}


static int
hd_waha_is(const hd_waha_event_t *e, const char *event)
{
    return strlen(event) == e->event.len
           && memcmp(event, e->event.data, e->event.len) == 0;
}


static void
hd_waha_event(hd_waha_event_t *e)
{
    size_t  i;

    static const char *const  inbound[] = {
        "message", "message.any", "message.reaction", "message.edited",
        "message.revoked", "poll.vote"
    };

    if (hd_waha_is(e, "message.ack") || hd_waha_is(e, "message.ack.group")) {
        hd_waha_ack(e);
        return;
    }

    if (hd_waha_is(e, "session.status")) {
        hd_waha_session_status(e);
        return;
    }

    for (i = 0; i < sizeof(inbound) / sizeof(inbound[0]); i++) {
        if (hd_waha_is(e, inbound[i]) && hd_waha_inbound(e) == HD_OK) {
            return;
        }
    }

    if (!e->failed) {
        hd_waha_other(e, NULL);
    }
}


static void
hd_waha_fail(hd_json_error_t *err, const char *text)
{
    if (err != NULL) {
        err->offset = 0;
        (void) snprintf(err->text, sizeof(err->text), "%s", text);
    }
}


int
hd_waha_webhook(hd_mem_t *mem, const hd_str_t *body,
    hd_webhook_sink_t *sink, hd_json_error_t *err)
{
    hd_json_t        *root;
    hd_waha_event_t   e;

    root = hd_json_parse_foreign(mem, body->data, body->len, HD_WAHA_DEPTH,
                                 err);
    if (root == NULL) {
        return HD_ERROR;
    }

    memset(&e, 0, sizeof(e));

    e.mem = mem;
    e.sink = sink;
    e.event = hd_json_str(root, "event");
    e.payload = hd_json_get(root, "payload");

    if (e.event.len == 0) {
        hd_waha_fail(err, "not an event of WAHA: there is no \"event\"");
        return HD_ERROR;
    }

    if (e.payload == NULL) {
        sink->bad(sink->ctx, "an event without a payload");
        return HD_OK;
    }

    e.session = hd_json_str(root, "session");
    e.id = hd_json_str(root, "id");
    e.at = hd_waha_time(hd_json_get(root, "timestamp"));
    e.me = hd_json_get(root, "me");

    hd_waha_event(&e);

    if (e.failed) {
        hd_waha_fail(err, "out of memory");
        return HD_ERROR;
    }

    return HD_OK;
}

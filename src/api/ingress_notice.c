/*
 * From the results of a unit to what others are told: the streams, the helper,
 * the buckets and campaigns in shared memory.
 *
 * Notices live in the unit's pool, which is there until its done callback has
 * returned: that is after the commit, when they are published.
 */

#include "ingress.h"
#include "template.h"


/* what of a text goes into an event: bytes, and bytes once it is quoted */
#define HD_NOTICE_TEXT       2000
#define HD_NOTICE_TEXT_JSON  2800


/* the notice being written, and its text */
static hd_buf_t  hd_notice_json;
static hd_buf_t  hd_notice_text;


void
hd_hook_notices_init(void)
{
    hd_buf_init(&hd_notice_json);
    hd_buf_init(&hd_notice_text);
}


void
hd_hook_notices_exit(void)
{
    hd_buf_free(&hd_notice_json);
    hd_buf_free(&hd_notice_text);
}


hd_notice_t *
hd_hook_notice(hd_flight_t *f, hd_pg_unit_t *u, hd_store_account_t *account,
    const char *type, hd_buf_t *data)
{
    u_char       *p;
    hd_notice_t  *n;

    n = ngx_pcalloc(u->pool, sizeof(hd_notice_t));
    if (n == NULL) {
        return NULL;
    }

    n->org = account->org;

    if (type) {
        if (data->failed) {
            return NULL;
        }

        p = ngx_pnalloc(u->pool, data->len);
        if (p == NULL) {
            return NULL;
        }

        n->type = type;
        n->data.len = data->len;
        n->data.data = p;
        ngx_memcpy(p, data->data, data->len);
    }

    *f->last = n;
    f->last = &n->next;

    return n;
}


static void
hd_notice_str(const char *name, const hd_str_t *s)
{
    hd_buf_z(&hd_notice_json, name);
    hd_jw_str(&hd_notice_json, s);
}


static void
hd_notice_uuid(const char *name, const hd_uuid_t *id)
{
    u_char    text[36];
    hd_str_t  s;

    hd_uuid_format(id, text);
    s.data = text;
    s.len = sizeof(text);

    hd_notice_str(name, &s);
}


static void
hd_notice_time(const char *name, int64_t us)
{
    u_char    text[HD_RFC3339_LEN];
    hd_str_t  s;

    s.data = text;
    s.len = hd_time_format(text, us);

    hd_notice_str(name, &s);
}


/* when the newest of a single message's statuses was */

static int64_t
hd_notice_at(hd_step_t *s, const hd_uuid_t *id)
{
    int64_t        at;
    hd_hook_at_t  *found, *last;

    if (s->nat == 0) {
        return hd_now_us();
    }

    found = bsearch(id, s->at, s->nat, sizeof(hd_hook_at_t),
                    hd_hook_cmp_at);

    if (found == NULL) {
        /* it was found by the provider's id */
        return hd_now_us();
    }

    last = s->at + s->nat;

    while (found > s->at && hd_uuid_eq(&found[-1].id, id)) {
        found--;
    }

    for (at = 0; found < last && hd_uuid_eq(&found->id, id); found++) {
        at = ngx_max(at, found->at);
    }

    return at;
}


/* a single message that moved */

static void
hd_notice_status(hd_flight_t *f, hd_pg_unit_t *u, hd_step_t *s,
    hd_pg_res_t *res, ngx_uint_t i, const hd_uuid_t *batch)
{
    hd_buf_t     *b;
    hd_str_t      value;
    hd_notice_t  *notice;

    b = &hd_notice_json;
    hd_buf_reset(b);

    value = hd_pg_value(res, i, 3);
    hd_notice_str("{\"id\":", &value);
    value = hd_pg_value(res, i, 4);
    hd_notice_str(",\"contact_id\":", &value);
    value = hd_pg_value(res, i, 2);
    hd_notice_str(",\"status\":", &value);
    hd_notice_time(",\"at\":", hd_notice_at(s, batch));
    hd_buf_z(b, ",\"error_code\":");

    if (hd_pg_is_null(res, i, 5)) {
        hd_buf_z(b, "null}");

    } else {
        hd_buf_int(b, hd_pg_value_int(res, i, 5));
        hd_buf_char(b, '}');
    }

    notice = hd_hook_notice(f, u, s->account, "message.status", b);

    if (notice && !hd_pg_is_null(res, i, 6)) {
        notice->mail = HD_MAIL_STRAYS;
        notice->id = *batch;
    }
}


/* rows of status_apply, see hd_status_stmt */

static void
hd_notice_statuses(hd_flight_t *f, hd_pg_unit_t *u, hd_step_t *s,
    hd_pg_res_t *res)
{
    int64_t       seq;
    hd_str_t      note;
    hd_uuid_t     batch;
    ngx_uint_t    i, n;
    hd_notice_t  *notice;

    n = hd_pg_rows(res);

    notice = hd_hook_notice(f, u, s->account, NULL, NULL);
    if (notice) {
        notice->statuses = s->n;
    }

    for (i = 0; i < n; i++) {

        if (hd_pg_value_uuid(res, i, 0, &batch) != NGX_OK) {
            continue;
        }

        seq = hd_pg_value_int(res, i, 1);

        if (seq == 0) {
            hd_notice_status(f, u, s, res, i, &batch);
            continue;
        }

        notice = hd_hook_notice(f, u, s->account, NULL, NULL);
        if (notice == NULL) {
            continue;
        }

        if (seq < 0) {
            (void) hd_pg_value_uuid(res, i, 4, &notice->person);
            (void) hd_pg_value_uuid(res, i, 7, &notice->slow);
            continue;
        }

        notice->batch = batch;
        note = hd_pg_value(res, i, 6);

        if (note.len) {
            notice->mail = hd_str_eq(&note, "reopened") ? HD_MAIL_BROADCAST
                                                        : HD_MAIL_STRAYS;
            notice->id = batch;
        }
    }
}


/* the text as far as it fits into an event; who wants all of it asks for the
 * message */

static void
hd_notice_words(const hd_str_t *text)
{
    hd_str_t   s;
    hd_buf_t  *b;

    b = &hd_notice_text;
    s = *text;

    if (s.len > HD_NOTICE_TEXT) {
        s.len = HD_NOTICE_TEXT;
    }

    do {
        while (s.len && s.len < text->len
               && (s.data[s.len] & 0xc0) == 0x80)
        {
            s.len--;
        }

        hd_buf_reset(b);
        hd_jw_str(b, &s);

        if (b->len <= HD_NOTICE_TEXT_JSON) {
            break;
        }

        s.len /= 2;

    } while (s.len);

    hd_buf_z(&hd_notice_json, ",\"text\":");

    if (b->failed) {
        hd_notice_json.failed = 1;

    } else {
        hd_buf_add(&hd_notice_json, b->data, b->len);
    }
}


/* its file, what it answers, what they chose: as a message's row has them */

static void
hd_notice_more(hd_hook_event_t *e, hd_pg_res_t *res)
{
    hd_buf_t            *b;
    hd_str_t             value;
    hd_inbound_event_t  *m;

    b = &hd_notice_json;
    m = &e->u.inbound;

    if (m->media_ref.len) {
        hd_notice_uuid(",\"media\":{\"id\":", &e->file);
        hd_notice_str(",\"state\":\"wanted\",\"mime\":", &m->media_mime);
        hd_notice_str(",\"bytes\":null,\"filename\":", &m->media_name);
        hd_buf_z(b, ",\"detail\":null}");

    } else {
        hd_buf_z(b, ",\"media\":null");
    }

    hd_buf_z(b, ",\"reply_to\":");

    if (hd_pg_is_null(res, 0, 3)) {
        hd_buf_z(b, "null");

    } else {
        value = hd_pg_value(res, 0, 3);
        hd_jw_str(b, &value);
    }

    if (m->choice.len) {
        hd_notice_str(",\"choice\":{\"id\":", &m->choice);
        value = m->text;
        value.len = ngx_min(value.len, 256);

        while (value.len == 256 && (value.data[value.len] & 0xc0) == 0x80) {
            value.len--;
        }

        hd_notice_str(",\"title\":", &value);
        hd_buf_z(b, "},\"clicks\":0}");

    } else {
        hd_buf_z(b, ",\"choice\":null,\"clicks\":0}");
    }
}


/* (contact, broadcast answered or null, contact's name, message answered); no
 * row: seen */

static void
hd_notice_message(hd_flight_t *f, hd_pg_unit_t *u, hd_step_t *s,
    hd_pg_res_t *res)
{
    hd_buf_t            *b;
    hd_str_t             value;
    hd_notice_t         *notice;
    hd_inbound_event_t  *m;

    if (hd_pg_rows(res) == 0) {
        return;
    }

    b = &hd_notice_json;
    m = &s->event->u.inbound;

    hd_buf_reset(b);

    hd_notice_uuid("{\"id\":", &s->event->id);
    hd_notice_uuid(",\"account_id\":", &s->account->id);
    value = hd_pg_value(res, 0, 0);
    hd_notice_str(",\"contact_id\":", &value);
    value = hd_pg_value(res, 0, 2);
    value.len = ngx_min(value.len, 256);

    while (value.len == 256 && (value.data[value.len] & 0xc0) == 0x80) {
        value.len--;
    }

    hd_notice_str(",\"contact_name\":", &value);

    if (m->from.len) {
        /* digits only */
        hd_buf_z(b, ",\"phone\":\"+");
        hd_buf_str(b, &m->from);
        hd_buf_char(b, '"');

    } else {
        hd_buf_z(b, ",\"phone\":null");
    }

    hd_notice_str(m->outbound ? ",\"direction\":\"out\",\"type\":"
                              : ",\"direction\":\"in\",\"type\":",
                  &m->type);
    hd_notice_words(&m->text);
    hd_buf_printf(b, ",\"status\":\"%s\",\"error_code\":null,"
                  "\"error\":null", m->outbound ? "sent" : "received");

    if (m->provider_id.len <= 256) {
        hd_notice_str(",\"provider_id\":", &m->provider_id);

    } else {
        hd_buf_z(b, ",\"provider_id\":null");
    }

    hd_notice_time(",\"broadcast_id\":null,\"created_at\":", m->at);
    hd_buf_z(b, ",\"sent_at\":null,\"delivered_at\":null,"
                "\"read_at\":null,\"reason\":null,\"reason_text\":null,"
                "\"send_at\":null,\"expires_at\":null,"
                "\"next_try_at\":null,\"test\":false,\"content\":null");

    hd_message_sms(b, hd_str_eq(&s->account->channel, "sms") ? &m->text
                                                              : NULL);
    hd_notice_more(s->event, res);

    /* counted also when its event finds no memory */

    notice = hd_hook_notice(f, u, s->account, NULL, NULL);

    if (notice && !m->outbound) {
        notice->inbound = 1;

        if (s->charges) {
            notice->charged = s->account->id;
        }

        if (!hd_pg_is_null(res, 0, 1)) {
            (void) hd_pg_value_uuid(res, 0, 1, &notice->batch);
        }

        if (m->media_ref.len) {
            /* there is a file to fetch */
            notice->mail = HD_MAIL_ERRAND;
            notice->id = s->event->file;
        }
    }

    (void) hd_hook_notice(f, u, s->account, "message.created", b);
}


void
hd_hook_unit_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_step_t    *s;
    hd_flight_t  *f = u->data;

    if (f == NULL || index >= f->nsteps) {
        return;
    }

    s = &f->steps[index];

    switch (s->kind) {

    case HD_STEP_STATUS:
        hd_notice_statuses(f, u, s, res);
        break;

    case HD_STEP_INBOUND:
        hd_notice_message(f, u, s, res);
        break;

    case HD_STEP_FACT:
        hd_hook_fact_result(f, u, s, res);
        break;

    default:
        break;
    }
}


static void
hd_notice_charge(const hd_uuid_t *account, uint32_t n)
{
    if (n) {
        hd_bucket_charge(hd_api.shm, hd_bucket_find(hd_api.shm, account), n,
                         hd_mono_us());
    }
}


static void
hd_notice_slow(hd_notice_t *n)
{
    if (!hd_uuid_is_nil(&n->person)) {
        hd_pair_block(hd_api.shm, &n->slow, &n->person, hd_mono_us(),
                      HD_PAIR_INTERVAL);
        return;
    }

    hd_bucket_slow(hd_api.shm, hd_bucket_find(hd_api.shm, &n->slow),
                   hd_mono_us());
}


static void
hd_notice_event(hd_notice_t *n)
{
    hd_buf_t  b;

    hd_buf_init(&b);
    b.data = n->data.data;
    b.len = n->data.len;

    hd_publish(&n->org, n->type, &b);
}


void
hd_hook_unit_publish(hd_notice_t *n)
{
    uint32_t      charge;
    hd_uuid_t     account;
    ngx_uint_t    statuses, inbound, paused, mail;

    statuses = 0;
    inbound = 0;
    paused = 0;
    mail = 0;
    charge = 0;
    ngx_memzero(&account, sizeof(hd_uuid_t));

    for ( /* void */ ; n; n = n->next) {

        statuses += n->statuses;
        inbound += n->inbound;

        if (n->pause) {
            paused++;
            hd_campaign_state(hd_api.shm, &n->id, HD_CAMPAIGN_PAUSED);
        }

        if (n->mail) {
            mail = 1;
            hd_mail_send(hd_api.shm, n->mail, &n->org, &n->id);
        }

        if (!hd_uuid_is_nil(&n->slow)) {
            hd_notice_slow(n);
        }

        /* inbound messages stand in the order of their account */

        if (!hd_uuid_is_nil(&n->charged)) {

            if (!hd_uuid_eq(&n->charged, &account)) {
                hd_notice_charge(&account, charge);
                account = n->charged;
                charge = 0;
            }

            charge++;
        }

        if (!hd_uuid_is_nil(&n->batch)) {
            hd_dirty_mark(hd_api.shm, &n->org, &n->batch);
        }

        if (n->type) {
            hd_notice_event(n);
        }
    }

    hd_notice_charge(&account, charge);

    if (mail) {
        hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));
    }

    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_statuses, statuses);
    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_inbound, inbound);
    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_auto_paused, paused);
}

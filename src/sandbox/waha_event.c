/*
 * waha_event: webhooks in WAHA's shape, one event each.
 */

#include "waha.h"


static int64_t  hd_sb_event_at;         /* of the last one, ms */


static hd_str_t
hd_sb_session_id(hd_sb_number_t *n)
{
    hd_str_t  id;

    id.data = n->node->id;
    id.len = n->node->id_len;

    return id;
}


hd_sb_job_t *
hd_sb_waha_event(hd_sb_number_t *n, const char *event)
{
    u_char            random[13], hex[26];
    int64_t           at;
    hd_buf_t         *b;
    hd_str_t          id;
    hd_sb_job_t      *job;
    hd_sb_session_t  *s;

    job = hd_sb_job_create(n);
    if (job == NULL) {
        return NULL;
    }

    id = hd_sb_session_id(n);
    s = hd_sb_session_find((ngx_str_t *) &id);

    hd_random(random, sizeof(random));
    hd_hex(hex, random, sizeof(random));

    /* one after the other: it is by their times that they are put in order */

    at = (int64_t) ngx_time() * 1000 + ngx_cached_time->msec;
    hd_sb_event_at = (at > hd_sb_event_at) ? at : hd_sb_event_at + 1;

    b = &job->body;
    hd_buf_printf(b, "{\"id\":\"evt_%.26s\",\"timestamp\":%lld,\"event\":"
                  "\"%s\",\"session\":", hex, (long long) hd_sb_event_at,
                  event);
    hd_jw_str(b, &id);
    hd_buf_z(b, ",\"metadata\":{},\"me\":");

    if (s != NULL && s->me[0]) {
        hd_buf_printf(b, "{\"id\":\"%s@c.us\",\"pushName\":\"Sandbox\"}",
                      s->me);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_z(b, ",\"payload\":");

    return job;
}


void
hd_sb_waha_event_end(hd_sb_number_t *n, hd_sb_job_t *job)
{
    hd_buf_z(&job->body, ",\"engine\":\"NOWEB\",\"environment\":{\"version\":"
             "\"2026.7.1\",\"engine\":\"NOWEB\",\"tier\":\"PLUS\"}}");

    job->events = 1;
    job->pending = 1;
    hd_sb_number_pending(n, 1);
    hd_sb_job_queue(job);
}


/* "true_2547@c.us_3EB0…", in a group with its author */

static void
hd_sb_waha_name(hd_buf_t *b, hd_sb_session_t *s, const hd_sb_words_t *w)
{
    hd_buf_z(b, w->mine ? "\"true_" : "\"false_");
    hd_buf_str(b, &w->chat);
    hd_buf_char(b, '_');
    hd_buf_str(b, &w->key);

    if (w->who.len > 0) {
        hd_buf_char(b, '_');
        hd_buf_str(b, &w->who);

    } else if (w->mine && ngx_strlchr(w->chat.data, w->chat.data + w->chat.len,
                                      'g') != NULL)
    {
        hd_buf_printf(b, "_%s@c.us", s->me);
    }

    hd_buf_char(b, '"');
}


static void
hd_sb_waha_media(hd_buf_t *b, const hd_sb_words_t *w)
{
    hd_str_t  mime;

    if (w->media.len == 0) {
        hd_buf_z(b, ",\"hasMedia\":false,\"media\":null");
        return;
    }

    /* the address that it believes to have, as a gateway behind a proxy */

    mime = w->media;
    hd_buf_z(b, ",\"hasMedia\":true,\"media\":{\"url\":"
             "\"http://localhost:3000/api/files/");
    hd_buf_str(b, &w->key);
    hd_buf_z(b, "\",\"filename\":\"file\",\"error\":null,\"mimetype\":");
    hd_jw_str(b, &mime);
    hd_buf_char(b, '}');
}


void
hd_sb_waha_words(hd_buf_t *b, hd_sb_session_t *s, const hd_sb_words_t *w)
{
    hd_str_t  text;

    text = w->text;

    hd_buf_z(b, "{\"id\":");
    hd_sb_waha_name(b, s, w);
    hd_buf_printf(b, ",\"timestamp\":%lld,\"from\":", (long long) w->at);

    if (w->mine) {
        hd_buf_printf(b, "\"%s@c.us\",\"fromMe\":true,\"source\":\"%s\","
                      "\"to\":", s->me, w->app ? "app" : "api");
        hd_jw_str(b, &w->chat);

    } else {
        hd_jw_str(b, &w->chat);
        hd_buf_printf(b, ",\"fromMe\":false,\"source\":\"app\",\"to\":"
                      "\"%s@c.us\"", s->me);
    }

    hd_buf_z(b, ",\"participant\":");

    if (w->who.len > 0) {
        hd_jw_str(b, &w->who);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_z(b, ",\"body\":");
    hd_jw_str(b, &text);
    hd_sb_waha_media(b, w);
    hd_buf_z(b, w->mine ? ",\"ack\":0,\"ackName\":\"PENDING\""
                        : ",\"ack\":2,\"ackName\":\"DEVICE\"");

    if (w->reply_to.len > 0) {
        hd_buf_z(b, ",\"replyTo\":{\"id\":");
        hd_jw_str(b, &w->reply_to);
        hd_buf_char(b, '}');
    }

    hd_buf_z(b, ",\"_data\":{");

    if (w->name.len > 0) {
        hd_buf_z(b, "\"pushName\":");
        hd_jw_str(b, &w->name);
    }

    if (w->choice.len > 0) {
        hd_buf_z(b, w->name.len ? "," : "");
        hd_buf_z(b, "\"message\":{\"listResponseMessage\":{\"title\":");
        hd_jw_str(b, &text);
        hd_buf_z(b, ",\"singleSelectReply\":{\"selectedRowId\":");
        hd_jw_str(b, &w->choice);
        hd_buf_z(b, "}}}");
    }

    hd_buf_z(b, "}}");
}


void
hd_sb_waha_say(hd_sb_number_t *n, hd_sb_session_t *s, const hd_sb_words_t *w)
{
    hd_sb_job_t  *job;

    hd_sb_said_add(s, w);

    if (s->dead || n->set.sockaddr == NULL) {
        return;
    }

    job = hd_sb_waha_event(n, "message.any");
    if (job == NULL) {
        return;
    }

    hd_sb_waha_words(&job->body, s, w);
    hd_sb_waha_event_end(n, job);

    if (!w->mine) {
        job->events = 0;
        job->inbound = 1;
    }
}


/* one receipt; the record's reference is the message's key */

hd_sb_job_t *
hd_sb_waha_status(hd_sb_record_t *rec, ngx_uint_t stage)
{
    int              ack;
    u_char           digits[20];
    hd_buf_t        *b;
    hd_str_t         id;
    hd_sb_job_t     *job;
    hd_sb_number_t  *n;

    static const char  *suffix[] = { "@c.us", "@g.us", "@lid" };
    static const char  *names[] = { "ERROR", "PENDING", "SERVER", "DEVICE",
                                    "READ" };

    n = rec->number;
    id = hd_sb_session_id(n);
    ack = rec->code ? -1 : (int) stage + 1;

    job = hd_sb_waha_event(n, (rec->category == HD_SB_GROUP)
                              ? "message.ack.group" : "message.ack");
    if (job == NULL) {
        return NULL;
    }

    b = &job->body;
    hd_buf_z(b, "{\"id\":\"true_");
    hd_buf_add(b, digits, hd_sb_record_digits(digits, rec));
    hd_buf_z(b, suffix[rec->category % 3]);
    hd_buf_char(b, '_');
    hd_buf_add(b, rec->ref, rec->ref_len);
    hd_buf_z(b, "\",\"from\":\"me\",\"to\":\"");
    hd_buf_add(b, digits, hd_sb_record_digits(digits, rec));
    hd_buf_z(b, suffix[rec->category % 3]);
    hd_buf_printf(b, "\",\"participant\":null,\"fromMe\":true,\"ack\":%d,"
                  "\"ackName\":\"%s\",\"_data\":{}}", ack, names[ack + 1]);
    hd_buf_z(b, ",\"engine\":\"NOWEB\",\"environment\":{\"version\":"
             "\"2026.7.1\"}}");

    (void) id;

    job->statuses = 1;
    job->pending = 1;

    return job;
}


/* the sandbox's own people: the same as Meta's, in WAHA's shape */

ngx_int_t
hd_sb_waha_inbound(hd_sb_number_t *n, const hd_sb_inbound_t *in, u_char *id,
    size_t *id_len)
{
    u_char            key[9], hex[18], chat[32];
    hd_str_t          name;
    hd_sb_words_t     w;
    hd_sb_session_t  *s;

    name = hd_sb_session_id(n);
    s = hd_sb_session_find((ngx_str_t *) &name);

    if (s == NULL || in->from.len > 20) {
        return NGX_DECLINED;
    }

    ngx_memzero(&w, sizeof(hd_sb_words_t));

    w.chat.data = chat;
    w.chat.len = in->from.len + 5;
    ngx_memcpy(ngx_cpymem(chat, in->from.data, in->from.len), "@c.us", 5);

    w.key = in->id;

    if (w.key.len == 0) {
        hd_sb_new_key(key);
        hd_hex(hex, key, sizeof(key));
        w.key.data = id;
        w.key.len = 20;
        (void) ngx_cpymem(ngx_cpymem(id, "3A", 2), hex, 18);
    }

    *id_len = w.key.len;

    w.name = in->name;
    w.text = in->text;
    w.reply_to = in->context_id;
    w.at = ngx_time();

    if (hd_str_eq(&in->type, "image")) {
        hd_str_set(&w.media, "image/png");
    }

    hd_sb_waha_say(n, s, &w);

    return NGX_OK;
}


/* the headers of a webhook; signed where there is a key */

void
hd_sb_waha_headers(hd_buf_t *b, hd_sb_job_t *job)
{
    u_char             mac[64], hex[128];
    hd_sb_settings_t  *set;

    set = &job->number->set;

    hd_buf_printf(b, "X-Webhook-Request-Id: %p\r\n"
                  "X-Webhook-Timestamp: %lld\r\n", (void *) job,
                  (long long) ngx_time() * 1000 + ngx_cached_time->msec);

    if (set->app_secret.len > 0) {
        hd_hmac_sha512(set->app_secret.data, set->app_secret.len,
                       job->body.data, job->body.len, mac);
        hd_hex(hex, mac, 64);

        hd_buf_z(b, "X-Webhook-Hmac-Algorithm: sha512\r\nX-Webhook-Hmac: ");
        hd_buf_add(b, hex, 128);
        hd_buf_z(b, "\r\n");
    }
}

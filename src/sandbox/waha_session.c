/*
 * waha_session: sessions, their states and their requests (waha.h).
 */

#include "waha.h"


#define HD_SB_QR_FIRST  60             /* s */
#define HD_SB_QR_NEXT   20
#define HD_SB_QR_ALL    6

/* what a phone that scans has for a number, where it is not said */
#define HD_SB_PHONE     "15550100001"


static void hd_sb_session_created(ngx_http_request_t *r);
static void hd_sb_session_updated(ngx_http_request_t *r);
static void hd_sb_session_code(ngx_http_request_t *r);
static void hd_sb_session_profile(ngx_http_request_t *r);


hd_sb_session_t *
hd_sb_session_find(const ngx_str_t *id)
{
    hd_sb_session_t  *s;

    for (s = hd_sb.sh->sessions; s != NULL; s = s->next) {
        if (s->exists && s->node->id_len == id->len
            && ngx_memcmp(s->node->id, id->data, id->len) == 0)
        {
            return s;
        }
    }

    return NULL;
}


hd_sb_number_t *
hd_sb_session_number(hd_sb_session_t *s)
{
    ngx_str_t  id;

    id.data = s->node->id;
    id.len = s->node->id_len;

    return hd_sb_number_find(&id);
}


hd_sb_session_t *
hd_sb_session_make(const ngx_str_t *id)
{
    hd_sb_number_t   *n;
    hd_sb_session_t  *s;

    n = hd_sb_number_find(id);
    if (n == NULL) {
        return NULL;
    }

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    for (s = hd_sb.sh->sessions; s != NULL; s = s->next) {
        if (s->node == n->node) {
            break;
        }
    }

    if (s == NULL) {
        s = ngx_slab_calloc_locked(hd_sb.shpool, sizeof(hd_sb_session_t));

        if (s != NULL) {
            s->node = n->node;
            s->next = hd_sb.sh->sessions;
            hd_sb.sh->sessions = s;
        }
    }

    if (s != NULL) {
        s->exists = 1;
        s->dead = 0;
        s->me[0] = '\0';
        s->since = hd_sb_clock();
        (void) ngx_cpystrn(s->state, (u_char *) "STOPPED", HD_SB_STATE);
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    return s;
}


/* which QR code it is by now, from 1; 0: there will be no more */

static ngx_uint_t
hd_sb_session_qr(hd_sb_session_t *s)
{
    int64_t     age;
    ngx_uint_t  n;

    age = (hd_sb_clock() - s->since) / 1000000;

    n = (age < HD_SB_QR_FIRST)
        ? 1 : 2 + (ngx_uint_t) (age - HD_SB_QR_FIRST) / HD_SB_QR_NEXT;

    return n <= HD_SB_QR_ALL ? n : 0;
}


const char *
hd_sb_session_state(hd_sb_session_t *s)
{
    if (ngx_strcmp(s->state, "SCAN_QR_CODE") == 0
        && hd_sb_session_qr(s) == 0)
    {
        hd_sb_session_move(s, "FAILED");
    }

    return (char *) s->state;
}


int
hd_sb_session_is(hd_sb_session_t *s, const char *state)
{
    return strcmp(hd_sb_session_state(s), state) == 0;
}


void
hd_sb_session_move(hd_sb_session_t *s, const char *state)
{
    hd_sb_job_t     *job;
    hd_sb_number_t  *n;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);
    (void) ngx_cpystrn(s->state, (u_char *) state, HD_SB_STATE);
    s->since = hd_sb_clock();
    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    n = hd_sb_session_number(s);

    if (n == NULL || n->set.sockaddr == NULL || s->dead) {
        return;
    }

    job = hd_sb_waha_event(n, "session.status");
    if (job == NULL) {
        return;
    }

    hd_buf_printf(&job->body, "{\"name\":\"%.*s\",\"status\":\"%s\","
                  "\"statuses\":[{\"status\":\"%s\",\"timestamp\":%lld}]}",
                  (int) s->node->id_len, s->node->id, state, state,
                  (long long) ngx_time() * 1000);

    hd_sb_waha_event_end(n, job);
}


static void
hd_sb_session_start(hd_sb_session_t *s)
{
    if (hd_sb_session_is(s, "WORKING") || hd_sb_session_is(s, "SCAN_QR_CODE"))
    {
        return;
    }

    hd_sb_session_move(s, "STARTING");
    hd_sb_session_move(s, s->me[0] ? "WORKING" : "SCAN_QR_CODE");
}


static void
hd_sb_session_me(hd_buf_t *b, hd_sb_session_t *s)
{
    if (s->me[0] == '\0') {
        hd_buf_z(b, "null");
        return;
    }

    hd_buf_printf(b, "{\"id\":\"%s@c.us\",\"lid\":\"9%s@lid\",\"jid\":"
                  "\"%s:1@s.whatsapp.net\",\"pushName\":\"Sandbox\"}", s->me,
                  s->me, s->me);
}


void
hd_sb_session_show(hd_buf_t *b, hd_sb_session_t *s)
{
    hd_str_t         url;
    hd_sb_number_t  *n;

    n = hd_sb_session_number(s);

    hd_buf_printf(b, "{\"name\":\"%.*s\",\"status\":\"%s\",\"presence\":null,"
                  "\"timestamps\":{\"activity\":null},\"config\":"
                  "{\"webhooks\":[", (int) s->node->id_len, s->node->id,
                  hd_sb_session_state(s));

    if (n != NULL && n->set.webhook_url.len > 0) {
        url = n->set.webhook_url;
        hd_buf_z(b, "{\"url\":");
        hd_jw_str(b, &url);
        hd_buf_z(b, ",\"events\":[\"*\"]}");
    }

    hd_buf_z(b, "]},\"me\":");
    hd_sb_session_me(b, s);
    hd_buf_z(b, ",\"engine\":{\"engine\":\"NOWEB\"}}");
}


static ngx_int_t
hd_sb_session_answer(ngx_http_request_t *r, ngx_uint_t status,
    hd_sb_session_t *s)
{
    hd_buf_t   b;
    ngx_int_t  rc;

    hd_buf_init(&b);
    hd_sb_session_show(&b, s);
    rc = hd_sb_waha_send(r, status, &b);
    hd_buf_free(&b);

    hd_sb_client_pump();

    return rc;
}


/* ── created, configured ── */

/* a session's configuration into its number's settings */

static int
hd_sb_session_config(ngx_http_request_t *r, const ngx_str_t *id,
    const hd_json_t *v, char *why, size_t size)
{
    hd_buf_t          b;
    hd_str_t          url, key;
    hd_mem_t          mem;
    hd_json_t        *hook, *set;
    hd_json_error_t   err;

    hook = hd_json_path(v, "config.webhooks.0");
    url = hd_json_str(hook, "url");
    key = hd_json_str(hd_json_get(hook, "hmac"), "key");

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"waha\":true");

    if (hook != NULL) {
        hd_buf_z(&b, ",\"webhook_url\":");
        hd_jw_str(&b, &url);
        hd_buf_z(&b, ",\"app_secret\":");
        hd_jw_str(&b, &key);
    }

    hd_buf_char(&b, '}');

    mem = hd_sb_mem(r->pool);
    set = hd_json_parse(&mem, b.data, b.len, 8, &err);
    hd_buf_free(&b);

    if (set == NULL) {
        snprintf(why, size, "out of memory");
        return HD_ERROR;
    }

    return hd_sb_control_apply(id, set, r->pool, why, size);
}


/* events that it does not know are refused, as the gateway does */

static const char *
hd_sb_session_bad(const hd_json_t *v)
{
    size_t      i;
    hd_json_t  *e;

    static const char  *known[] = {
        "session.status", "message", "message.reaction", "message.any",
        "message.ack", "message.ack.group", "message.waiting",
        "message.revoked", "message.edited", "state.change", "group.join",
        "group.leave", "group.v2.join", "group.v2.leave", "group.v2.update",
        "group.v2.participants", "presence.update", "poll.vote",
        "poll.vote.failed", "chat.archive", "call.received", "call.accepted",
        "call.rejected", "label.upsert", "label.deleted", "label.chat.added",
        "label.chat.deleted", "event.response", "event.response.failed",
        "engine.event", "*", NULL
    };

    e = hd_json_path(v, "config.webhooks.0.events");

    for (e = (e != NULL) ? e->child : NULL; e != NULL; e = e->next) {

        for (i = 0; known[i] != NULL; i++) {
            if (e->str.len == strlen(known[i])
                && ngx_memcmp(e->str.data, known[i], e->str.len) == 0)
            {
                break;
            }
        }

        if (known[i] == NULL) {
            return "config.webhooks.0.events: each value must be one of the "
                   "known events";
        }
    }

    return NULL;
}


static void
hd_sb_session_created(ngx_http_request_t *r)
{
    char              why[160];
    hd_str_t          name;
    ngx_str_t         id;
    hd_json_t        *v, *start;
    const char       *bad;
    hd_sb_session_t  *s;

    v = hd_sb_control_body(r);
    if (v == NULL) {
        return;
    }

    name = hd_json_str(v, "name");
    id.data = name.len ? name.data : (u_char *) "default";
    id.len = name.len ? name.len : sizeof("default") - 1;

    bad = hd_sb_session_bad(v);

    if (bad != NULL || id.len > HD_SB_ID_MAX) {
        ngx_http_finalize_request(r, hd_sb_waha_error(r, 422, bad
                                     ? bad : "name is too long"));
        return;
    }

    if (hd_sb_session_find(&id) != NULL) {
        snprintf(why, sizeof(why), "Session '%.*s' already exists. Use PUT to"
                 " update it.", (int) id.len, id.data);
        ngx_http_finalize_request(r, hd_sb_waha_error(r, 422, why));
        return;
    }

    s = NULL;

    if (hd_sb_session_config(r, &id, v, why, sizeof(why)) == HD_OK) {
        s = hd_sb_session_make(&id);
    }

    if (s == NULL) {
        ngx_http_finalize_request(r, hd_sb_waha_error(r, 422, why));
        return;
    }

    start = hd_json_get(v, "start");

    if (start == NULL || start->type != HD_JSON_FALSE) {
        hd_sb_session_start(s);
    }

    ngx_http_finalize_request(r, hd_sb_session_answer(r, 201, s));
}


static hd_sb_session_t *
hd_sb_session_of(ngx_http_request_t *r)
{
    hd_sb_target_t  *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    return hd_sb_session_find(&t->id);
}


static void
hd_sb_session_updated(ngx_http_request_t *r)
{
    char              why[160];
    hd_json_t        *v;
    hd_sb_target_t   *t;
    hd_sb_session_t  *s;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    v = hd_sb_control_body(r);
    if (v == NULL) {
        return;
    }

    s = hd_sb_session_find(&t->id);

    if (s == NULL
        || hd_sb_session_config(r, &t->id, v, why, sizeof(why)) != HD_OK)
    {
        ngx_http_finalize_request(r, hd_sb_waha_error(r, s ? 422 : 404,
                                         s ? why : "Session not found"));
        return;
    }

    ngx_http_finalize_request(r, hd_sb_session_answer(r, 200, s));
}


/* ── to be scanned ── */

static ngx_int_t
hd_sb_session_state_error(ngx_http_request_t *r, hd_sb_session_t *s,
    const char *expected)
{
    hd_buf_t   b;
    ngx_int_t  rc;

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"error\":\"Session status is not as expected. Try"
                  " again later or restart the session\",\"session\":\"%.*s\","
                  "\"status\":\"%s\",\"expected\":[\"%s\"]}",
                  (int) s->node->id_len, s->node->id, hd_sb_session_state(s),
                  expected);

    rc = hd_sb_waha_send(r, 422, &b);
    hd_buf_free(&b);

    return rc;
}


static ngx_int_t
hd_sb_session_qr_show(ngx_http_request_t *r, hd_sb_session_t *s)
{
    hd_buf_t   b;
    ngx_int_t  rc;

    if (!hd_sb_session_is(s, "SCAN_QR_CODE")) {
        return hd_sb_session_state_error(r, s, "SCAN_QR_CODE");
    }

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"value\":\"2@sandbox/%.*s/%lld/%d,qX7fBEcA8kSvJ3uM,"
                  "tP0nWz5LrYd1HgCi,R2eK6oQa9xVs4bTf\"}",
                  (int) s->node->id_len, s->node->id,
                  (long long) s->since, (int) hd_sb_session_qr(s));

    rc = hd_sb_waha_send(r, 200, &b);
    hd_buf_free(&b);

    return rc;
}


static void
hd_sb_session_code(ngx_http_request_t *r)
{
    hd_buf_t          b;
    hd_str_t          phone;
    ngx_int_t         rc;
    hd_json_t        *v;
    hd_sb_session_t  *s;

    v = hd_sb_control_body(r);
    if (v == NULL) {
        return;
    }

    s = hd_sb_session_of(r);
    phone = hd_json_str(v, "phoneNumber");

    if (!hd_sb_session_is(s, "SCAN_QR_CODE")) {
        rc = hd_sb_session_state_error(r, s, "SCAN_QR_CODE");

    } else if (phone.len < 5) {
        rc = hd_sb_waha_error(r, 422, "phoneNumber must be a string");

    } else {
        hd_buf_init(&b);
        hd_buf_z(&b, "{\"code\":\"SAND-B0X7\"}");
        rc = hd_sb_waha_send(r, 201, &b);
        hd_buf_free(&b);
    }

    ngx_http_finalize_request(r, rc);
}


/* ── requests ── */

static ngx_int_t
hd_sb_session_list(ngx_http_request_t *r)
{
    hd_buf_t          b;
    ngx_int_t         rc;
    hd_sb_session_t  *s;

    hd_buf_init(&b);
    hd_buf_char(&b, '[');

    for (s = hd_sb.sh->sessions; s != NULL; s = s->next) {
        if (s->exists) {
            hd_buf_z(&b, b.len > 1 ? "," : "");
            hd_sb_session_show(&b, s);
        }
    }

    hd_buf_char(&b, ']');
    rc = hd_sb_waha_send(r, 200, &b);
    hd_buf_free(&b);

    return rc;
}


static ngx_int_t
hd_sb_session_verb(ngx_http_request_t *r, hd_sb_session_t *s,
    const ngx_str_t *verb)
{
    if (hd_sb_waha_is(verb, "start")) {
        hd_sb_session_start(s);

    } else if (hd_sb_waha_is(verb, "stop")) {
        hd_sb_session_move(s, "STOPPED");

    } else if (hd_sb_waha_is(verb, "restart")) {
        hd_sb_session_move(s, "STOPPED");
        hd_sb_session_start(s);

    } else if (hd_sb_waha_is(verb, "logout")) {
        s->me[0] = '\0';
        hd_sb_session_move(s, "STOPPED");

    } else {
        return hd_sb_waha_error(r, 404, "Cannot POST this path");
    }

    return hd_sb_session_answer(r, 201, s);
}


static ngx_int_t
hd_sb_session_me_show(ngx_http_request_t *r, hd_sb_session_t *s)
{
    hd_buf_t   b;
    ngx_int_t  rc;

    hd_buf_init(&b);
    hd_sb_session_me(&b, s);
    rc = hd_sb_waha_send(r, 200, &b);
    hd_buf_free(&b);

    return rc;
}


/* api/sessions[/{s}[/verb]] */

static ngx_int_t
hd_sb_session_sessions(ngx_http_request_t *r, ngx_str_t *parts, ngx_uint_t n)
{
    hd_sb_session_t  *s;

    if (n == 2) {
        return (r->method & NGX_HTTP_POST)
               ? hd_sb_waha_body(r, hd_sb_session_created)
               : hd_sb_session_list(r);
    }

    s = hd_sb_session_find(&parts[2]);

    if (s == NULL) {
        return hd_sb_waha_error(r, 404, "Session not found");
    }

    if (n == 4) {
        return (r->method & NGX_HTTP_POST)
               ? hd_sb_session_verb(r, s, &parts[3])
               : hd_sb_session_me_show(r, s);
    }

    if (r->method == NGX_HTTP_PUT) {
        return hd_sb_waha_body(r, hd_sb_session_updated);
    }

    if (r->method == NGX_HTTP_DELETE) {
        hd_sb_said_forget(s);
        s->exists = 0;
        return hd_sb_session_answer(r, 200, s);
    }

    return hd_sb_session_answer(r, 200, s);
}


static void
hd_sb_session_profile(ngx_http_request_t *r)
{
    hd_buf_t  b;

    if (hd_sb_control_body(r) == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"success\":true}");
    ngx_http_finalize_request(r, hd_sb_waha_send(r, 200, &b));
    hd_buf_free(&b);
}


ngx_int_t
hd_sb_session_request(ngx_http_request_t *r, ngx_str_t *parts, ngx_uint_t n)
{
    hd_buf_t          b;
    ngx_int_t         rc;
    hd_sb_session_t  *s;

    if (hd_sb_waha_is(&parts[1], "sessions") && n <= 4) {
        return hd_sb_session_sessions(r, parts, n);
    }

    s = (n >= 3) ? hd_sb_session_find(&parts[1]) : NULL;

    if (s == NULL) {
        return NGX_DECLINED;
    }

    if (n == 4 && hd_sb_waha_is(&parts[2], "auth")) {
        return hd_sb_waha_is(&parts[3], "qr")
               ? hd_sb_session_qr_show(r, s)
               : hd_sb_waha_body(r, hd_sb_session_code);
    }

    if (!hd_sb_waha_is(&parts[2], "profile")) {
        return NGX_DECLINED;
    }

    if (!hd_sb_session_is(s, "WORKING")) {
        return hd_sb_session_state_error(r, s, "WORKING");
    }

    if (r->method == NGX_HTTP_PUT) {
        return hd_sb_waha_body(r, hd_sb_session_profile);
    }

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%s@c.us\",\"picture\":null,\"name\":"
                  "\"Sandbox\"}", s->me);
    rc = hd_sb_waha_send(r, 200, &b);
    hd_buf_free(&b);

    return rc;
}

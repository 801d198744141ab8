/*
 * waha_control: what the owner of the phone does, and people who write; from
 * loopback only.
 *
 *   POST _control/waha/{session}/scan      {phone?}: somebody scans the code
 *                                 logout   the phone logs us out
 *                                 fail     it does not work any more
 *                                 state    {state}: any state, told by webhook
 *                                 dead     works, and tells nothing from now on
 *                                 alive    tells again what happens
 *                                 say      {from, text, …}: a message comes,
 *                                          or goes out by the phone
 *                                 event    {event, payload}: any webhook
 *   GET  _control/waha/{session}           its state
 *
 * The same without "_control/" is for people with a terminal.
 */

#include "waha.h"


static ngx_int_t
hd_sb_waha_shown(ngx_http_request_t *r, hd_sb_session_t *s, hd_str_t *id)
{
    hd_buf_t   b;
    ngx_int_t  rc;

    hd_buf_init(&b);
    hd_sb_session_show(&b, s);

    if (id->len > 0 && b.len > 0) {
        b.len--;
        hd_buf_z(&b, ",\"id\":");
        hd_jw_str(&b, id);
        hd_buf_char(&b, '}');
    }

    rc = hd_sb_control_send(r, &b);
    hd_buf_free(&b);

    return rc;
}


/* "+254 7", "2547", "2547@c.us": a chat; text has room for 40 bytes */

static void
hd_sb_waha_person(u_char *text, const hd_str_t *from, hd_str_t *out)
{
    size_t  i;

    out->data = text;
    out->len = 0;

    if (from->len > 0
        && ngx_strlchr(from->data, from->data + from->len, '@') != NULL)
    {
        *out = *from;
        return;
    }

    for (i = 0; i < from->len && out->len < 20; i++) {
        if (from->data[i] >= '0' && from->data[i] <= '9') {
            text[out->len++] = from->data[i];
        }
    }

    if (out->len > 0) {
        ngx_memcpy(text + out->len, "@c.us", 5);
        out->len += 5;
    }
}


static const char *
hd_sb_waha_said(hd_sb_number_t *n, hd_sb_session_t *s, const hd_json_t *v,
    u_char *made, hd_str_t *key)
{
    u_char          chat[40], who[40], bytes[9], hex[18];
    hd_str_t        from, group;
    ngx_uint_t      i;
    hd_json_t      *me;
    hd_sb_chat_t    c;
    hd_sb_words_t   w;

    ngx_memzero(&w, sizeof(hd_sb_words_t));

    from = hd_json_str(v, "from");
    group = hd_json_str(v, "group");
    me = hd_json_get(v, "by_phone");

    hd_sb_waha_person(chat, group.len ? &group : &from, &w.chat);

    if (hd_sb_waha_chat(&w.chat, &c) != HD_OK) {
        return "\"from\" must be a phone or a chat, \"group\" a group's id";
    }

    w.mine = me != NULL && me->type == HD_JSON_TRUE;
    w.app = w.mine;

    if (group.len > 0 && !w.mine) {
        hd_sb_waha_person(who, &from, &w.who);
    }

    w.text = hd_json_str(v, "text");
    w.name = hd_json_str(v, "name");
    w.media = hd_json_str(v, "media");
    w.choice = hd_json_str(v, "choice");
    w.reply_to = hd_json_str(v, "reply_to");
    w.key = hd_json_str(v, "key");
    w.at = ngx_time();

    if (w.key.len == 0) {
        hd_sb_new_key(bytes);
        hd_hex(hex, bytes, sizeof(bytes));
        ngx_memcpy(made, "3A", 2);

        for (i = 0; i < sizeof(hex); i++) {
            made[2 + i] = ngx_toupper(hex[i]);
        }

        w.key.data = made;
        w.key.len = 20;
    }

    *key = w.key;
    hd_sb_waha_say(n, s, &w);

    return NULL;
}


static const char *
hd_sb_waha_any(hd_sb_number_t *n, const hd_json_t *v)
{
    char          name[64];
    hd_str_t      event;
    hd_json_t    *payload;
    hd_sb_job_t  *job;

    event = hd_json_str(v, "event");
    payload = hd_json_get(v, "payload");

    if (event.len == 0 || event.len >= sizeof(name) || payload == NULL
        || n->set.sockaddr == NULL)
    {
        return "\"event\" and \"payload\" are expected, and a webhook's "
               "address";
    }

    (void) ngx_cpystrn((u_char *) name, event.data, event.len + 1);

    job = hd_sb_waha_event(n, name);

    if (job != NULL) {
        hd_json_write(&job->body, payload);
        hd_sb_waha_event_end(n, job);
    }

    return NULL;
}


static const char *
hd_sb_waha_verb(hd_sb_session_t *s, const ngx_str_t *verb, const hd_json_t *v,
    u_char *made, hd_str_t *key)
{
    char             name[HD_SB_STATE];
    hd_str_t         phone, state;
    hd_sb_number_t  *n;

    n = hd_sb_session_number(s);

    if (n == NULL) {
        return "the session was deleted";
    }

    if (hd_sb_waha_is(verb, "scan")) {

        if (!hd_sb_session_is(s, "SCAN_QR_CODE")) {
            return "the session shows no QR code";
        }

        phone = hd_json_str(v, "phone");

        if (phone.len > 0 && phone.data[0] == '+') {
            phone.data++;
            phone.len--;
        }

        if (phone.len == 0 || phone.len >= HD_SB_ME) {
            hd_str_set(&phone, "15550100001");
        }

        (void) ngx_cpystrn(s->me, phone.data, phone.len + 1);
        hd_sb_session_move(s, "WORKING");
        return NULL;
    }

    if (hd_sb_waha_is(verb, "logout")) {
        s->me[0] = '\0';
        hd_sb_session_move(s, "FAILED");
        return NULL;
    }

    if (hd_sb_waha_is(verb, "fail")) {
        hd_sb_session_move(s, "FAILED");
        return NULL;
    }

    if (hd_sb_waha_is(verb, "state")) {
        state = hd_json_str(v, "state");

        if (state.len == 0 || state.len >= HD_SB_STATE) {
            return "\"state\" is expected";
        }

        (void) ngx_cpystrn((u_char *) name, state.data, state.len + 1);
        hd_sb_session_move(s, name);
        return NULL;
    }

    if (hd_sb_waha_is(verb, "dead") || hd_sb_waha_is(verb, "alive")) {
        s->dead = (verb->data[0] == 'd');
        return NULL;
    }

    if (hd_sb_waha_is(verb, "say")) {
        return hd_sb_waha_said(n, s, v, made, key);
    }

    return hd_sb_waha_is(verb, "event")
           ? hd_sb_waha_any(n, v)
           : "scan, logout, fail, state, dead, alive, say, event are known";
}


static void
hd_sb_waha_done(ngx_http_request_t *r)
{
    u_char            made[32];
    hd_str_t          key;
    ngx_str_t         body;
    hd_json_t        *v, none;
    const char       *bad;
    hd_sb_target_t   *t;
    hd_sb_session_t  *s;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    ngx_memzero(&none, sizeof(hd_json_t));
    none.type = HD_JSON_OBJECT;
    v = &none;
    hd_str_set(&key, "");

    if (hd_sb_body(r, &body) == NGX_OK && body.len > 0) {
        v = hd_sb_control_body(r);

        if (v == NULL) {
            return;
        }
    }

    s = hd_sb_session_find(&t->id);
    bad = s ? hd_sb_waha_verb(s, &t->edge, v, made, &key)
            : "no such session";

    ngx_http_finalize_request(r, bad ? hd_sb_control_error(r, s ? 400 : 404,
                                                           bad)
                                     : hd_sb_waha_shown(r, s, &key));
    hd_sb_client_pump();
}


ngx_int_t
hd_sb_waha_control(ngx_http_request_t *r, ngx_str_t *path)
{
    hd_str_t          none;
    ngx_str_t         parts[3];
    ngx_uint_t        n;
    hd_sb_target_t   *t;
    hd_sb_session_t  *s;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);
    n = hd_sb_waha_parts(path, parts, 3);

    if (n < 2) {
        return hd_sb_control_error(r, NGX_HTTP_NOT_FOUND, "no such path");
    }

    t->id = parts[1];
    hd_str_set(&none, "");

    if (n == 2) {
        s = hd_sb_session_find(&t->id);

        return s ? hd_sb_waha_shown(r, s, &none)
                 : hd_sb_control_error(r, NGX_HTTP_NOT_FOUND,
                                       "no such session");
    }

    t->edge = parts[2];

    return (r->method & NGX_HTTP_POST) ? hd_sb_waha_body(r, hd_sb_waha_done)
                                       : NGX_HTTP_NOT_ALLOWED;
}

/*
 * waha: the gateway's paths, and what it is given to send.
 *
 *   api/sessions…, api/{s}/auth/…, api/{s}/profile   waha_session.c
 *   POST api/send{Text,Image,…}, PUT api/reaction    a message
 *   POST api/sendSeen, startTyping, stopTyping
 *   GET  api/{s}/chats[/{chat}/messages], groups
 *   POST api/{s}/status/{text,image,voice,video,delete}
 *   GET  api/files/{name}
 */

#include "waha.h"


/* what each message must have besides its session and its chat */
typedef struct {
    const char  *path;
    const char  *member;
    const char  *type;                 /* of the ledger */
    const char  *media;                /* MIME type when it says none */
} hd_sb_send_t;


static const hd_sb_send_t  hd_sb_sends[] = {
    { "sendText", "text", "text", NULL },
    { "sendImage", "file", "image", "image/jpeg" },
    { "sendFile", "file", "document", "application/octet-stream" },
    { "sendVoice", "file", "audio", "audio/ogg" },
    { "sendVideo", "file", "video", "video/mp4" },
    { "sendList", "message", "list", NULL },
    { "sendPoll", "poll", "poll", NULL },
    { "sendLocation", "latitude", "location", NULL },
    { "sendContactVcard", "contacts", "contacts", NULL },
    { NULL, NULL, NULL, NULL }
};


int
hd_sb_waha_is(const ngx_str_t *s, const char *z)
{
    return s->len == strlen(z) && ngx_memcmp(s->data, z, s->len) == 0;
}


ngx_uint_t
hd_sb_waha_parts(ngx_str_t *path, ngx_str_t *parts, ngx_uint_t max)
{
    u_char      *p, *last, *end;
    ngx_uint_t   n;

    p = path->data;
    last = p + path->len;

    for (n = 0; p < last && n < max; n++) {
        end = ngx_strlchr(p, last, '/');

        if (end == NULL) {
            end = last;
        }

        parts[n].data = p;
        parts[n].len = end - p;
        p = end + 1;
    }

    return n;
}


ngx_int_t
hd_sb_waha_send(ngx_http_request_t *r, ngx_uint_t status, hd_buf_t *b)
{
    hd_mem_t   mem;
    hd_str_t   text;
    ngx_str_t  body;

    mem = hd_sb_mem(r->pool);
    text.data = b->data;
    text.len = b->len;

    if (b->failed || hd_str_dup(&mem, &text, (hd_str_t *) &body) != HD_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return hd_sb_answer_now(r, status, &body);
}


void
hd_sb_waha_error_body(hd_buf_t *b, ngx_uint_t status, const char *message)
{
    hd_buf_z(b, "{\"statusCode\":");
    hd_buf_int(b, status);
    hd_buf_z(b, ",\"message\":");
    hd_jw_z(b, message);
    hd_buf_z(b, status == 401 ? "}"
                : status == 404 ? ",\"error\":\"Not Found\"}"
                : ",\"error\":\"Unprocessable Entity\"}");
}


ngx_int_t
hd_sb_waha_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *message)
{
    hd_buf_t   b;
    ngx_int_t  rc;

    hd_buf_init(&b);
    hd_sb_waha_error_body(&b, status, message);
    rc = hd_sb_waha_send(r, status, &b);
    hd_buf_free(&b);

    return rc;
}


ngx_int_t
hd_sb_waha_body(ngx_http_request_t *r, ngx_http_client_body_handler_pt post)
{
    ngx_int_t  rc;

    if (r->headers_in.content_length_n > HD_SB_BODY_MAX) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    r->request_body_in_single_buf = 1;
    rc = ngx_http_read_client_request_body(r, post);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


int
hd_sb_waha_chat(const hd_str_t *text, hd_sb_chat_t *chat)
{
    size_t    i;
    hd_str_t  rest;

    chat->text = *text;
    chat->digits.data = text->data;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') {
            break;
        }
    }

    chat->digits.len = i;
    rest.data = text->data + i;
    rest.len = text->len - i;

    if (i == 0 || i > 19) {
        return HD_ERROR;
    }

    chat->kind = hd_str_eq(&rest, "@g.us") ? HD_SB_GROUP
                 : hd_str_eq(&rest, "@lid") ? HD_SB_LID : HD_SB_PERSON;

    return (chat->kind != HD_SB_PERSON || hd_str_eq(&rest, "@c.us"))
           ? HD_OK : HD_ERROR;
}


/* ── the key of the server ── */

static ngx_int_t
hd_sb_waha_authorized(ngx_http_request_t *r, hd_sb_number_t *n)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {
        if (i >= part->nelts) {
            if (part->next == NULL) {
                return 0;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == 9
            && ngx_strncmp(h[i].lowcase_key, "x-api-key", 9) == 0)
        {
            return h[i].value.len > 0
                   && (n == NULL || n->set.token.len == 0
                       || (n->set.token.len == h[i].value.len
                           && hd_equal_ct(n->set.token.data, h[i].value.data,
                                          h[i].value.len)));
        }
    }
}


/* ── messages ── */

/* our own form of the reference that a key holds: "h1." + base64url */

static void
hd_sb_waha_reference(const hd_str_t *key, u_char *text, hd_str_t *out)
{
    u_char  raw[20];

    out->data = text;
    out->len = 0;

    if (key->len == 44 && hd_unhex(raw, key->data + 4, 40) == HD_OK) {
        ngx_memcpy(text, "h1.", 3);
        out->len = 3 + hd_base64url(text + 3, raw, sizeof(raw));
    }
}


static const hd_sb_send_t *
hd_sb_waha_find(const hd_sb_target_t *t)
{
    const hd_sb_send_t  *send;

    for (send = hd_sb_sends; send->path != NULL; send++) {
        if (hd_sb_waha_is(&t->edge, send->path)) {
            return send;
        }
    }

    return NULL;
}


/* the words of a body; NULL, or what the gateway says is wrong with it */

static const char *
hd_sb_waha_parse(const hd_sb_send_t *send, const hd_json_t *v,
    hd_sb_words_t *w, hd_sb_chat_t *chat)
{
    hd_str_t    s;
    hd_json_t  *m;

    ngx_memzero(w, sizeof(hd_sb_words_t));

    s = hd_json_str(v, "chatId");

    if (hd_sb_waha_chat(&s, chat) != HD_OK) {
        return "chatId must be a string like 123456@c.us";
    }

    m = hd_json_get(v, send->member);

    if (m == NULL || m->type == HD_JSON_NULL) {
        return "a property that is required is missing";
    }

    w->chat = chat->text;
    w->mine = 1;
    w->at = ngx_time();
    w->key = hd_json_str(v, "id");
    w->reply_to = hd_json_str(v, "reply_to");
    w->text = hd_json_str(v, "text");

    if (send->media != NULL) {
        w->text = hd_json_str(v, "caption");
        w->media = hd_json_str(m, "mimetype");
        s = hd_json_str(m, "url");

        if (w->media.len == 0) {
            return "file.mimetype must be a string";
        }

        if (s.len == 0 && hd_json_get(m, "data") == NULL) {
            return "file.url or file.data is expected";
        }
    }

    if (m->type == HD_JSON_OBJECT && send->media == NULL) {
        w->text = hd_json_str(m, m->child && hd_json_get(m, "name")
                                 ? "name" : "title");
    }

    return NULL;
}


/* taken: its receipts will come */

static void
hd_sb_waha_take(hd_sb_target_t *t, hd_sb_session_t *s, hd_sb_words_t *w,
    hd_sb_chat_t *chat, ngx_uint_t delay)
{
    ngx_uint_t       i;
    hd_sb_number_t  *n;
    hd_sb_record_t  *rec;

    n = t->number;

    hd_sb_waha_say(n, s, w);

    (void) ngx_atomic_fetch_add(&n->node->accepted, 1);

    if (n->set.sockaddr == NULL || s->dead) {
        return;
    }

    rec = hd_sb_record_create(n, &chat->digits, &w->key);
    if (rec == NULL) {
        return;
    }

    rec->category = chat->kind;

    for (i = 0; i < n->set.nfailures; i++) {
        if (n->set.failures[i].by_status
            && hd_sb_random() < n->set.failures[i].rate)
        {
            rec->code = (int32_t) n->set.failures[i].code;
        }
    }

    hd_sb_record_plan(rec, delay, HD_SB_PLAN_USUAL);
}


/* the verdict into the answer and the ledger */

static void
hd_sb_waha_message(ngx_http_request_t *r, hd_sb_session_t *s,
    const hd_sb_send_t *send, const hd_json_t *v, hd_sb_answer_t *a)
{
    u_char           key[9], hex[18], made[22], ref[40];
    hd_buf_t         b;
    hd_mem_t         mem;
    hd_str_t         text;
    ngx_uint_t       i;
    const char      *bad;
    hd_sb_chat_t     chat;
    hd_sb_entry_t    e;
    hd_sb_words_t    w;
    hd_sb_target_t  *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);
    ngx_memzero(&e, sizeof(hd_sb_entry_t));
    hd_buf_init(&b);

    bad = hd_sb_waha_parse(send, v, &w, &chat);

    if (w.key.len == 0) {
        hd_sb_new_key(key);
        hd_hex(hex, key, sizeof(key));

        for (i = 0; i < sizeof(hex); i++) {
            made[4 + i] = ngx_toupper(hex[i]);
        }

        ngx_memcpy(made, "3EB0", 4);
        w.key.data = made;
        w.key.len = sizeof(made);
    }

    e.body = (hd_json_t *) v;
    e.to = bad ? w.chat : chat.digits;
    e.type.data = (u_char *) send->type;
    e.type.len = strlen(send->type);
    e.fault = t->faulty ? hd_sb_fault_name(t->fault.kind) : NULL;
    hd_sb_waha_reference(&w.key, ref, &e.reference);

    a->status = NGX_HTTP_CREATED;

    if (bad != NULL) {
        a->status = 422;
        hd_sb_waha_error_body(&b, 422, bad);

    } else if (!hd_sb_session_is(s, "WORKING")) {
        a->status = 422;
        hd_buf_printf(&b, "{\"error\":\"Session status is not as expected. Try"
                      " again later or restart the session\",\"session\":"
                      "\"%.*s\",\"status\":\"%s\",\"expected\":[\"WORKING\"]"
                      "}", (int) t->id.len, t->id.data, s->state);

    } else if (hd_sb_rule_rate(t->number, &t->mono_us) != HD_OK) {
        a->status = NGX_HTTP_TOO_MANY_REQUESTS;
        a->retry_after = 1;
        hd_sb_waha_error_body(&b, 429, "Too Many Requests");

    } else {
        e.wamid = w.key;
        e.outcome = "accepted";
        hd_sb_waha_words(&b, s, &w);

        if ((t->faulty && t->fault.kind == HD_SB_FAULT_RESET)
            || hd_sb_random() < t->number->set.unknown_rate)
        {
            e.outcome = "reset";
            a->what = HD_SB_DO_RESET;
        }

        hd_sb_waha_take(t, s, &w, &chat, a->delay);
    }

    if (e.outcome == NULL) {
        e.outcome = "rejected";
        e.code = a->status;
        (void) ngx_atomic_fetch_add(&t->number->node->rejected, 1);
    }

    hd_sb_ledger_add(t, &e);

    text.data = b.data;
    text.len = b.len;
    mem = hd_sb_mem(r->pool);

    if (b.failed || hd_str_dup(&mem, &text, (hd_str_t *) &a->body) != HD_OK) {
        a->status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    hd_buf_free(&b);
}


static void
hd_sb_waha_sent(ngx_http_request_t *r)
{
    hd_str_t             name;
    hd_json_t           *v;
    hd_sb_answer_t      *a;
    hd_sb_target_t      *t;
    hd_sb_session_t     *s;
    const hd_sb_send_t  *send;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    v = hd_sb_control_body(r);
    if (v == NULL) {
        return;
    }

    name = hd_json_str(v, "session");
    t->id.data = name.data;
    t->id.len = name.len;
    s = hd_sb_session_find(&t->id);
    t->number = s ? hd_sb_session_number(s) : NULL;

    if (t->number == NULL) {
        ngx_http_finalize_request(r, hd_sb_waha_error(r, 404,
                                                      "Session not found"));
        return;
    }

    if (!hd_sb_waha_authorized(r, t->number)) {
        ngx_http_finalize_request(r, hd_sb_waha_error(r, 401,
                                                      "Unauthorized"));
        return;
    }

    (void) ngx_atomic_fetch_add(&t->number->node->requests, 1);

    a = ngx_pcalloc(r->pool, sizeof(hd_sb_answer_t));
    if (a == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    send = hd_sb_waha_find(t);
    a->delay = hd_sb_pick(&t->number->set.latency[HD_SB_ANSWER]);
    t->faulty = t->number->set.nfaults > 0
                && hd_sb_fault_pick(t->number, &t->fault);

    if (t->faulty && !t->fault.taken) {
        hd_sb_fault_apply(&t->fault, a);

    } else if (send == NULL) {
        /* seen, typing, a reaction: nothing that arrives anywhere */
        a->status = hd_sb_waha_is(&t->edge, "reaction") ? 200 : 201;
        ngx_str_set(&a->body, "{\"success\":true}");

    } else {
        hd_sb_waha_message(r, s, send, v, a);

        if (t->faulty) {
            hd_sb_fault_apply(&t->fault, a);
        }
    }

    hd_sb_answer_later(r, a);
    hd_sb_client_pump();
}


ngx_int_t
hd_sb_waha(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_int_t         rc;
    ngx_str_t         parts[6];
    ngx_uint_t        n;
    hd_sb_target_t   *t;
    hd_sb_session_t  *s;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);
    n = hd_sb_waha_parts(path, parts, 6);

    if (n < 2) {
        return hd_sb_waha_error(r, 404, "Cannot find this path");
    }

    /* a message says its session in its body */

    if (n == 2 && !hd_sb_waha_is(&parts[1], "sessions")) {

        if (!hd_sb_waha_authorized(r, NULL)) {
            return hd_sb_waha_error(r, 401, "Unauthorized");
        }

        t->edge = parts[1];

        if (!(r->method & (NGX_HTTP_POST|NGX_HTTP_PUT))
            || (hd_sb_waha_find(t) == NULL
                && !hd_sb_waha_is(&t->edge, "reaction")
                && !hd_sb_waha_is(&t->edge, "sendSeen")
                && !hd_sb_waha_is(&t->edge, "startTyping")
                && !hd_sb_waha_is(&t->edge, "stopTyping")))
        {
            return hd_sb_waha_error(r, 404, "Cannot find this path");
        }

        return hd_sb_waha_body(r, hd_sb_waha_sent);
    }

    if (n > 2) {
        t->id = hd_sb_waha_is(&parts[1], "sessions") ? parts[2] : parts[1];
        t->number = hd_sb_number_find(&t->id);
    }

    if (!hd_sb_waha_authorized(r, t->number)) {
        return hd_sb_waha_error(r, 401, "Unauthorized");
    }

    if (n == 3 && hd_sb_waha_is(&parts[1], "files")) {
        return hd_sb_waha_file(r);
    }

    rc = hd_sb_session_request(r, parts, n);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    s = hd_sb_session_find(&t->id);

    if (s == NULL || t->number == NULL) {
        return hd_sb_waha_error(r, 404, "Session not found");
    }

    if (r->method & NGX_HTTP_POST) {

        if (n != 4 || !hd_sb_waha_is(&parts[2], "status")) {
            return hd_sb_waha_error(r, 404, "Cannot POST this path");
        }

        t->edge = parts[3];
        return hd_sb_waha_body(r, hd_sb_waha_story);
    }

    return hd_sb_waha_read(r, s, parts, n);
}

/*
 * The ledger: what the provider was given, one JSON line each, for tests that
 * compare it with what Herald says it sent.  Lines gather during a loop turn
 * and are written whole, by one write(2) to a file opened for appending, so
 * that the lines of several workers never mix.
 */

#include "sandbox.h"


static void hd_sb_ledger_content(hd_buf_t *b, const hd_json_t *body);


/* what most lines have not */

static void
hd_sb_ledger_rare(hd_buf_t *b, hd_sb_target_t *t, const hd_sb_entry_t *e)
{
    if (t->number->set.portfolio.len > 0) {
        hd_buf_z(b, ",\"portfolio\":");
        hd_jw_str(b, &t->number->set.portfolio);
    }

    if (e->fails != 0) {
        hd_buf_z(b, ",\"fails\":");
        hd_buf_int(b, e->fails);
    }

    if (e->fault != NULL) {
        hd_buf_printf(b, ",\"fault\":\"%s\"", e->fault);
    }

    if (hd_sb.sh->shift != 0) {
        hd_buf_z(b, ",\"shift_s\":");
        hd_buf_int(b, (int64_t) hd_sb.sh->shift);
    }
}


void
hd_sb_ledger_add(hd_sb_target_t *t, const hd_sb_entry_t *e)
{
    hd_buf_t  *b;
    hd_str_t   id;

    if (hd_sb.conf->ledger == NULL) {
        return;
    }

    b = &hd_sb.ledger;
    id.data = t->id.data;
    id.len = t->id.len;

    hd_buf_z(b, "{\"at\":");
    hd_buf_int(b, (int64_t) t->at.tv_sec * 1000000 + t->at.tv_nsec / 1000);
    hd_buf_z(b, ",\"mono_us\":");
    hd_buf_int(b, t->mono_us);
    hd_buf_z(b, ",\"phone_number_id\":");
    hd_jw_str(b, &id);
    hd_buf_z(b, ",\"to\":");
    hd_jw_str(b, &e->to);
    hd_buf_z(b, ",\"type\":");
    hd_jw_str(b, &e->type);
    hd_buf_z(b, ",\"reference\":");
    hd_jw_str(b, &e->reference);
    hd_buf_z(b, ",\"wamid\":");
    hd_jw_str(b, &e->wamid);
    hd_buf_z(b, ",\"outcome\":\"");
    hd_buf_z(b, e->outcome);
    hd_buf_z(b, "\",\"code\":");
    hd_buf_int(b, e->code);

    if (e->category != NULL) {
        hd_buf_z(b, ",\"category\":\"");
        hd_buf_z(b, e->category);
        hd_buf_z(b, e->in_window ? "\",\"in_window\":true"
                                 : "\",\"in_window\":false");
    }

    hd_sb_ledger_rare(b, t, e);

    if (e->body != NULL) {
        hd_sb_ledger_content(b, e->body);
    }

    hd_buf_z(b, "}\n");
}


void
hd_sb_ledger_inbound(hd_sb_number_t *n, const hd_str_t *from,
    const hd_str_t *wamid, int64_t mono_us)
{
    hd_sb_entry_t   e;
    hd_sb_target_t  t;

    ngx_memzero(&t, sizeof(hd_sb_target_t));
    ngx_memzero(&e, sizeof(hd_sb_entry_t));

    clock_gettime(CLOCK_REALTIME, &t.at);

    t.mono_us = mono_us;
    t.id.data = n->node->id;
    t.id.len = n->node->id_len;
    t.number = n;

    e.to = *from;
    e.wamid = *wamid;
    e.outcome = "inbound";
    hd_str_set(&e.type, "inbound");

    hd_sb_ledger_add(&t, &e);
    hd_sb_ledger_flush();
}


void
hd_sb_ledger_read(hd_sb_target_t *t, const hd_json_t *body)
{
    hd_sb_entry_t  e;

    ngx_memzero(&e, sizeof(hd_sb_entry_t));

    e.wamid = hd_json_str(body, "message_id");
    e.outcome = "seen";
    hd_str_set(&e.type, "read");
    hd_str_set(&e.to, "");
    hd_str_set(&e.reference, "");

    if (hd_json_get(body, "typing_indicator") != NULL) {
        hd_str_set(&e.type, "typing");
    }

    hd_sb_ledger_add(t, &e);
}


hd_json_t *
hd_sb_component(const hd_json_t *tmpl, const char *type)
{
    hd_str_t    name;
    hd_json_t  *c;

    c = hd_json_get(tmpl, "components");

    if (c == NULL || c->type != HD_JSON_ARRAY) {
        return NULL;
    }

    for (c = c->child; c != NULL; c = c->next) {
        name = hd_json_str(c, "type");

        if (name.len == strlen(type)
            && ngx_strncasecmp(name.data, (u_char *) type, name.len) == 0)
        {
            return c;
        }
    }

    return NULL;
}


static void
hd_sb_ledger_params(hd_buf_t *b, const char *key, const hd_json_t *component)
{
    hd_str_t    text;
    hd_json_t  *p;

    hd_buf_printf(b, ",\"%s\":[", key);

    p = hd_json_get(component, "parameters");
    p = (p != NULL && p->type == HD_JSON_ARRAY) ? p->child : NULL;

    for ( /* void */ ; p != NULL; p = p->next) {
        text = hd_json_str(p, "text");
        hd_jw_str(b, &text);

        if (p->next != NULL) {
            hd_buf_char(b, ',');
        }
    }

    hd_buf_char(b, ']');
}


static void
hd_sb_ledger_part(hd_buf_t *b, const char *key, const hd_json_t *v)
{
    if (v != NULL) {
        hd_buf_printf(b, ",\"%s\":", key);
        hd_json_write(b, v);
    }
}


static void
hd_sb_ledger_content(hd_buf_t *b, const hd_json_t *body)
{
    size_t      i;
    hd_str_t    text;
    hd_json_t  *v, *header;

    /* the types that are kept whole, under their names */
    static const char  *wholes[] = {
        "image", "video", "audio", "document", "sticker", "location",
        "contacts", "reaction", "interactive",
        "variables", "link"            /* Twilio's */
    };

    v = hd_json_get(body, "template");

    if (v != NULL) {
        hd_buf_z(b, ",\"template\":");
        text = hd_json_str(v, "name");
        hd_jw_str(b, &text);
        hd_buf_z(b, ",\"language\":");
        text = hd_json_str(hd_json_get(v, "language"), "code");
        hd_jw_str(b, &text);

        header = hd_sb_component(v, "header");
        if (header != NULL) {
            hd_sb_ledger_params(b, "header_params", header);
        }

        hd_sb_ledger_params(b, "params", hd_sb_component(v, "body"));

        if (hd_sb_component(v, "button") != NULL
            || (header != NULL
                && hd_json_path(header, "parameters.0.text") == NULL))
        {
            hd_sb_ledger_part(b, "components", hd_json_get(v, "components"));
        }
    }

    v = hd_json_get(body, "text");

    if (v != NULL) {
        hd_buf_z(b, ",\"text\":");
        text = (v->type == HD_JSON_STRING) ? v->str : hd_json_str(v, "body");
        hd_jw_str(b, &text);
    }

    for (i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++) {
        hd_sb_ledger_part(b, wholes[i], hd_json_get(body, wholes[i]));
    }

    v = hd_json_get(body, "context");

    if (v != NULL) {
        hd_buf_z(b, ",\"context_id\":");
        text = hd_json_str(v, "message_id");
        hd_jw_str(b, &text);
    }
}


void
hd_sb_ledger_flush(void)
{
    u_char     *p;
    size_t      rest;
    ssize_t     n;
    ngx_fd_t    fd;
    hd_buf_t   *b;

    b = &hd_sb.ledger;

    if (b->failed) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "sandbox: no memory for the ledger, lines were lost");
        hd_buf_free(b);
        hd_buf_init(b);
        return;
    }

    if (b->len == 0) {
        return;
    }

    fd = hd_sb.conf->ledger->fd;
    p = b->data;

    for (rest = b->len; rest > 0; rest -= n, p += n) {
        n = ngx_write_fd(fd, p, rest);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, ngx_errno,
                          "sandbox: write to the ledger failed");
            break;
        }
    }

    hd_buf_reset(b);

    if (hd_sb.conf->ledger_fsync && fdatasync(fd) == -1) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, ngx_errno,
                      "sandbox: fdatasync of the ledger failed");
    }
}

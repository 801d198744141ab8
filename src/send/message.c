/*
 * A row as its provider is given it.
 */

#include "private.h"


static const char *
hd_message_format(const hd_str_t *format)
{
    return hd_str_eq(format, "image") ? "image"
           : hd_str_eq(format, "video") ? "video"
           : hd_str_eq(format, "document") ? "document" : NULL;
}


static const char *
hd_message_sub_type(const hd_str_t *s)
{
    size_t  i;

    static const char *const  types[] = {
        "url", "quick_reply", "copy_code", "flow", "catalog", "mpm", "otp"
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (s->len == ngx_strlen(types[i])
            && ngx_memcmp(s->data, types[i], s->len) == 0)
        {
            return types[i];
        }
    }

    return NULL;
}


static void
hd_message_buttons(hd_mem_t *mem, const hd_json_t *a, hd_message_t *m)
{
    int64_t           n;
    hd_str_t          s;
    const hd_json_t  *e;

    if (a == NULL || a->type != HD_JSON_ARRAY || a->count == 0) {
        return;
    }

    m->buttons = hd_calloc(mem, a->count * sizeof(hd_button_value_t));
    if (m->buttons == NULL) {
        return;
    }

    for (e = a->child; e; e = e->next) {
        s = hd_json_str(e, "sub_type");

        if (hd_message_sub_type(&s) == NULL
            || hd_json_get(e, "index") == NULL
            || hd_json_int(hd_json_get(e, "index"), &n) != HD_OK)
        {
            continue;
        }

        m->buttons[m->nbuttons].index = (unsigned) n;
        m->buttons[m->nbuttons].sub_type = hd_message_sub_type(&s);
        m->buttons[m->nbuttons].value = hd_json_str(e, "value");
        m->nbuttons++;
    }
}


/* a single message's template was rendered when it was asked for */
static void
hd_message_rendered(hd_mem_t *mem, hd_json_t *t, hd_message_t *m)
{
    size_t      i, n;
    hd_str_t   *list, format;
    hd_json_t  *a, *e;

    static const char *const  names[] = {
        "header", "header_names", "params", "names"
    };

    m->type = HD_MESSAGE_TEMPLATE;
    m->template_name = hd_json_str(t, "name");
    m->language = hd_json_str(t, "language");

    for (n = 0; n < 4; n++) {
        a = hd_json_get(t, names[n]);

        if (a == NULL || a->type != HD_JSON_ARRAY || a->count == 0) {
            continue;
        }

        list = hd_calloc(mem, a->count * sizeof(hd_str_t));
        if (list == NULL) {
            return;
        }

        for (e = a->child, i = 0; e; e = e->next, i++) {
            list[i] = e->str;
        }

        switch (n) {

        case 0:
            m->header_params = list;
            m->nheader = i;
            break;

        case 1:
            m->header_names = list;
            break;

        case 2:
            m->params = list;
            m->nparams = i;
            break;

        default:
            m->param_names = list;
        }
    }

    format = hd_json_str(t, "header_format");
    m->header_format = hd_message_format(&format);

    hd_message_buttons(mem, hd_json_get(t, "buttons"), m);
}


static ngx_uint_t
hd_message_positional(const hd_str_t *name)
{
    return ngx_atoi(name->data, name->len) != NGX_ERROR;
}


static void
hd_message_words(hd_row_t *row, hd_message_t *m)
{
    hd_words_t  *w;

    w = row->words;

    m->type = HD_MESSAGE_TEMPLATE;
    m->template_name = w->template_name;
    m->template_id = w->provider_id;
    m->language = w->language;
    m->params = row->params;
    m->nparams = w->nnames;
    m->header_params = row->header_params;
    m->nheader = w->nheader;
    m->header_format = w->header_format;
    m->buttons = row->buttons;
    m->nbuttons = row->nbuttons;
    m->body = row->sent.len ? row->sent : row->text;

    if (w->header_format) {
        /* its header's text is only what people read */
        m->nheader = 0;
    }

    if (w->nnames && !hd_message_positional(&w->names[0])) {
        m->param_names = w->names;
    }

    if (w->nheader && !hd_message_positional(&w->header_names[0])) {
        m->header_names = w->header_names;
    }
}


void
hd_send_message(hd_row_t *row, hd_mem_t *mem, hd_message_t *m)
{
    hd_json_t     *t;
    hd_words_t    *w;
    hd_content_t  *c;

    w = row->words;
    c = &row->job->content;

    /* a user id ("KE.13491208655302741918") is no phone and no chat */
    if (row->phone.len && row->phone.data[0] != '+'
        && ngx_strlchr(row->phone.data, row->phone.data + row->phone.len, '@')
           == NULL)
    {
        m->to_user_id = row->phone;

    } else {
        m->to = row->phone;
    }

    m->media = hd_media_of(row)->ref;

    if (!c->single) {
        hd_message_words(row, m);
        return;
    }

    m->reply_to = c->reply_to;
    t = row->fallback ? c->fallback : c->payload;

    if (t) {
        hd_message_rendered(mem, t, m);

        m->template_id = row->fallback ? m->template_id : w->provider_id;
        m->body = hd_json_str(t, "sent");

        if (m->body.len == 0) {
            m->body = row->fallback ? hd_json_str(t, "text") : w->body;
        }

        return;
    }

    m->type = c->type;
    m->content = c->content;
    m->body = c->sent.len ? c->sent : w->body;
}

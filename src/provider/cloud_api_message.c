/*
 * cloud_api_message: the request for one message, of every type.
 *
 * Text and templates come in members of their own; the other types come as
 * `content`, which was checked against Meta's limits when it was taken.  What
 * of it is in Meta's words already (interactive, contacts) is passed on as it
 * is, but for files: Meta knows them by an id or an address, m->media.
 */

#include "cloud_api.h"


void
hd_cloud_api_member(hd_buf_t *b, const char *name, const hd_str_t *value)
{
    hd_jw_z(b, name);
    hd_buf_char(b, ':');
    hd_jw_str(b, value);
}


/* {"id": …} or {"link": …}, left open for what follows */
static void
hd_cloud_api_file(hd_buf_t *b, const hd_media_ref_t *media)
{
    hd_buf_char(b, '{');

    if (media->id.len != 0) {
        hd_cloud_api_member(b, "id", &media->id);

    } else {
        hd_cloud_api_member(b, "link", &media->link);
    }
}


/* the member, if it holds a text */
static void
hd_cloud_api_optional(hd_buf_t *b, const char *name, const hd_str_t *value)
{
    if (value->len != 0) {
        hd_buf_char(b, ',');
        hd_cloud_api_member(b, name, value);
    }
}


static void
hd_cloud_api_media(hd_buf_t *b, const hd_message_t *m, const char *type)
{
    hd_str_t    s;
    hd_json_t  *voice;

    hd_buf_printf(b, "\"type\":\"%s\",\"%s\":", type, type);
    hd_cloud_api_file(b, &m->media);

    if (m->type != HD_MESSAGE_AUDIO && m->type != HD_MESSAGE_STICKER) {
        s = hd_json_str(m->content, "caption");
        hd_cloud_api_optional(b, "caption", &s);
    }

    if (m->type == HD_MESSAGE_DOCUMENT) {
        s = hd_json_str(m->content, "filename");
        hd_cloud_api_optional(b, "filename",
                              s.len != 0 ? &s : &m->media.filename);
    }

    voice = hd_json_get(m->content, "voice");

    if (m->type == HD_MESSAGE_AUDIO && voice && voice->type == HD_JSON_TRUE) {
        hd_buf_z(b, ",\"voice\":true");
    }

    hd_buf_char(b, '}');
}


static void
hd_cloud_api_location(hd_buf_t *b, const hd_json_t *v)
{
    size_t      i;
    hd_str_t    s;
    hd_json_t  *n;

    static const char  *numbers[] = { "latitude", "longitude" };

    hd_buf_char(b, '{');

    for (i = 0; i < 2; i++) {
        n = hd_json_get(v, numbers[i]);

        hd_buf_z(b, i == 0 ? "" : ",");
        hd_jw_z(b, numbers[i]);
        hd_buf_char(b, ':');

        if (n != NULL && (n->type == HD_JSON_NUMBER
                          || n->type == HD_JSON_STRING))
        {
            hd_json_write(b, n);

        } else {
            hd_buf_char(b, '0');
        }
    }

    s = hd_json_str(v, "name");
    hd_cloud_api_optional(b, "name", &s);

    s = hd_json_str(v, "address");
    hd_cloud_api_optional(b, "address", &s);

    hd_buf_char(b, '}');
}


/* interactive */

static int
hd_cloud_api_is_media(const hd_str_t *type)
{
    return hd_str_eq(type, "image") || hd_str_eq(type, "video")
           || hd_str_eq(type, "document");
}


static void
hd_cloud_api_key(hd_buf_t *b, const hd_json_t *v)
{
    hd_jw_str(b, &v->key);
    hd_buf_char(b, ':');
}


/* a header whose file is ours: its place is taken by what Meta calls it */
static void
hd_cloud_api_header_file(hd_buf_t *b, const hd_message_t *m,
    const hd_str_t *type)
{
    hd_buf_char(b, '{');
    hd_cloud_api_member(b, "type", type);
    hd_buf_char(b, ',');
    hd_jw_str(b, type);
    hd_buf_char(b, ':');
    hd_cloud_api_file(b, &m->media);

    if (hd_str_eq(type, "document")) {
        hd_cloud_api_optional(b, "filename", &m->media.filename);
    }

    hd_buf_z(b, "}}");
}


static void
hd_cloud_api_interactive(hd_buf_t *b, const hd_message_t *m)
{
    hd_str_t    type;
    hd_json_t  *v, *interactive;

    interactive = hd_json_get(m->content, "interactive");

    hd_buf_z(b, "\"type\":\"interactive\",\"interactive\":{");

    for (v = (interactive != NULL) ? interactive->child : NULL; v != NULL;
         v = v->next)
    {
        if (v != interactive->child) {
            hd_buf_char(b, ',');
        }

        hd_cloud_api_key(b, v);

        type = hd_json_str(v, "type");

        if (hd_str_eq(&v->key, "header") && hd_cloud_api_is_media(&type)
            && (m->media.id.len != 0 || m->media.link.len != 0))
        {
            hd_cloud_api_header_file(b, m, &type);

        } else {
            hd_json_write(b, v);
        }
    }

    hd_buf_char(b, '}');
}


/* templates */

void
hd_cloud_api_variable(hd_buf_t *b, const hd_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        hd_buf_char(b, name->data[i] == '.' ? '_' : name->data[i]);
    }
}


static void
hd_cloud_api_component(hd_buf_t *b, const char *type, const hd_str_t *values,
    const hd_str_t *names, size_t n)
{
    size_t  i;

    hd_buf_printf(b, "{\"type\":\"%s\",\"parameters\":[", type);

    for (i = 0; i < n; i++) {

        if (i != 0) {
            hd_buf_char(b, ',');
        }

        hd_buf_z(b, "{\"type\":\"text\",");

        if (names != NULL) {
            /* [a-z0-9_.], so nothing in it needs an escape */
            hd_buf_z(b, "\"parameter_name\":\"");
            hd_cloud_api_variable(b, &names[i]);
            hd_buf_z(b, "\",");
        }

        hd_cloud_api_member(b, "text", &values[i]);
        hd_buf_char(b, '}');
    }

    hd_buf_z(b, "]}");
}


static void
hd_cloud_api_header(hd_buf_t *b, const hd_message_t *m)
{
    hd_str_t  type;

    type.data = (unsigned char *) m->header_format;
    type.len = strlen(m->header_format);

    hd_buf_z(b, "{\"type\":\"header\",\"parameters\":[");

    if (hd_str_eq(&type, "location")) {
        hd_buf_z(b, "{\"type\":\"location\",\"location\":");
        hd_cloud_api_location(b, hd_json_get(m->content, "location"));
        hd_buf_char(b, '}');

    } else {
        hd_cloud_api_header_file(b, m, &type);
    }

    hd_buf_z(b, "]}");
}


/* what a button's value is a value of */
static void
hd_cloud_api_button(hd_mem_t *mem, hd_buf_t *b,
    const hd_button_value_t *button)
{
    size_t       i;
    hd_json_t   *action;
    const char  *sub_type;

    static const struct {
        const char  *sub_type;
        const char  *as;                 /* NULL: the same word */
        const char  *before, *after;
    } kinds[] = {
        { "url", NULL, "{\"type\":\"text\",\"text\":", "}" },
        { "otp", "url", "{\"type\":\"text\",\"text\":", "}" },
        { "quick_reply", NULL, "{\"type\":\"payload\",\"payload\":", "}" },
        { "copy_code", NULL,
          "{\"type\":\"coupon_code\",\"coupon_code\":", "}" },
        { "flow", NULL,
          "{\"type\":\"action\",\"action\":{\"flow_token\":", "}}" },
        { "catalog", NULL, "{\"type\":\"action\",\"action\":"
          "{\"thumbnail_product_retailer_id\":", "}}" },
        { "mpm", NULL, "{\"type\":\"action\",\"action\":"
          "{\"thumbnail_product_retailer_id\":", "}}" }
    };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]) - 1; i++) {
        if (strcmp(kinds[i].sub_type, button->sub_type) == 0) {
            break;
        }
    }

    sub_type = kinds[i].as ? kinds[i].as : kinds[i].sub_type;

    hd_buf_printf(b, "{\"type\":\"button\",\"sub_type\":\"%s\","
                  "\"index\":\"%u\",\"parameters\":[",
                  sub_type, button->index);

    /* products come as the whole action, a flow may have data too */
    action = NULL;

    if (button->value.len != 0 && button->value.data[0] == '{'
        && kinds[i].after[1] != '\0')
    {
        action = hd_json_parse(mem, button->value.data, button->value.len, 16,
                               NULL);
    }

    if (action != NULL) {
        hd_buf_z(b, "{\"type\":\"action\",\"action\":");
        hd_json_write(b, action);
        hd_buf_char(b, '}');

    } else {
        hd_buf_z(b, kinds[i].before);
        hd_jw_str(b, &button->value);
        hd_buf_z(b, kinds[i].after);
    }

    hd_buf_z(b, "]}");
}


static void
hd_cloud_api_template(hd_mem_t *mem, hd_buf_t *b, const hd_message_t *m)
{
    int          file;
    size_t       i;
    hd_json_t   *v;
    const char  *comma = "";

    hd_buf_z(b, "\"type\":\"template\",\"template\":{");
    hd_cloud_api_member(b, "name", &m->template_name);
    hd_buf_z(b, ",\"language\":{\"policy\":\"deterministic\",");
    hd_cloud_api_member(b, "code", &m->language);
    hd_buf_z(b, "},\"components\":[");

    file = (m->header_format != NULL && strcmp(m->header_format, "text") != 0);

    if (file) {
        hd_cloud_api_header(b, m);
        comma = ",";

    } else if (m->nheader != 0) {
        hd_cloud_api_component(b, "header", m->header_params, m->header_names,
                               m->nheader);
        comma = ",";
    }

    if (m->nparams != 0) {
        hd_buf_z(b, comma);
        hd_cloud_api_component(b, "body", m->params, m->param_names,
                               m->nparams);
        comma = ",";
    }

    for (i = 0; i < m->nbuttons; i++) {
        hd_buf_z(b, comma);
        hd_cloud_api_button(mem, b, &m->buttons[i]);
        comma = ",";
    }

    v = hd_json_get(m->content, "components");

    for (v = (v != NULL) ? v->child : NULL; v != NULL; v = v->next) {
        hd_buf_z(b, comma);
        hd_json_write(b, v);
        comma = ",";
    }

    /* nothing to fill in: the member goes, as Meta writes it itself */
    if (*comma == '\0' && !b->failed) {
        b->len -= sizeof(",\"components\":[") - 1;
        hd_buf_char(b, '}');

    } else {
        hd_buf_z(b, "]}");
    }
}


/* the whole */

static void
hd_cloud_api_reaction(hd_buf_t *b, const hd_message_t *m)
{
    hd_str_t  emoji;

    emoji = hd_json_str(m->content, "emoji");

    hd_buf_z(b, "\"type\":\"reaction\",\"reaction\":{");
    hd_cloud_api_member(b, "message_id", &m->reply_to);
    hd_buf_char(b, ',');
    hd_cloud_api_member(b, "emoji", &emoji);
    hd_buf_char(b, '}');
}


static void
hd_cloud_api_contacts(hd_buf_t *b, const hd_message_t *m)
{
    hd_json_t  *v;

    v = hd_json_get(m->content, "contacts");

    hd_buf_z(b, "\"type\":\"contacts\",\"contacts\":");

    if (v != NULL && v->type == HD_JSON_ARRAY) {
        hd_json_write(b, v);

    } else {
        hd_buf_z(b, "[]");
    }
}


static void
hd_cloud_api_plain(hd_buf_t *b, const hd_message_t *m)
{
    hd_json_t  *preview;

    preview = hd_json_get(m->content, "preview_url");

    hd_buf_printf(b, "\"type\":\"text\",\"text\":{\"preview_url\":%s,",
                  (preview != NULL && preview->type == HD_JSON_TRUE)
                  ? "true" : "false");
    hd_cloud_api_member(b, "body", &m->body);
    hd_buf_char(b, '}');
}


/* HD_ERROR: a type that Meta has not; .types says so */
static int
hd_cloud_api_typed(hd_mem_t *mem, hd_buf_t *b, const hd_message_t *m)
{
    switch (m->type) {

    case HD_MESSAGE_TEXT:
        hd_cloud_api_plain(b, m);
        return HD_OK;

    case HD_MESSAGE_TEMPLATE:
        hd_cloud_api_template(mem, b, m);
        return HD_OK;

    case HD_MESSAGE_IMAGE:
    case HD_MESSAGE_VIDEO:
    case HD_MESSAGE_AUDIO:
    case HD_MESSAGE_DOCUMENT:
    case HD_MESSAGE_STICKER:
        hd_cloud_api_media(b, m, hd_message_type_name(m->type));
        return HD_OK;

    case HD_MESSAGE_LOCATION:
        hd_buf_z(b, "\"type\":\"location\",\"location\":");
        hd_cloud_api_location(b, m->content);
        return HD_OK;

    case HD_MESSAGE_CONTACTS:
        hd_cloud_api_contacts(b, m);
        return HD_OK;

    case HD_MESSAGE_REACTION:
        hd_cloud_api_reaction(b, m);
        return HD_OK;

    case HD_MESSAGE_INTERACTIVE:
        hd_cloud_api_interactive(b, m);
        return HD_OK;

    default:
        return HD_ERROR;
    }
}


static int
hd_cloud_api_message_body(hd_mem_t *mem, hd_buf_t *b,
    const hd_account_t *account, const hd_message_t *m)
{
    hd_str_t     s;
    const char  *member = "to";

    hd_buf_z(b, "{\"messaging_product\":\"whatsapp\","
                "\"recipient_type\":\"individual\",");

    if (m->to.len == 0 && m->to_user_id.len != 0) {
        s = hd_cloud_api_config(mem, account, "bsuid");

        if (!hd_str_eq(&s, "to")) {
            member = "recipient";
        }

        hd_cloud_api_member(b, member, &m->to_user_id);

    } else {
        hd_cloud_api_member(b, member, &m->to);
    }

    hd_buf_char(b, ',');

    /* a reaction names its message itself */
    if (m->reply_to.len != 0 && m->type != HD_MESSAGE_REACTION) {
        hd_buf_z(b, "\"context\":{");
        hd_cloud_api_member(b, "message_id", &m->reply_to);
        hd_buf_z(b, "},");
    }

    if (m->reference.len != 0) {
        hd_cloud_api_member(b, "biz_opaque_callback_data", &m->reference);
        hd_buf_char(b, ',');
    }

    if (hd_cloud_api_typed(mem, b, m) != HD_OK) {
        return HD_ERROR;
    }

    hd_buf_char(b, '}');

    return HD_OK;
}


int
hd_cloud_api_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_message_t *message, hd_provider_request_t *out)
{
    hd_buf_t  b;

    memset(out, 0, sizeof(hd_provider_request_t));
    hd_buf_init(&b);

    out->method = "POST";

    hd_cloud_api_begin(&b, account, &account->number_id, "/messages");

    if (hd_cloud_api_take(mem, &b, &out->url) != HD_OK
        || hd_cloud_api_bearer(mem, account, out) != HD_OK
        || hd_cloud_api_message_body(mem, &b, account, message) != HD_OK)
    {
        hd_buf_free(&b);
        return HD_ERROR;
    }

    return hd_cloud_api_json(mem, &b, out);
}

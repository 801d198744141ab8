/*
 * Is the body a message?  What the provider says of members that are missing,
 * too long or of the wrong kind; of a template that it knows, whether it is in
 * that language, may be sent, and has as many parameters.
 */

#include "graph.h"


typedef void (*hd_sb_check_pt)(hd_sb_number_t *n, hd_sb_message_t *m);

typedef struct {
    const char          *name;
    hd_sb_check_pt       check;
} hd_sb_type_t;


static void hd_sb_check_text(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_template(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_media(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_reaction(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_location(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_contacts(hd_sb_number_t *n, hd_sb_message_t *m);


static const hd_sb_type_t  hd_sb_types[] = {
    { "text", hd_sb_check_text },
    { "template", hd_sb_check_template },
    { "image", hd_sb_check_media },
    { "audio", hd_sb_check_media },
    { "video", hd_sb_check_media },
    { "document", hd_sb_check_media },
    { "sticker", hd_sb_check_media },
    { "interactive", hd_sb_check_interactive },
    { "reaction", hd_sb_check_reaction },
    { "location", hd_sb_check_location },
    { "contacts", hd_sb_check_contacts }
};


void
hd_sb_bad(hd_sb_message_t *m, int64_t code, const char *details)
{
    m->code = code;
    m->details = details;
}


int
hd_sb_digits(const hd_str_t *input, u_char *digits, size_t *len)
{
    size_t  i, n;
    u_char  ch;

    n = 0;
    *len = 0;

    for (i = 0; i < input->len; i++) {
        ch = input->data[i];

        if (ch >= '0' && ch <= '9') {
            if (n == 15) {
                return HD_ERROR;
            }

            digits[n++] = ch;

        } else if (ch != ' ' && ch != '-' && ch != '(' && ch != ')'
                   && (ch != '+' || i != 0))
        {
            return HD_ERROR;
        }
    }

    if (n < 5) {
        return HD_ERROR;
    }

    *len = n;

    return HD_OK;
}


void
hd_sb_check(hd_sb_number_t *n, hd_json_t *body, hd_sb_message_t *m)
{
    size_t      i;
    char        key[16];
    hd_str_t    s;

    if (body == NULL || body->type != HD_JSON_OBJECT) {
        hd_sb_bad(m, 100, "The body is not a JSON object.");
        return;
    }

    m->input = hd_json_str(body, "to");

    /* who has no phone is named by a user id */
    if (m->input.len == 0) {
        m->input = hd_json_str(body, "recipient");
    }

    m->type = hd_json_str(body, "type");
    m->reference = hd_json_str(body, "biz_opaque_callback_data");

    s = hd_json_str(body, "messaging_product");

    if (!hd_str_eq(&s, "whatsapp")) {
        hd_sb_bad(m, 100, "The parameter messaging_product is required.");
        return;
    }

    if (m->input.len == 0) {
        hd_sb_bad(m, 100, "The parameter to is required.");
        return;
    }

    if (!hd_sb_number_registered(n)) {
        hd_sb_bad(m, 133010, NULL);
        return;
    }

    m->to.data = m->digits;

    if (hd_sb_digits(&m->input, m->digits, &m->to.len) != HD_OK) {
        hd_sb_bad(m, 131009, "Parameter to is not a phone number.");
        return;
    }

    m->to_number = hd_sb_to_number(&m->to);

    if (m->reference.len > 512) {
        m->reference.len = 0;
        hd_sb_bad(m, 100, "Param biz_opaque_callback_data must be at most 512"
                  " characters long.");
        return;
    }

    if (m->type.len == 0) {
        hd_str_set(&m->type, "text");
    }

    for (i = 0; i < sizeof(hd_sb_types) / sizeof(hd_sb_types[0]); i++) {

        if (strlen(hd_sb_types[i].name) != m->type.len
            || memcmp(hd_sb_types[i].name, m->type.data, m->type.len) != 0)
        {
            continue;
        }

        snprintf(key, sizeof(key), "%s", hd_sb_types[i].name);
        m->value = hd_json_get(body, key);

        if (m->value == NULL
            || (m->value->type != HD_JSON_OBJECT
                && m->value->type != HD_JSON_ARRAY))
        {
            hd_sb_bad(m, 131008, "The object named by the parameter type is"
                      " missing.");
            return;
        }

        hd_sb_types[i].check(n, m);
        return;
    }

    hd_sb_bad(m, 100, "Param type must be one of {AUDIO, CONTACTS, DOCUMENT,"
              " IMAGE, INTERACTIVE, LOCATION, REACTION, STICKER, TEMPLATE,"
              " TEXT, VIDEO}.");
}


static void
hd_sb_check_text(hd_sb_number_t *n, hd_sb_message_t *m)
{
    size_t    len;
    hd_str_t  text;

    text = hd_json_str(m->value, "body");
    len = hd_utf8_length(&text);

    if (len == 0) {
        hd_sb_bad(m, 100, "The parameter text['body'] is required.");

    } else if (len > 4096) {
        hd_sb_bad(m, 100, "Param text['body'] must be at most 4096 characters"
                  " long.");
    }
}


static uint8_t
hd_sb_category(const hd_str_t *name)
{
    if (name->len == 7) {
        return HD_SB_UTILITY;
    }

    return name->len == 14 ? HD_SB_AUTHENTICATION : HD_SB_MARKETING;
}


static void
hd_sb_check_template(hd_sb_number_t *n, hd_sb_message_t *m)
{
    int64_t            given, code;
    hd_str_t           name, language;
    hd_json_t         *params;
    ngx_uint_t         category;
    const char        *details;
    hd_sb_template_t  *t, *known;

    m->category = HD_SB_MARKETING;
    m->template = 1;

    name = hd_json_str(m->value, "name");
    language = hd_json_str(hd_json_get(m->value, "language"), "code");

    if (name.len == 0 || name.len > 512) {
        hd_sb_bad(m, 100, "The parameter template['name'] is required.");
        return;
    }

    if (language.len == 0) {
        hd_sb_bad(m, 100, "The parameter template['language']['code'] is"
                  " required.");
        return;
    }

    details = NULL;
    code = hd_sb_template_check(n, m->value, &details, &category);

    if (code >= 0) {
        m->category = (uint8_t) category;

        if (code > 0) {
            hd_sb_bad(m, code, details);
        }

        return;
    }

    known = NULL;

    for (t = n->set.templates; t != NULL; t = t->next) {
        if (t->name.len != name.len
            || memcmp(t->name.data, name.data, name.len) != 0)
        {
            continue;
        }

        known = t;

        if (t->language.len == 0
            || (t->language.len == language.len
                && memcmp(t->language.data, language.data, language.len)
                   == 0))
        {
            break;
        }
    }

    if (known == NULL) {
        /* the sandbox was not told of it: any parameters will do */
        return;
    }

    if (t == NULL) {
        hd_sb_bad(m, 132001, NULL);
        return;
    }

    m->category = hd_sb_category(&t->category);

    if (hd_str_eq(&t->status, "PAUSED")) {
        hd_sb_bad(m, 132015, NULL);
        return;
    }

    if (hd_str_eq(&t->status, "DISABLED")) {
        hd_sb_bad(m, 132016, NULL);
        return;
    }

    params = hd_json_get(hd_sb_component(m->value, "body"), "parameters");
    given = params ? params->count : 0;

    if (t->params >= 0 && given != t->params) {
        hd_sb_bad(m, 132000, NULL);
    }
}


/* an id that nobody uploaded, or of a file of another type, sends nothing */

static void
hd_sb_check_media(hd_sb_number_t *n, hd_sb_message_t *m)
{
    hd_str_t      id, link;
    ngx_pool_t   *pool;
    const char   *mime;

    id = hd_json_str(m->value, "id");
    link = hd_json_str(m->value, "link");

    if ((id.len == 0) == (link.len == 0)) {
        hd_sb_bad(m, 131008, "Either id or link of the media is required.");
        return;
    }

    if (id.len == 0) {
        if (ngx_strncmp(link.data, "http", ngx_min(link.len, 4)) != 0) {
            hd_sb_bad(m, 131009, "The link of the media is no URL.");
        }

        return;
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    if (!hd_sb_media_known(pool, &id, &mime)) {
        hd_sb_bad(m, 131009, "The media with this id is not there.");

    } else if ((hd_str_eq(&m->type, "image") || hd_str_eq(&m->type, "video")
                || hd_str_eq(&m->type, "audio"))
               && ngx_strncmp(mime, m->type.data, m->type.len) != 0)
    {
        hd_sb_bad(m, 131053, "The media has another type than the message.");
    }

    ngx_destroy_pool(pool);
}


static void
hd_sb_check_reaction(hd_sb_number_t *n, hd_sb_message_t *m)
{
    if (hd_json_str(m->value, "message_id").len == 0) {
        hd_sb_bad(m, 131008, "reaction needs message_id.");
    }
}


static void
hd_sb_check_location(hd_sb_number_t *n, hd_sb_message_t *m)
{
    if (hd_json_get(m->value, "latitude") == NULL
        || hd_json_get(m->value, "longitude") == NULL)
    {
        hd_sb_bad(m, 131008, "location needs latitude and longitude.");
    }
}


static void
hd_sb_check_contacts(hd_sb_number_t *n, hd_sb_message_t *m)
{
    if (m->value->type != HD_JSON_ARRAY || m->value->count == 0) {
        hd_sb_bad(m, 131009, "contacts must be an array of contacts.");
    }
}

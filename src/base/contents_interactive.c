/*
 * contents: interactive messages, in Meta's own words.
 */

#include "contents_check.h"


#define HD_PART_NO    0
#define HD_PART_MAY   1
#define HD_PART_MUST  2

typedef struct {
    const char  *type;
    unsigned     header;               /* HD_PART_… */
    unsigned     header_media;         /* the header may be a file */
    unsigned     body;
    unsigned     footer;
    void       (*action)(hd_contents_ck_t *ck, const hd_json_t *v);
} hd_interactive_t;


/* value of member `b` of member `a` of each earlier element is another one */
static void
hd_ck_unique(hd_contents_ck_t *ck, const hd_json_t *first,
    const hd_json_t *e, const char *path, const char *what)
{
    const hd_json_t  *v, *o;

    v = hd_json_path(e, path);

    if (v == NULL || v->type != HD_JSON_STRING) {
        return;
    }

    for (o = first; o != e; o = o->next) {
        const hd_json_t  *w = hd_json_path(o, path);

        if (w && w->type == HD_JSON_STRING && w->str.len == v->str.len
            && memcmp(w->str.data, v->str.data, v->str.len) == 0)
        {
            hd_ck_fault(ck, "duplicate", "another one has this %s: they must "
                        "differ", what);
            return;
        }
    }
}


static void
hd_ck_name(hd_contents_ck_t *ck, const hd_json_t *action, const char *name)
{
    hd_str_t  s;

    s = hd_json_str(action, "name");

    if (s.len != strlen(name) || memcmp(s.data, name, s.len) != 0) {
        hd_ck_fault_at(ck, "name", "invalid", "expected \"%s\"", name);
    }
}


static void
hd_ck_buttons(hd_contents_ck_t *ck, const hd_json_t *v)
{
    size_t            mark, inner, deep;
    unsigned          i;
    const hd_json_t  *a, *e, *reply;

    if (!hd_ck_object(ck, v, "buttons")) {
        return;
    }

    a = hd_ck_array(ck, v, "buttons", 1, 3);

    if (a == NULL) {
        return;
    }

    mark = hd_ck_enter(ck, "buttons");

    for (e = a->child, i = 0; e; e = e->next, i++) {
        inner = hd_ck_index(ck, i);

        if (hd_ck_object(ck, e, "type reply")) {
            hd_str_t  type = hd_json_str(e, "type");

            if (!hd_str_eq(&type, "reply")) {
                hd_ck_fault_at(ck, "type", "invalid", "expected \"reply\"");
            }

            reply = hd_json_get(e, "reply");
            deep = hd_ck_enter(ck, "reply");

            if (hd_ck_object(ck, reply, "id title")) {
                (void) hd_ck_string(ck, reply, "id", 1, 256);
                (void) hd_ck_string(ck, reply, "title", 1, 20);
                hd_ck_unique(ck, a->child, e, "reply.id", "id");
                hd_ck_unique(ck, a->child, e, "reply.title", "title");
            }

            hd_ck_leave(ck, deep);
        }

        hd_ck_leave(ck, inner);
    }

    hd_ck_leave(ck, mark);
}


static void
hd_ck_product(hd_contents_ck_t *ck, const hd_json_t *v)
{
    if (hd_ck_object(ck, v, "catalog_id product_retailer_id")) {
        (void) hd_ck_string(ck, v, "catalog_id", 1, 64);
        (void) hd_ck_string(ck, v, "product_retailer_id", 1, 256);
    }
}


static void
hd_ck_cta_url(hd_contents_ck_t *ck, const hd_json_t *v)
{
    size_t            mark;
    const hd_json_t  *p;

    if (!hd_ck_object(ck, v, "name parameters")) {
        return;
    }

    hd_ck_name(ck, v, "cta_url");

    p = hd_json_get(v, "parameters");
    mark = hd_ck_enter(ck, "parameters");

    if (hd_ck_object(ck, p, "display_text url")) {
        (void) hd_ck_string(ck, p, "display_text", 1, 20);
        (void) hd_ck_url(ck, p, "url", 1);
    }

    hd_ck_leave(ck, mark);
}


static void
hd_ck_catalog(hd_contents_ck_t *ck, const hd_json_t *v)
{
    size_t            mark;
    const hd_json_t  *p;

    if (!hd_ck_object(ck, v, "name parameters")) {
        return;
    }

    hd_ck_name(ck, v, "catalog_message");

    p = hd_json_get(v, "parameters");

    if (p == NULL) {
        return;
    }

    mark = hd_ck_enter(ck, "parameters");

    if (hd_ck_object(ck, p, "thumbnail_product_retailer_id")) {
        (void) hd_ck_string(ck, p, "thumbnail_product_retailer_id", 1, 256);
    }

    hd_ck_leave(ck, mark);
}


static void
hd_ck_flow_action(hd_contents_ck_t *ck, const hd_json_t *p)
{
    size_t            mark;
    hd_str_t          s;
    const hd_json_t  *payload, *data;

    s = hd_json_str(p, "flow_action");

    if (hd_json_get(p, "flow_action") && !hd_str_eq(&s, "navigate")
        && !hd_str_eq(&s, "data_exchange"))
    {
        hd_ck_fault_at(ck, "flow_action", "invalid", "expected \"navigate\" "
                       "or \"data_exchange\"");
    }

    s = hd_json_str(p, "mode");

    if (hd_json_get(p, "mode") && !hd_str_eq(&s, "draft")
        && !hd_str_eq(&s, "published"))
    {
        hd_ck_fault_at(ck, "mode", "invalid", "expected \"draft\" or "
                       "\"published\"");
    }

    payload = hd_json_get(p, "flow_action_payload");

    if (payload == NULL) {
        return;
    }

    mark = hd_ck_enter(ck, "flow_action_payload");

    if (hd_ck_object(ck, payload, "screen data")) {
        (void) hd_ck_string(ck, payload, "screen", 1, 256);
        data = hd_json_get(payload, "data");

        if (data && (data->type != HD_JSON_OBJECT || data->count == 0)) {
            hd_ck_fault_at(ck, "data", "invalid", "expected an object that is "
                           "not empty");
        }
    }

    hd_ck_leave(ck, mark);
}


static void
hd_ck_flow(hd_contents_ck_t *ck, const hd_json_t *v)
{
    size_t            mark;
    hd_str_t          s;
    const hd_json_t  *p;

    if (!hd_ck_object(ck, v, "name parameters")) {
        return;
    }

    hd_ck_name(ck, v, "flow");

    p = hd_json_get(v, "parameters");
    mark = hd_ck_enter(ck, "parameters");

    if (hd_ck_object(ck, p, "flow_message_version flow_token flow_id "
                     "flow_name flow_cta flow_action flow_action_payload "
                     "mode"))
    {
        s = hd_json_str(p, "flow_message_version");

        if (!hd_str_eq(&s, "3")) {
            hd_ck_fault_at(ck, "flow_message_version", "invalid",
                           "expected \"3\"");
        }

        if ((hd_json_get(p, "flow_id") == NULL)
            == (hd_json_get(p, "flow_name") == NULL))
        {
            hd_ck_fault_at(ck, "flow_id", "invalid", "give either flow_id or "
                           "flow_name");
        }

        (void) hd_ck_string(ck, p, "flow_id", 0, 64);
        (void) hd_ck_string(ck, p, "flow_name", 0, 200);
        (void) hd_ck_string(ck, p, "flow_token", 0, 1024);
        (void) hd_ck_string(ck, p, "flow_cta", 1, 30);
        hd_ck_flow_action(ck, p);
    }

    hd_ck_leave(ck, mark);
}


static void
hd_ck_location_request(hd_contents_ck_t *ck, const hd_json_t *v)
{
    if (hd_ck_object(ck, v, "name")) {
        hd_ck_name(ck, v, "send_location");
    }
}


static void
hd_ck_address(hd_contents_ck_t *ck, const hd_json_t *v)
{
    size_t            mark;
    hd_str_t          s;
    const hd_json_t  *p;

    if (!hd_ck_object(ck, v, "name parameters")) {
        return;
    }

    hd_ck_name(ck, v, "address_message");

    p = hd_json_get(v, "parameters");
    mark = hd_ck_enter(ck, "parameters");

    if (hd_ck_object(ck, p, "country values validation_errors "
                     "saved_addresses"))
    {
        s = hd_json_str(p, "country");

        if (!hd_str_eq(&s, "IN") && !hd_str_eq(&s, "SG")) {
            hd_ck_fault_at(ck, "country", "invalid", "expected \"IN\" or "
                           "\"SG\": WhatsApp asks for addresses there only");
        }
    }

    hd_ck_leave(ck, mark);
}


static const hd_interactive_t  hd_interactives[] = {
    { "button", HD_PART_MAY, 1, HD_PART_MUST, HD_PART_MAY, hd_ck_buttons },
    { "list", HD_PART_MAY, 0, HD_PART_MUST, HD_PART_MAY, hd_ck_list },
    { "cta_url", HD_PART_MAY, 1, HD_PART_MUST, HD_PART_MAY, hd_ck_cta_url },
    { "product", HD_PART_NO, 0, HD_PART_MAY, HD_PART_MAY, hd_ck_product },
    { "product_list", HD_PART_MUST, 0, HD_PART_MUST, HD_PART_MAY,
      hd_ck_product_list },
    { "catalog_message", HD_PART_NO, 0, HD_PART_MUST, HD_PART_MAY,
      hd_ck_catalog },
    { "flow", HD_PART_MAY, 1, HD_PART_MUST, HD_PART_MAY, hd_ck_flow },
    { "location_request_message", HD_PART_NO, 0, HD_PART_MUST, HD_PART_NO,
      hd_ck_location_request },
    { "address_message", HD_PART_NO, 0, HD_PART_MUST, HD_PART_MAY,
      hd_ck_address }
};


static void
hd_ck_header(hd_contents_ck_t *ck, const hd_json_t *v, unsigned media)
{
    size_t            mark;
    hd_str_t          type;
    hd_use_e          use;
    const hd_json_t  *m;

    type = hd_json_str(v, "type");
    use = hd_use_find(&type);

    if (v->type == HD_JSON_OBJECT && hd_str_eq(&type, "text")) {
        if (hd_ck_object(ck, v, "type text")) {
            (void) hd_ck_string(ck, v, "text", 1, 60);
        }

        return;
    }

    if (v->type != HD_JSON_OBJECT || !media
        || (use != HD_USE_IMAGE && use != HD_USE_VIDEO
            && use != HD_USE_DOCUMENT))
    {
        hd_ck_fault_at(ck, "type", "invalid", media ? "expected \"text\", "
                       "\"image\", \"video\" or \"document\""
                       : "expected \"text\"");
        return;
    }

    (void) hd_ck_object(ck, v, use == HD_USE_IMAGE ? "type image"
                        : use == HD_USE_VIDEO ? "type video"
                        : "type document");

    m = hd_json_get(v, hd_use_name(use));
    mark = hd_ck_enter(ck, hd_use_name(use));

    if (hd_ck_object(ck, m, use == HD_USE_DOCUMENT ? "media_id link filename"
                                                   : "media_id link"))
    {
        hd_ck_file(ck, m, use);

        if (use == HD_USE_DOCUMENT) {
            ck->out->filename = hd_ck_string(ck, m, "filename", 0, 240);
        }
    }

    hd_ck_leave(ck, mark);
}


/* body or footer: {text} */
static hd_str_t
hd_ck_words(hd_contents_ck_t *ck, const hd_json_t *v, const char *part,
    unsigned want, unsigned max)
{
    size_t            mark;
    hd_str_t          s;
    const hd_json_t  *m;

    s.data = NULL;
    s.len = 0;

    m = hd_json_get(v, part);

    if (m == NULL && want != HD_PART_MUST) {
        return s;
    }

    mark = hd_ck_enter(ck, part);

    if (m && want == HD_PART_NO) {
        hd_ck_fault(ck, "invalid", "this kind of message has no %s", part);

    } else if (hd_ck_object(ck, m, "text")) {
        s = hd_ck_string(ck, m, "text", 1, max);
    }

    hd_ck_leave(ck, mark);

    return s;
}


void
hd_ck_interactive(hd_contents_ck_t *ck, const hd_json_t *v)
{
    size_t                   i, mark;
    hd_str_t                 type;
    const hd_json_t         *header;
    const hd_interactive_t  *k;

    if (!hd_ck_object(ck, v, "type header body footer action")) {
        return;
    }

    type = hd_json_str(v, "type");
    k = NULL;

    for (i = 0; i < sizeof(hd_interactives) / sizeof(hd_interactives[0]);
         i++)
    {
        if (strlen(hd_interactives[i].type) == type.len
            && memcmp(hd_interactives[i].type, type.data, type.len) == 0)
        {
            k = &hd_interactives[i];
        }
    }

    if (k == NULL) {
        hd_ck_fault_at(ck, "type", "invalid", "expected button, list, "
                       "cta_url, product, product_list, catalog_message, "
                       "flow, location_request_message or address_message");
        return;
    }

    header = hd_json_get(v, "header");

    if (header && k->header == HD_PART_NO) {
        hd_ck_fault_at(ck, "header", "invalid", "this kind of message has no "
                       "header");

    } else if (header == NULL && k->header == HD_PART_MUST) {
        hd_ck_fault_at(ck, "header", "required", "this kind of message needs "
                       "a header of type text");

    } else if (header) {
        mark = hd_ck_enter(ck, "header");
        hd_ck_header(ck, header, k->header_media);
        hd_ck_leave(ck, mark);
    }

    ck->out->text = hd_ck_words(ck, v, "body", k->body, 1024);
    (void) hd_ck_words(ck, v, "footer", k->footer, 60);

    mark = hd_ck_enter(ck, "action");
    k->action(ck, hd_json_get(v, "action"));
    hd_ck_leave(ck, mark);
}

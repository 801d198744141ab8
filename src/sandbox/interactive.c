/*
 * The parts of an interactive message, and how long and many each may be: what
 * the provider refuses with 131009 and the parameter's name.
 */

#include "graph.h"


typedef struct {
    const char   *type;
    const char   *needs;               /* a member of its action */
    unsigned      body:1;              /* needs one */
} hd_sb_interactive_t;


static const hd_sb_interactive_t  hd_sb_interactives[] = {
    { "button", "buttons", 1 },
    { "list", "sections", 1 },
    { "cta_url", "parameters", 1 },
    { "product", "product_retailer_id", 0 },
    { "product_list", "sections", 1 },
    { "catalog_message", "name", 1 },
    { "flow", "parameters", 1 },
    { "location_request_message", "name", 1 },
    { "address_message", "parameters", 1 },
    { "carousel", "cards", 1 },
    { "product_carousel", "cards", 1 },
    { "voice_call", "name", 1 },
    { "request_contact_info", "name", 1 }
};


/* 1: the text of a member is there and no longer than that */

static ngx_uint_t
hd_sb_within(const hd_json_t *v, const char *name, size_t max,
    ngx_uint_t needed)
{
    hd_str_t  s;

    s = hd_json_str(v, name);

    return (s.len > 0 || !needed) && hd_utf8_length(&s) <= max;
}


static const char *
hd_sb_interactive_buttons(const hd_json_t *action)
{
    hd_str_t    id, other;
    hd_json_t  *v, *w, *reply;

    v = hd_json_get(action, "buttons");

    if (v->type != HD_JSON_ARRAY || v->count < 1 || v->count > 3) {
        return "interactive['action']['buttons'] must have 1 to 3 buttons";
    }

    for (v = v->child; v != NULL; v = v->next) {
        reply = hd_json_get(v, "reply");

        if (!hd_sb_within(reply, "title", 20, 1)) {
            return "a button's title must have 1 to 20 characters";
        }

        if (!hd_sb_within(reply, "id", 256, 1)) {
            return "a button's id must have 1 to 256 characters";
        }

        id = hd_json_str(reply, "id");

        for (w = v->next; w != NULL; w = w->next) {
            other = hd_json_str(hd_json_get(w, "reply"), "id");

            if (hd_sb_same(&id, &other)) {
                return "the ids of buttons must be unique";
            }
        }
    }

    return NULL;
}


static const char *
hd_sb_interactive_rows(const hd_json_t *action)
{
    ngx_uint_t  rows;
    hd_json_t  *section, *row;

    if (!hd_sb_within(action, "button", 20, 1)) {
        return "interactive['action']['button'] must have 1 to 20 characters";
    }

    section = hd_json_get(action, "sections");

    if (section->type != HD_JSON_ARRAY || section->count < 1
        || section->count > 10)
    {
        return "interactive['action']['sections'] must have 1 to 10 sections";
    }

    rows = 0;

    for (section = section->child; section; section = section->next) {

        if (!hd_sb_within(section, "title", 24, 0)) {
            return "a section's title must have at most 24 characters";
        }

        row = hd_json_get(section, "rows");

        for (row = row ? row->child : NULL; row; row = row->next) {
            rows++;

            if (!hd_sb_within(row, "title", 24, 1)
                || !hd_sb_within(row, "id", 200, 1)
                || !hd_sb_within(row, "description", 72, 0))
            {
                return "a row's title must have 1 to 24 characters, its id 1"
                       " to 200, its description at most 72";
            }
        }
    }

    return (rows < 1 || rows > 10) ? "a list must have 1 to 10 rows in all"
                                   : NULL;
}


static const char *
hd_sb_interactive_products(const hd_json_t *v, const hd_json_t *action)
{
    ngx_uint_t  items;
    hd_json_t  *section, *item;

    if (hd_json_get(v, "header") == NULL) {
        return "interactive['header'] is required";
    }

    section = hd_json_get(action, "sections");
    items = 0;

    for (section = section->child; section; section = section->next) {
        item = hd_json_get(section, "product_items");
        items += item ? item->count : 0;
    }

    if (hd_json_str(action, "catalog_id").len == 0 || items < 1 || items > 30)
    {
        return "a product list needs its catalog_id and 1 to 30 products";
    }

    return NULL;
}


static const char *
hd_sb_interactive_action(const hd_json_t *v, const hd_str_t *type,
    const hd_json_t *action)
{
    hd_str_t    s;
    hd_json_t  *p;

    p = hd_json_get(action, "parameters");

    if (hd_str_eq(type, "button")) {
        return hd_sb_interactive_buttons(action);
    }

    if (hd_str_eq(type, "list")) {
        return hd_sb_interactive_rows(action);
    }

    if (hd_str_eq(type, "product_list")) {
        return hd_sb_interactive_products(v, action);
    }

    if (hd_str_eq(type, "cta_url")
        && (!hd_sb_within(p, "display_text", 20, 1)
            || !hd_sb_within(p, "url", 2000, 1)))
    {
        return "parameters need display_text of at most 20 characters and"
               " url";
    }

    s = hd_json_str(p, "flow_message_version");

    if (hd_str_eq(type, "flow")
        && (!hd_str_eq(&s, "3") || !hd_sb_within(p, "flow_cta", 30, 1)
            || (hd_json_get(p, "flow_id") == NULL)
               == (hd_json_get(p, "flow_name") == NULL)))
    {
        return "parameters need flow_message_version \"3\", flow_cta of at"
               " most 30 characters, and flow_id or flow_name";
    }

    s = hd_json_str(action, "name");

    if (hd_str_eq(type, "location_request_message")
        && !hd_str_eq(&s, "send_location"))
    {
        return "interactive['action']['name'] must be send_location";
    }

    return NULL;
}


void
hd_sb_check_interactive(hd_sb_number_t *n, hd_sb_message_t *m)
{
    size_t       i, count;
    hd_str_t     type;
    hd_json_t   *action;
    const char  *wrong;

    type = hd_json_str(m->value, "type");
    action = hd_json_get(m->value, "action");
    count = sizeof(hd_sb_interactives) / sizeof(hd_sb_interactives[0]);

    for (i = 0; i < count; i++) {
        if (strlen(hd_sb_interactives[i].type) == type.len
            && memcmp(hd_sb_interactives[i].type, type.data, type.len) == 0)
        {
            break;
        }
    }

    if (i == count) {
        hd_sb_bad(m, 131009, "interactive['type'] is not one of those that"
                  " are known.");
        return;
    }

    if (hd_json_get(action, hd_sb_interactives[i].needs) == NULL) {
        hd_sb_bad(m, 131008, "interactive['action'] lacks what its type"
                  " needs.");
        return;
    }

    if (!hd_sb_within(hd_json_get(m->value, "body"), "text", 1024,
                      hd_sb_interactives[i].body))
    {
        hd_sb_bad(m, 131009, "interactive['body']['text'] must have 1 to 1024"
                  " characters.");
        return;
    }

    if (!hd_sb_within(hd_json_get(m->value, "header"), "text", 60, 0)
        || !hd_sb_within(hd_json_get(m->value, "footer"), "text", 60, 0))
    {
        hd_sb_bad(m, 131009, "The text of header and footer must have at most"
                  " 60 characters.");
        return;
    }

    wrong = hd_sb_interactive_action(m->value, &type, action);

    if (wrong != NULL) {
        hd_sb_bad(m, 131009, wrong);
    }
}

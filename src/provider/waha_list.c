/*
 * waha_list: what has parts of its own.  Lists, which WAHA sends; buttons and
 * links, which it does not and which go as text; people, as vCards.
 *
 *     Your order is ready.           the header and the body
 *
 *     1. Fetch it                    reply buttons, by their number
 *     2. Bring it
 *
 *     Pay: https://…                 a link, by its label
 *
 *     _Thank you_                    the footer
 */

#include "waha.h"


static hd_str_t
hd_waha_at(const hd_json_t *v, const char *path)
{
    hd_str_t    none;
    hd_json_t  *s;

    s = hd_json_path(v, path);

    if (s != NULL && s->type == HD_JSON_STRING) {
        return s->str;
    }

    hd_str_set(&none, "");

    return none;
}


static void
hd_waha_rows(hd_buf_t *b, const hd_json_t *rows)
{
    hd_str_t    s;
    hd_json_t  *r;

    hd_buf_z(b, ",\"rows\":[");

    for (r = (rows != NULL) ? rows->child : NULL; r != NULL; r = r->next) {

        hd_buf_char(b, '{');
        s = hd_json_str(r, "title");
        hd_waha_member(b, "title", &s);
        s = hd_json_str(r, "id");
        hd_waha_member(b, "rowId", &s);
        s = hd_json_str(r, "description");

        if (s.len != 0) {
            hd_waha_member(b, "description", &s);
        }

        hd_buf_z(b, r->next != NULL ? "}," : "}");
    }

    hd_buf_char(b, ']');
}


int
hd_waha_list(hd_buf_t *b, const hd_json_t *interactive)
{
    hd_str_t    type, s, body, button;
    hd_json_t  *v;

    type = hd_json_str(interactive, "type");

    if (!hd_str_eq(&type, "list")) {
        return HD_DECLINED;
    }

    body = hd_waha_at(interactive, "body.text");
    button = hd_waha_at(interactive, "action.button");
    s = hd_waha_at(interactive, "header.text");

    hd_buf_z(b, ",\"message\":{");
    hd_waha_member(b, "title", s.len ? &s : &body);

    if (s.len != 0) {
        hd_waha_member(b, "description", &body);
    }

    s = hd_waha_at(interactive, "footer.text");

    if (s.len != 0) {
        hd_waha_member(b, "footer", &s);
    }

    hd_waha_member(b, "button", &button);
    hd_buf_z(b, ",\"sections\":[");

    v = hd_json_path(interactive, "action.sections");

    for (v = (v != NULL) ? v->child : NULL; v != NULL; v = v->next) {

        hd_buf_char(b, '{');
        s = hd_json_str(v, "title");
        hd_waha_member(b, "title", s.len ? &s : &button);
        hd_waha_rows(b, hd_json_get(v, "rows"));
        hd_buf_z(b, v->next != NULL ? "}," : "}");
    }

    hd_buf_z(b, "]}");

    return HD_OK;
}


static void
hd_waha_part(hd_buf_t *b, const hd_str_t *s, const char *around)
{
    if (s->len == 0) {
        return;
    }

    if (b->len != 0) {
        hd_buf_z(b, "\n\n");
    }

    hd_buf_z(b, around);
    hd_buf_str(b, s);
    hd_buf_z(b, around);
}


static void
hd_waha_buttons(hd_buf_t *b, const hd_json_t *buttons)
{
    unsigned    n;
    hd_str_t    s;
    hd_json_t  *v;

    n = 0;

    for (v = (buttons != NULL) ? buttons->child : NULL; v != NULL;
         v = v->next)
    {
        s = hd_waha_at(v, "reply.title");

        if (s.len != 0) {
            hd_buf_z(b, n == 0 ? "\n\n" : "\n");
            hd_buf_int(b, ++n);
            hd_buf_z(b, ". ");
            hd_buf_str(b, &s);
        }
    }
}


int
hd_waha_words(hd_buf_t *b, const hd_json_t *interactive)
{
    hd_str_t  type, s, label;

    type = hd_json_str(interactive, "type");

    if (!hd_str_eq(&type, "button") && !hd_str_eq(&type, "cta_url")
        && !hd_str_eq(&type, "location_request_message"))
    {
        return HD_DECLINED;
    }

    s = hd_waha_at(interactive, "header.text");
    hd_waha_part(b, &s, "*");

    s = hd_waha_at(interactive, "body.text");
    hd_waha_part(b, &s, "");

    if (hd_str_eq(&type, "button")) {
        hd_waha_buttons(b, hd_json_path(interactive, "action.buttons"));
    }

    if (hd_str_eq(&type, "cta_url")) {
        label = hd_waha_at(interactive, "action.parameters.display_text");
        s = hd_waha_at(interactive, "action.parameters.url");

        hd_waha_part(b, &label, "");
        hd_buf_z(b, label.len ? ": " : "\n\n");
        hd_buf_str(b, &s);
    }

    s = hd_waha_at(interactive, "footer.text");
    hd_waha_part(b, &s, "_");

    return HD_OK;
}


/* ── vCards (RFC 2426) ── */

/* a value: what would end it is escaped */
static void
hd_waha_vcard_text(hd_buf_t *t, const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {

        switch (s->data[i]) {

        case '\n':
            hd_buf_z(t, "\\n");
            break;

        case '\r':
            break;

        case '\\':
        case ';':
        case ',':
            hd_buf_char(t, '\\');
            hd_buf_char(t, s->data[i]);
            break;

        default:
            hd_buf_char(t, s->data[i]);
        }
    }
}


static void
hd_waha_vcard_line(hd_buf_t *t, const char *name, const hd_str_t *value)
{
    if (value->len != 0) {
        hd_buf_z(t, name);
        hd_waha_vcard_text(t, value);
        hd_buf_char(t, '\n');
    }
}


/* a parameter: letters and digits only, upper case is left as it is */
static void
hd_waha_vcard_word(hd_buf_t *t, const hd_str_t *s)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z'))
        {
            hd_buf_char(t, c);
        }
    }
}


static void
hd_waha_vcard_phones(hd_buf_t *t, const hd_json_t *phones)
{
    size_t      i;
    hd_str_t    phone, wa_id, type;
    hd_json_t  *p;

    for (p = (phones != NULL) ? phones->child : NULL; p != NULL; p = p->next) {

        phone = hd_json_str(p, "phone");
        wa_id = hd_json_str(p, "wa_id");
        type = hd_json_str(p, "type");

        if (phone.len == 0 && wa_id.len == 0) {
            continue;
        }

        hd_buf_z(t, "TEL;type=");

        if (type.len != 0) {
            hd_waha_vcard_word(t, &type);

        } else {
            hd_buf_z(t, "CELL");
        }

        if (wa_id.len == 0) {
            wa_id = phone;
        }

        hd_buf_z(t, ";waid=");

        for (i = 0; i < wa_id.len; i++) {
            if (wa_id.data[i] >= '0' && wa_id.data[i] <= '9') {
                hd_buf_char(t, wa_id.data[i]);
            }
        }

        hd_buf_char(t, ':');
        hd_waha_vcard_text(t, phone.len ? &phone : &wa_id);
        hd_buf_char(t, '\n');
    }
}


static void
hd_waha_vcard_list(hd_buf_t *t, const hd_json_t *list, const char *member,
    const char *name)
{
    hd_str_t    s;
    hd_json_t  *v;

    for (v = (list != NULL) ? list->child : NULL; v != NULL; v = v->next) {
        s = hd_json_str(v, member);
        hd_waha_vcard_line(t, name, &s);
    }
}


void
hd_waha_vcard(hd_buf_t *b, const hd_json_t *contact)
{
    hd_buf_t  t;
    hd_str_t  s, first, last;

    hd_buf_init(&t);
    hd_buf_z(&t, "BEGIN:VCARD\nVERSION:3.0\n");

    first = hd_waha_at(contact, "name.first_name");
    last = hd_waha_at(contact, "name.last_name");

    hd_buf_z(&t, "N:");
    hd_waha_vcard_text(&t, &last);
    hd_buf_char(&t, ';');
    hd_waha_vcard_text(&t, &first);
    hd_buf_z(&t, ";;;\n");

    s = hd_waha_at(contact, "name.formatted_name");
    hd_waha_vcard_line(&t, "FN:", s.len ? &s : &first);
    s = hd_waha_at(contact, "org.company");
    hd_waha_vcard_line(&t, "ORG:", &s);
    s = hd_waha_at(contact, "org.title");
    hd_waha_vcard_line(&t, "TITLE:", &s);

    hd_waha_vcard_phones(&t, hd_json_get(contact, "phones"));
    hd_waha_vcard_list(&t, hd_json_get(contact, "emails"), "email", "EMAIL:");
    hd_waha_vcard_list(&t, hd_json_get(contact, "urls"), "url", "URL:");

    s = hd_json_str(contact, "birthday");
    hd_waha_vcard_line(&t, "BDAY:", &s);

    hd_buf_z(&t, "END:VCARD");

    s.data = t.data;
    s.len = t.len;

    if (t.failed) {
        b->failed = 1;

    } else {
        hd_jw_str(b, &s);
    }

    hd_buf_free(&t);
}

/*
 * What a status may say, and to whom.
 */

#include "status.h"


#define HD_STATUS_TEXT    700
#define HD_STATUS_PHONES  10000


static ngx_uint_t
hd_status_colour(const hd_str_t *s)
{
    size_t  i;

    if (s->len != 7 || s->data[0] != '#') {
        return 0;
    }

    for (i = 1; i < 7; i++) {
        if (!((s->data[i] >= '0' && s->data[i] <= '9')
              || ((s->data[i] | 0x20) >= 'a' && (s->data[i] | 0x20) <= 'f')))
        {
            return 0;
        }
    }

    return 1;
}


static void
hd_status_text(hd_json_t *content, hd_faults_t *faults)
{
    int64_t     n;
    hd_str_t    at, s;
    hd_json_t  *v;

    s = hd_json_str(content, "text");

    if (s.len == 0 || hd_utf8_length(&s) > HD_STATUS_TEXT) {
        hd_str_set(&at, "/content/text");
        hd_faults_add(faults, "invalid", &at, "expected 1 to %d characters",
                      HD_STATUS_TEXT);
    }

    v = hd_json_get(content, "background_color");

    if (v && (v->type != HD_JSON_STRING || !hd_status_colour(&v->str))) {
        hd_str_set(&at, "/content/background_color");
        hd_faults_add(faults, "invalid", &at, "expected a colour as "
                      "\"#38b42f\"");
    }

    v = hd_json_get(content, "font");

    if (v && (hd_json_int(v, &n) != HD_OK || n < 0 || n > 10)) {
        hd_str_set(&at, "/content/font");
        hd_faults_add(faults, "invalid", &at, "expected a number from 0 to "
                      "10");
    }
}


static void
hd_status_file(hd_json_t *content, hd_faults_t *faults)
{
    hd_str_t    at, s;
    hd_uuid_t   id;
    hd_json_t  *v;

    s = hd_json_str(content, "link");
    v = hd_json_get(content, "media_id");

    if (v && (v->type != HD_JSON_STRING || s.len
              || hd_uuid_parse(&id, v->str.data, v->str.len) != HD_OK))
    {
        hd_str_set(&at, "/content/media_id");
        hd_faults_add(faults, "invalid", &at, "expected the UUID of a file "
                      "of yours, and no link beside it");

    } else if (!v && !(s.len > 8 && s.len <= 2000
          && (ngx_strncmp(s.data, "https://", 8) == 0
              || ngx_strncmp(s.data, "http://", 7) == 0)))
    {
        hd_str_set(&at, "/content/link");
        hd_faults_add(faults, s.len ? "invalid" : "required", &at,
                      "expected the http or https address of the file, or a "
                      "media_id instead");
    }

    v = hd_json_get(content, "caption");

    if (v && (v->type != HD_JSON_STRING || hd_utf8_length(&v->str) > 1024)) {
        hd_str_set(&at, "/content/caption");
        hd_faults_add(faults, "invalid", &at, "expected up to 1024 "
                      "characters");
    }
}


void
hd_status_content(hd_json_t *content, hd_faults_t *faults)
{
    hd_str_t            at, type;
    hd_json_t          *v;
    ngx_uint_t          i, text;
    const char *const  *names;

    static const char *const  of_text[] = {
        "type", "text", "background_color", "font", NULL
    };
    static const char *const  of_file[] = {
        "type", "link", "media_id", "mime", "caption", "background_color",
        NULL
    };

    type = hd_json_str(content, "type");
    text = hd_str_eq(&type, "text");

    if (!text && !hd_str_eq(&type, "image") && !hd_str_eq(&type, "video")
        && !hd_str_eq(&type, "voice"))
    {
        hd_str_set(&at, "/content/type");
        hd_faults_add(faults, "invalid", &at, "expected one of text, image, "
                      "video, voice");
        return;
    }

    names = text ? of_text : of_file;

    for (v = content->child; v; v = v->next) {
        for (i = 0; names[i]; i++) {
            if (v->key.len == ngx_strlen(names[i])
                && ngx_memcmp(v->key.data, names[i], v->key.len) == 0)
            {
                break;
            }
        }

        if (names[i] == NULL) {
            hd_str_set(&at, "/content");
            hd_faults_add(faults, "unknown_field", &at, text
                          ? "a text takes type, text, background_color and "
                            "font"
                          : "a file takes type, link or media_id, mime and caption");
            return;
        }
    }

    if (text) {
        hd_status_text(content, faults);

    } else {
        hd_status_file(content, faults);
    }
}


/* {"all": true}, {"tag": "…"} or {"phones": […]} made E.164 */
void
hd_status_recipients(hd_req_t *req, hd_json_t *to, hd_faults_t *faults)
{
    char        text[48];
    hd_str_t    at, s;
    hd_json_t  *v, *e;
    ngx_uint_t  i;

    if (to == NULL) {
        return;
    }

    v = to->child;
    hd_str_set(&at, "/recipients");

    if (to->count == 1 && hd_str_eq(&v->key, "all")
        && v->type == HD_JSON_TRUE)
    {
        return;
    }

    if (to->count == 1 && hd_str_eq(&v->key, "tag")
        && v->type == HD_JSON_STRING && v->str.len
        && hd_utf8_length(&v->str) <= 64)
    {
        return;
    }

    if (to->count != 1 || !hd_str_eq(&v->key, "phones")
        || v->type != HD_JSON_ARRAY || v->count == 0
        || v->count > HD_STATUS_PHONES)
    {
        hd_faults_add(faults, "invalid", &at, "expected {\"all\": true}, "
                      "{\"tag\": \"…\"} or {\"phones\": […]} of up to %d",
                      HD_STATUS_PHONES);
        return;
    }

    for (e = v->child, i = 0; e && faults->n < HD_FAULTS_MAX;
         e = e->next, i++)
    {
        (void) snprintf(text, sizeof(text), "/recipients/phones/%d",
                        (int) i);
        s.data = (u_char *) text;
        s.len = strlen(text);

        if (hd_str_dup(&req->mem, &s, &at) != HD_OK) {
            return;
        }

        if (e->type != HD_JSON_STRING) {
            hd_faults_add(faults, "invalid", &at, "expected a string");

        } else {
            hd_check_phone(req, e, &at, faults);
        }
    }
}

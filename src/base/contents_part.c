/*
 * contents: what every check is made of: the path to where it is, a fault
 * there, and the checks of one object, text, list, address or file.
 */

#include <stdarg.h>
#include <stdio.h>

#include "contents_check.h"


/* ── where it is, and what is wrong there ── */

size_t
hd_ck_enter(hd_contents_ck_t *ck, const char *member)
{
    int     n;
    size_t  mark;

    mark = ck->len;
    n = snprintf(ck->path + ck->len, sizeof(ck->path) - ck->len, "/%s",
                 member);

    if (n > 0 && (size_t) n < sizeof(ck->path) - ck->len) {
        ck->len += (size_t) n;
    }

    ck->path[ck->len] = '\0';

    return mark;
}


size_t
hd_ck_index(hd_contents_ck_t *ck, unsigned i)
{
    char  text[16];

    snprintf(text, sizeof(text), "%u", i);

    return hd_ck_enter(ck, text);
}


static void
hd_ck_tell(hd_contents_ck_t *ck, const char *code, const char *fmt,
    va_list args)
{
    char  text[300];

    (void) vsnprintf(text, sizeof(text), fmt, args);

    ck->faults++;
    ck->fault(ck->ctx, code, ck->path, text);
}


void
hd_ck_fault(hd_contents_ck_t *ck, const char *code, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    hd_ck_tell(ck, code, fmt, args);
    va_end(args);
}


void
hd_ck_fault_at(hd_contents_ck_t *ck, const char *member, const char *code,
    const char *fmt, ...)
{
    size_t   mark;
    va_list  args;

    mark = hd_ck_enter(ck, member);

    va_start(args, fmt);
    hd_ck_tell(ck, code, fmt, args);
    va_end(args);

    hd_ck_leave(ck, mark);
}


/* ── the pieces ── */

static int
hd_ck_is_member(const hd_str_t *key, const char *members)
{
    size_t       n;
    const char  *p;

    for (p = members; *p; p += n) {
        while (*p == ' ') {
            p++;
        }

        n = strcspn(p, " ");

        if (n == key->len && memcmp(p, key->data, n) == 0) {
            return 1;
        }
    }

    return 0;
}


int
hd_ck_object(hd_contents_ck_t *ck, const hd_json_t *v, const char *members)
{
    const hd_json_t  *m;

    if (v == NULL || v->type != HD_JSON_OBJECT) {
        hd_ck_fault(ck, "invalid", "expected an object with %s", members);
        return 0;
    }

    for (m = v->child; m; m = m->next) {
        if (!hd_ck_is_member(&m->key, members)) {
            hd_ck_fault(ck, "unknown_field", "\"%.*s\" is not known here; "
                        "what may stand here: %s",
                        (int) (m->key.len > 64 ? 64 : m->key.len),
                        m->key.data, members);
        }
    }

    return 1;
}


hd_str_t
hd_ck_string(hd_contents_ck_t *ck, const hd_json_t *obj, const char *member,
    unsigned min, unsigned max)
{
    size_t            n;
    hd_str_t          none;
    const hd_json_t  *v;

    none.data = NULL;
    none.len = 0;

    v = hd_json_get(obj, member);

    if (v == NULL) {
        if (min) {
            hd_ck_fault_at(ck, member, "required", "it is needed: a text of "
                           "up to %u characters", max);
        }

        return none;
    }

    n = (v->type == HD_JSON_STRING) ? hd_utf8_length(&v->str) : 0;

    if (v->type != HD_JSON_STRING || n < min || n > max) {
        hd_ck_fault_at(ck, member, n > max ? "too_long" : "invalid",
                       "expected a text of %s%u characters%s",
                       min ? "1 to " : "up to ", max,
                       n > max ? "; shorten it" : "");
        return none;
    }

    return v->str;
}


const hd_json_t *
hd_ck_array(hd_contents_ck_t *ck, const hd_json_t *obj, const char *member,
    unsigned min, unsigned max)
{
    const hd_json_t  *v;

    v = hd_json_get(obj, member);

    if (v == NULL || v->type != HD_JSON_ARRAY || v->count < min
        || v->count > max)
    {
        hd_ck_fault_at(ck, member, v == NULL ? "required"
                       : v->count > max ? "too_many" : "invalid",
                       "expected a list of %u to %u", min, max);
        return NULL;
    }

    return v;
}


hd_str_t
hd_ck_url(hd_contents_ck_t *ck, const hd_json_t *obj, const char *member,
    unsigned required)
{
    hd_str_t  s;

    s = hd_ck_string(ck, obj, member, required, 2000);

    if (s.data == NULL) {
        return s;
    }

    if ((s.len > 8 && memcmp(s.data, "https://", 8) == 0)
        || (s.len > 7 && memcmp(s.data, "http://", 7) == 0))
    {
        if (memchr(s.data, ' ', s.len) == NULL) {
            return s;
        }
    }

    hd_ck_fault_at(ck, member, "invalid", "expected an address that begins "
                   "with https://");

    s.data = NULL;
    s.len = 0;

    return s;
}


void
hd_ck_file(hd_contents_ck_t *ck, const hd_json_t *v, hd_use_e use)
{
    hd_uuid_t         id;
    const hd_json_t  *m;

    m = hd_json_get(v, "media_id");

    if ((m == NULL) == (hd_json_get(v, "link") == NULL)) {
        hd_ck_fault_at(ck, "media_id", "invalid", "give either media_id (POST "
                       "/media makes one) or link, the address of the file");
        return;
    }

    ck->out->use = use;

    if (m == NULL) {
        ck->out->link = hd_ck_url(ck, v, "link", 1);
        return;
    }

    if (m->type != HD_JSON_STRING
        || hd_uuid_parse(&id, m->str.data, m->str.len) != HD_OK)
    {
        hd_ck_fault_at(ck, "media_id", "invalid", "expected a UUID: POST "
                       "/media gives one");
        return;
    }

    ck->out->media_id = m->str;
}

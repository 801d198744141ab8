/*
 * contents: the checks of all types but the interactive ones.
 */

#include <stdio.h>
#include <stdlib.h>

#include "contents_check.h"


/* ── the types ── */

static void
hd_ck_media(hd_contents_ck_t *ck, const hd_json_t *v)
{
    hd_use_e          use;
    hd_str_t          s;
    const hd_json_t  *voice;

    use = hd_use_find(&ck->out->type);

    (void) hd_ck_object(ck, v, use == HD_USE_DOCUMENT
                        ? "type media_id link caption filename"
                        : use == HD_USE_AUDIO ? "type media_id link voice"
                        : use == HD_USE_STICKER ? "type media_id link"
                        : "type media_id link caption");

    hd_ck_file(ck, v, use);

    if (use == HD_USE_AUDIO) {
        voice = hd_json_get(v, "voice");

        if (voice && voice->type != HD_JSON_TRUE
            && voice->type != HD_JSON_FALSE)
        {
            hd_ck_fault_at(ck, "voice", "invalid", "expected true or false");
        }
    }

    if (use == HD_USE_AUDIO || use == HD_USE_STICKER) {
        return;
    }

    s = hd_ck_string(ck, v, "caption", 0, 1024);

    if (use == HD_USE_DOCUMENT) {
        ck->out->filename = hd_ck_string(ck, v, "filename", 0, 240);

        if (s.len == 0) {
            s = ck->out->filename;
        }
    }

    ck->out->text = s;
}


static void
hd_ck_degrees(hd_contents_ck_t *ck, const hd_json_t *v, const char *member,
    double max)
{
    char              text[32];
    char             *end;
    double            n;
    const hd_json_t  *m;

    m = hd_json_get(v, member);

    if (m && (m->type == HD_JSON_NUMBER || m->type == HD_JSON_STRING)
        && m->str.len && m->str.len < sizeof(text)
        && (m->str.data[0] == '-' || (m->str.data[0] >= '0'
                                      && m->str.data[0] <= '9')))
    {
        memcpy(text, m->str.data, m->str.len);
        text[m->str.len] = '\0';

        n = strtod(text, &end);

        if (*end == '\0' && n >= -max && n <= max) {
            return;
        }
    }

    hd_ck_fault_at(ck, member, m ? "invalid" : "required",
                   "expected degrees from -%.0f to %.0f", max, max);
}


static void
hd_ck_location(hd_contents_ck_t *ck, const hd_json_t *v)
{
    hd_str_t  name, address;

    (void) hd_ck_object(ck, v, "type latitude longitude name address");

    hd_ck_degrees(ck, v, "latitude", 90);
    hd_ck_degrees(ck, v, "longitude", 180);

    name = hd_ck_string(ck, v, "name", 0, 1000);
    address = hd_ck_string(ck, v, "address", 0, 1000);

    ck->out->text = name.len ? name : address;
}


/* an array of objects of strings, as Meta's contacts have many */
static void
hd_ck_strings(hd_contents_ck_t *ck, const hd_json_t *v, const char *member,
    const char *members)
{
    size_t            mark, inner;
    unsigned          i;
    const hd_json_t  *a, *e, *m;

    a = hd_json_get(v, member);

    if (a == NULL) {
        return;
    }

    mark = hd_ck_enter(ck, member);

    if (a->type != HD_JSON_ARRAY || a->count > 20) {
        hd_ck_fault(ck, "invalid", "expected a list of up to 20");

    } else {
        for (e = a->child, i = 0; e; e = e->next, i++) {
            inner = hd_ck_index(ck, i);

            if (hd_ck_object(ck, e, members)) {
                for (m = e->child; m; m = m->next) {
                    if (m->type != HD_JSON_STRING || m->str.len > 1000) {
                        hd_ck_fault(ck, "invalid", "expected texts of up to "
                                    "1000 bytes");
                        break;
                    }
                }
            }

            hd_ck_leave(ck, inner);
        }
    }

    hd_ck_leave(ck, mark);
}


static void
hd_ck_person(hd_contents_ck_t *ck, const hd_json_t *v, unsigned first)
{
    size_t            mark;
    hd_str_t          s;
    unsigned          i;
    const hd_json_t  *name, *org;

    static const char *const  names[] = {
        "first_name", "last_name", "middle_name", "suffix", "prefix"
    };

    if (!hd_ck_object(ck, v, "name phones emails urls addresses org "
                      "birthday"))
    {
        return;
    }

    name = hd_json_get(v, "name");
    mark = hd_ck_enter(ck, "name");

    if (hd_ck_object(ck, name, "formatted_name first_name last_name "
                     "middle_name suffix prefix"))
    {
        s = hd_ck_string(ck, name, "formatted_name", 1, 256);

        if (first) {
            ck->out->text = s;
        }

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            (void) hd_ck_string(ck, name, names[i], 0, 256);
        }
    }

    hd_ck_leave(ck, mark);

    hd_ck_strings(ck, v, "phones", "phone type wa_id");
    hd_ck_strings(ck, v, "emails", "email type");
    hd_ck_strings(ck, v, "urls", "url type");
    hd_ck_strings(ck, v, "addresses", "street city state zip country "
                  "country_code type");
    (void) hd_ck_string(ck, v, "birthday", 0, 10);

    org = hd_json_get(v, "org");

    if (org) {
        mark = hd_ck_enter(ck, "org");

        if (hd_ck_object(ck, org, "company department title")) {
            (void) hd_ck_string(ck, org, "company", 0, 256);
            (void) hd_ck_string(ck, org, "department", 0, 256);
            (void) hd_ck_string(ck, org, "title", 0, 256);
        }

        hd_ck_leave(ck, mark);
    }
}


static void
hd_ck_contacts(hd_contents_ck_t *ck, const hd_json_t *v)
{
    size_t            mark, inner;
    unsigned          i;
    const hd_json_t  *a, *e;

    (void) hd_ck_object(ck, v, "type contacts");

    a = hd_ck_array(ck, v, "contacts", 1, 50);

    if (a == NULL) {
        return;
    }

    mark = hd_ck_enter(ck, "contacts");

    for (e = a->child, i = 0; e; e = e->next, i++) {
        inner = hd_ck_index(ck, i);
        hd_ck_person(ck, e, i == 0);
        hd_ck_leave(ck, inner);
    }

    hd_ck_leave(ck, mark);
}


static void
hd_ck_reaction(hd_contents_ck_t *ck, const hd_json_t *v)
{
    hd_str_t          s;
    const hd_json_t  *m;

    (void) hd_ck_object(ck, v, "type message_id emoji");

    s = hd_json_str(v, "message_id");

    if (hd_uuid_parse(&ck->out->message_id, s.data, s.len) != HD_OK) {
        hd_ck_fault_at(ck, "message_id", "invalid", "expected the id of the "
                       "message that is reacted to");
    }

    m = hd_json_get(v, "emoji");

    if (m == NULL) {
        hd_ck_fault_at(ck, "emoji", "required", "expected one emoji; an empty "
                       "text takes the reaction back");
        return;
    }

    ck->out->text = hd_ck_string(ck, v, "emoji", 0, 16);
}


static void
hd_ck_poll(hd_contents_ck_t *ck, const hd_json_t *v)
{
    size_t            mark;
    unsigned          i;
    const hd_json_t  *a, *e, *o, *m;

    (void) hd_ck_object(ck, v, "type name options multiple");

    ck->out->text = hd_ck_string(ck, v, "name", 1, 255);
    a = hd_ck_array(ck, v, "options", 2, 12);
    m = hd_json_get(v, "multiple");

    if (m && m->type != HD_JSON_TRUE && m->type != HD_JSON_FALSE) {
        hd_ck_fault_at(ck, "multiple", "invalid", "expected true or false");
    }

    if (a == NULL) {
        return;
    }

    mark = hd_ck_enter(ck, "options");

    for (e = a->child, i = 0; e; e = e->next, i++) {
        char  at[16];

        snprintf(at, sizeof(at), "%u", i);

        if (e->type != HD_JSON_STRING || e->str.len == 0
            || hd_utf8_length(&e->str) > 100)
        {
            hd_ck_fault_at(ck, at, "invalid", "expected a text of 1 to 100 "
                           "characters");
            continue;
        }

        for (o = a->child; o != e; o = o->next) {
            if (o->type == HD_JSON_STRING && o->str.len == e->str.len
                && memcmp(o->str.data, e->str.data, e->str.len) == 0)
            {
                hd_ck_fault_at(ck, at, "duplicate", "this option stands here "
                               "twice");
                break;
            }
        }
    }

    hd_ck_leave(ck, mark);
}


static void
hd_ck_interactive_type(hd_contents_ck_t *ck, const hd_json_t *v)
{
    size_t  mark;

    (void) hd_ck_object(ck, v, "type interactive");

    mark = hd_ck_enter(ck, "interactive");
    hd_ck_interactive(ck, hd_json_get(v, "interactive"));
    hd_ck_leave(ck, mark);
}


static void
hd_ck_init(hd_contents_ck_t *ck, const char *at, hd_contents_fault_pt fault,
    void *ctx, hd_contents_t *out)
{
    memset(ck, 0, sizeof(hd_contents_ck_t));
    memset(out, 0, sizeof(hd_contents_t));

    ck->fault = fault;
    ck->ctx = ctx;
    ck->out = out;
    ck->len = (size_t) snprintf(ck->path, sizeof(ck->path), "%s", at);

    out->use = HD_USES;
}


int
hd_contents_check(const hd_json_t *content, const char *at,
    hd_contents_fault_pt fault, void *ctx, hd_contents_t *out)
{
    size_t            i;
    hd_contents_ck_t  ck;

    static const struct {
        const char   *type;
        void        (*check)(hd_contents_ck_t *ck, const hd_json_t *v);
    } types[] = {
        { "image", hd_ck_media },
        { "video", hd_ck_media },
        { "audio", hd_ck_media },
        { "document", hd_ck_media },
        { "sticker", hd_ck_media },
        { "location", hd_ck_location },
        { "contacts", hd_ck_contacts },
        { "reaction", hd_ck_reaction },
        { "interactive", hd_ck_interactive_type },
        { "poll", hd_ck_poll }
    };

    hd_ck_init(&ck, at, fault, ctx, out);

    if (content->type != HD_JSON_OBJECT) {
        hd_ck_fault(&ck, "invalid", "expected an object with a type");
        return HD_ERROR;
    }

    out->type = hd_json_str(content, "type");

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strlen(types[i].type) == out->type.len
            && memcmp(types[i].type, out->type.data, out->type.len) == 0)
        {
            types[i].check(&ck, content);
            return ck.faults ? HD_ERROR : HD_OK;
        }
    }

    hd_ck_fault_at(&ck, "type", "invalid", "expected image, video, audio, "
                   "document, sticker, location, contacts, reaction, "
                   "interactive or poll");

    return HD_ERROR;
}


int
hd_contents_file(const hd_json_t *v, const char *at, hd_use_e use,
    hd_contents_fault_pt fault, void *ctx, hd_contents_t *out)
{
    hd_contents_ck_t  ck;

    hd_ck_init(&ck, at, fault, ctx, out);

    if (hd_ck_object(&ck, v, "media_id link filename")) {
        hd_ck_file(&ck, v, use);
        out->filename = hd_ck_string(&ck, v, "filename", 0, 240);
    }

    return ck.faults ? HD_ERROR : HD_OK;
}

/*
 * cloud_api_inbound: one message of a webhook, of whichever type: who wrote
 * it, what a person would read of it, its file, what was chosen, and what it
 * speaks of.  Types and members that are not known here stay in its raw text.
 */

#include "cloud_api_webhook.h"


static hd_json_t *
hd_cloud_api_contact(hd_cloud_api_change_t *c, size_t index,
    const hd_str_t *from, const hd_str_t *user_id)
{
    size_t      i;
    hd_str_t    s;
    hd_json_t  *v, *same;

    if (c->contacts == NULL) {
        return NULL;
    }

    same = NULL;
    i = 0;

    for (v = c->contacts->child; v != NULL; v = v->next) {

        s = hd_cloud_api_text(v, "wa_id");
        if (s.len != 0 && s.len == from->len
            && memcmp(s.data, from->data, s.len) == 0)
        {
            return v;
        }

        s = hd_json_str(v, "user_id");
        if (s.len != 0 && s.len == user_id->len
            && memcmp(s.data, user_id->data, s.len) == 0)
        {
            return v;
        }

        if (i++ == index) {
            same = v;
        }
    }

    /* by place only where the two lists go together */
    if (c->contacts->count == c->nmessages) {
        return same;
    }

    return (c->contacts->count == 1) ? c->contacts->child : NULL;
}


static hd_str_t
hd_cloud_api_first(const hd_json_t *obj, const char *a, const char *b)
{
    hd_str_t  s;

    s = hd_json_str(obj, a);

    return (s.len != 0) ? s : hd_json_str(obj, b);
}


/* what a person would read as the message's text */
static hd_str_t
hd_cloud_api_words(const hd_json_t *v, const hd_str_t *type)
{
    size_t      i;
    hd_str_t    s;
    hd_json_t  *part;

    static const struct {
        const char  *type;
        const char  *member;
        const char  *otherwise;
    } parts[] = {
        { "text", "body", "" },
        { "image", "caption", "" },
        { "video", "caption", "" },
        { "document", "caption", "filename" },
        { "button", "text", "payload" },
        { "reaction", "emoji", "" },
        { "location", "name", "address" },
        { "order", "text", "" },
        { "system", "body", "" },
        { "request_welcome", "text", "" }
    };

    hd_str_set(&s, "");

    if (hd_str_eq(type, "contacts")) {
        return hd_json_str(hd_json_path(v, "contacts.0.name"),
                           "formatted_name");
    }

    if (hd_str_eq(type, "edit")) {
        part = hd_json_path(v, "edit.message");
        s = hd_json_str(part, "type");

        /* what it says now; of an edit of an edit nobody has heard */
        return hd_str_eq(&s, "edit") ? s : hd_cloud_api_words(part, &s);
    }

    if (hd_str_eq(type, "interactive")) {
        part = hd_json_get(v, "interactive");
        s = hd_json_str(hd_json_get(part, "button_reply"), "title");

        if (s.len == 0) {
            s = hd_json_str(hd_json_get(part, "list_reply"), "title");
        }

        if (s.len == 0) {
            s = hd_json_str(hd_json_get(part, "nfm_reply"), "body");
        }

        if (s.len == 0) {
            s = hd_json_str(hd_json_get(part, "call_permission_reply"),
                            "response");
        }

        return s;
    }

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strlen(parts[i].type) == type->len
            && memcmp(parts[i].type, type->data, type->len) == 0)
        {
            return hd_cloud_api_first(hd_json_get(v, parts[i].type),
                                      parts[i].member, parts[i].otherwise);
        }
    }

    return s;
}


static int
hd_cloud_api_is_digits(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }
    }

    return 1;
}


/*
 * Who wrote it, and of an echo, to whom: wa_id and user id from the message,
 * else from its contact.  A `from` that is no number is an id all the same, so
 * it counts as one.
 */
static void
hd_cloud_api_sender(hd_cloud_api_change_t *c, const hd_json_t *v,
    size_t index, hd_inbound_event_t *e)
{
    hd_json_t  *contact;

    if (c->echo) {
        e->from = hd_cloud_api_text(v, "to");
        e->user_id = hd_json_str(v, "to_user_id");

    } else {
        e->from = hd_cloud_api_text(v, "from");
        e->user_id = hd_cloud_api_first(v, "from_user_id", "user_id");
    }

    contact = hd_cloud_api_contact(c, index, &e->from, &e->user_id);

    if (e->from.len == 0) {
        e->from = hd_cloud_api_text(contact, "wa_id");
    }

    if (e->user_id.len == 0) {
        e->user_id = hd_json_str(contact, "user_id");
    }

    e->name = hd_json_str(hd_json_get(contact, "profile"), "name");

    if (e->from.len > 1 && e->from.data[0] == '+') {
        e->from.data++;
        e->from.len--;
    }

    if (!hd_cloud_api_is_digits(&e->from)) {

        if (e->user_id.len == 0) {
            e->user_id = e->from;
        }

        hd_str_set(&e->from, "");
    }
}


/* the file of an image, a video…: Meta's id of it */
static void
hd_cloud_api_attachment(const hd_json_t *v, hd_inbound_event_t *e)
{
    size_t      i;
    hd_json_t  *part;

    static const char  *types[] = {
        "image", "video", "audio", "document", "sticker", "voice"
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {

        if (strlen(types[i]) != e->type.len
            || memcmp(types[i], e->type.data, e->type.len) != 0)
        {
            continue;
        }

        part = hd_json_get(v, types[i]);
        e->media_ref = hd_cloud_api_text(part, "id");
        e->media_mime = hd_json_str(part, "mime_type");
        e->media_name = hd_json_str(part, "filename");
    }
}


/* what was chosen, by the id that the message which asked gave it */
static void
hd_cloud_api_choice(const hd_json_t *v, hd_inbound_event_t *e)
{
    hd_json_t  *part;

    if (hd_str_eq(&e->type, "button")) {
        e->choice = hd_json_str(hd_json_get(v, "button"), "payload");
        return;
    }

    if (!hd_str_eq(&e->type, "interactive")) {
        return;
    }

    part = hd_json_get(v, "interactive");
    e->choice = hd_json_str(hd_json_get(part, "button_reply"), "id");

    if (e->choice.len == 0) {
        e->choice = hd_json_str(hd_json_get(part, "list_reply"), "id");
    }
}


/* the message that this one speaks of */
static void
hd_cloud_api_context(const hd_json_t *v, hd_inbound_event_t *e)
{
    size_t  i;

    static const struct {
        const char  *type;
        const char  *member;
    } others[] = {
        { "reaction", "message_id" },
        { "edit", "original_message_id" },
        { "revoke", "original_message_id" }
    };

    e->context_id = hd_json_str(hd_json_get(v, "context"), "id");

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (e->context_id.len == 0
            && strlen(others[i].type) == e->type.len
            && memcmp(others[i].type, e->type.data, e->type.len) == 0)
        {
            e->context_id = hd_json_str(hd_json_get(v, others[i].type),
                                        others[i].member);
        }
    }
}


void
hd_cloud_api_message(hd_cloud_api_change_t *c, const hd_json_t *v,
    size_t index)
{
    hd_inbound_event_t  e;

    memset(&e, 0, sizeof(e));

    hd_str_set(&e.media_ref, "");
    hd_str_set(&e.media_mime, "");
    hd_str_set(&e.media_name, "");
    hd_str_set(&e.choice, "");
    hd_str_set(&e.lid, "");

    e.provider_id = hd_json_str(v, "id");

    if (e.provider_id.len == 0) {
        c->sink->bad(c->sink->ctx, "a message without an id");
        return;
    }

    hd_cloud_api_sender(c, v, index, &e);

    if (e.from.len == 0 && e.user_id.len == 0) {
        c->sink->bad(c->sink->ctx, "a message without a sender");
        return;
    }

    e.type = hd_json_str(v, "type");
    if (e.type.len == 0) {
        hd_str_set(&e.type, "unknown");
    }

    e.text = hd_cloud_api_words(v, &e.type);
    hd_cloud_api_context(v, &e);
    hd_cloud_api_attachment(v, &e);
    hd_cloud_api_choice(v, &e);

    e.group = hd_json_str(v, "group_id");
    e.outbound = c->echo;
    e.at = hd_cloud_api_time(hd_json_get(v, "timestamp"));
    e.raw = hd_cloud_api_raw(c, v);

    if (c->failed) {
        return;
    }

    c->sink->inbound(c->sink->ctx, &c->number_id, &e);
}

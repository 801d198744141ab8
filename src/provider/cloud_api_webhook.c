/*
 * cloud_api_webhook: one delivery of Meta's webhook into events.
 *
 *     { object, entry: [ { id, changes: [ { field, value: {
 *           metadata: { phone_number_id },
 *           contacts: [], messages: [], statuses: [], errors: [] } } ] } ] }
 *
 * Every list may hold many elements, any of them may be odd, and new fields
 * and types come without notice.  So nothing fails but a body that is not
 * Meta's at all: an element without what we need goes to bad(), a change that
 * we do not take apart goes to other(), and the rest goes on.
 */

#include <stdio.h>

#include "cloud_api.h"


#define HD_CLOUD_API_DEPTH   64

/* seconds of the year 5138: a greater timestamp is in milliseconds */
#define HD_CLOUD_API_MS      INT64_C(100000000000)


typedef struct {
    hd_mem_t           *mem;
    hd_webhook_sink_t  *sink;
    hd_str_t            number_id;
    hd_str_t            business_id;
    int64_t             at;             /* of the entry */
    hd_json_t          *contacts;       /* of the change, or NULL */
    size_t              nmessages;
    unsigned            failed:1;       /* out of memory */
} hd_cloud_api_change_t;


int64_t
hd_cloud_api_time(const hd_json_t *v)
{
    int64_t  at;

    if (hd_cloud_api_int(v, &at) != HD_OK || at <= 0) {
        return 0;
    }

    if (at >= HD_CLOUD_API_MS) {
        return (at / 1000 > HD_CLOUD_API_END) ? 0 : at * 1000;
    }

    return at * 1000000;
}


static hd_str_t
hd_cloud_api_raw(hd_cloud_api_change_t *c, const hd_json_t *v)
{
    hd_str_t  s, out;
    hd_buf_t  b;

    hd_str_set(&out, "");
    hd_buf_init(&b);
    hd_json_write(&b, v);

    s.data = b.data;
    s.len = b.len;

    if (b.failed || hd_str_dup(c->mem, &s, &out) != HD_OK) {
        c->failed = 1;
    }

    hd_buf_free(&b);

    return out;
}


static void
hd_cloud_api_other(hd_cloud_api_change_t *c, const char *field,
    const hd_str_t *name, const hd_json_t *v)
{
    hd_other_event_t  e;

    e.number_id = c->number_id;
    e.business_id = c->business_id;
    e.at = c->at;
    e.facts = NULL;
    e.raw = hd_cloud_api_raw(c, v);

    if (field != NULL) {
        e.field.data = (unsigned char *) field;
        e.field.len = strlen(field);

    } else {
        e.field = *name;

        if (hd_cloud_api_facts(c->mem, name, v, c->at, &e.facts) != HD_OK) {
            c->failed = 1;
        }
    }

    if (c->failed) {
        return;
    }

    c->sink->other(c->sink->ctx, &e);
}


/* statuses */

static int
hd_cloud_api_status_word(const hd_str_t *word, hd_status_e *status)
{
    size_t  i;

    static const struct {
        const char   *word;
        hd_status_e   status;
    } words[] = {
        { "sent", HD_STATUS_SENT },
        { "delivered", HD_STATUS_DELIVERED },
        { "read", HD_STATUS_READ },
        { "played", HD_STATUS_PLAYED },
        { "failed", HD_STATUS_FAILED }
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i].word) == word->len
            && memcmp(words[i].word, word->data, word->len) == 0)
        {
            *status = words[i].status;
            return HD_OK;
        }
    }

    return HD_ERROR;
}


static void
hd_cloud_api_status(hd_cloud_api_change_t *c, const hd_json_t *v)
{
    int64_t             code;
    hd_str_t            word;
    hd_json_t          *error;
    hd_status_event_t   e;

    memset(&e, 0, sizeof(e));

    e.provider_id = hd_json_str(v, "id");
    word = hd_json_str(v, "status");

    if (e.provider_id.len == 0) {
        c->sink->bad(c->sink->ctx, "a status without the id of its message");
        return;
    }

    /* the customer deleted it on their side: nothing that we count */
    if (hd_str_eq(&word, "deleted")) {
        return;
    }

    if (hd_cloud_api_status_word(&word, &e.status) != HD_OK) {
        c->sink->bad(c->sink->ctx, "a status of an unknown kind");
        return;
    }

    e.reference = hd_json_str(v, "biz_opaque_callback_data");
    e.at = hd_cloud_api_time(hd_json_get(v, "timestamp"));
    hd_str_set(&e.detail, "");

    if (e.status == HD_STATUS_FAILED) {
        error = hd_json_path(v, "errors.0");
        e.detail = hd_cloud_api_detail(error);

        /* -1 has the row of codes we do not know; 0 would blame the token */
        e.code = -1;

        if (hd_cloud_api_int(hd_json_get(error, "code"), &code) == HD_OK
            && code >= 0 && code <= INT32_MAX)
        {
            e.code = (int) code;
        }
    }

    c->sink->status(c->sink->ctx, &c->number_id, &e);
}


/* messages */

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
        { "order", "text", "" }
    };

    hd_str_set(&s, "");

    if (hd_str_eq(type, "interactive")) {
        part = hd_json_get(v, "interactive");
        s = hd_json_str(hd_json_get(part, "button_reply"), "title");

        if (s.len == 0) {
            s = hd_json_str(hd_json_get(part, "list_reply"), "title");
        }

        if (s.len == 0) {
            s = hd_json_str(hd_json_get(part, "nfm_reply"), "body");
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
 * Who wrote it: wa_id and user id from the message, else from its contact.
 * A `from` that is no number is an id all the same, so it counts as one.
 */
static void
hd_cloud_api_sender(hd_cloud_api_change_t *c, const hd_json_t *v,
    size_t index, hd_inbound_event_t *e)
{
    hd_json_t  *contact;

    e->from = hd_cloud_api_text(v, "from");
    e->user_id = hd_cloud_api_first(v, "from_user_id", "user_id");

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


static void
hd_cloud_api_message(hd_cloud_api_change_t *c, const hd_json_t *v,
    size_t index)
{
    hd_inbound_event_t  e;

    memset(&e, 0, sizeof(e));

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
    e.context_id = hd_json_str(hd_json_get(v, "context"), "id");

    if (e.context_id.len == 0 && hd_str_eq(&e.type, "reaction")) {
        e.context_id = hd_json_str(hd_json_get(v, "reaction"), "message_id");
    }

    e.at = hd_cloud_api_time(hd_json_get(v, "timestamp"));
    e.raw = hd_cloud_api_raw(c, v);

    if (c->failed) {
        return;
    }

    c->sink->inbound(c->sink->ctx, &c->number_id, &e);
}


/* changes */

static hd_json_t *
hd_cloud_api_list(const hd_json_t *obj, const char *key)
{
    hd_json_t  *v;

    v = hd_json_get(obj, key);

    return (v != NULL && v->type == HD_JSON_ARRAY) ? v : NULL;
}


/* the change of the field "messages"; 1 when there was something in it */
static int
hd_cloud_api_messages(hd_cloud_api_change_t *c, const hd_json_t *value)
{
    size_t      i;
    hd_json_t  *messages, *statuses, *errors, *v;

    messages = hd_cloud_api_list(value, "messages");
    statuses = hd_cloud_api_list(value, "statuses");
    errors = hd_cloud_api_list(value, "errors");

    c->contacts = hd_cloud_api_list(value, "contacts");
    c->nmessages = (messages == NULL) ? 0 : messages->count;

    if (messages != NULL) {
        i = 0;

        for (v = messages->child; v != NULL; v = v->next) {
            hd_cloud_api_message(c, v, i++);
        }
    }

    if (statuses != NULL) {
        for (v = statuses->child; v != NULL; v = v->next) {
            hd_cloud_api_status(c, v);
        }
    }

    if (errors != NULL && errors->count != 0) {
        hd_cloud_api_other(c, "errors", NULL, errors);
    }

    return messages != NULL || statuses != NULL || errors != NULL;
}


static void
hd_cloud_api_change(hd_cloud_api_change_t *c, const hd_json_t *change)
{
    hd_str_t    field;
    hd_json_t  *value;

    field = hd_json_str(change, "field");
    value = hd_json_get(change, "value");

    if (value == NULL) {
        c->sink->bad(c->sink->ctx, "a change without a value");
        return;
    }

    c->number_id = hd_cloud_api_text(hd_json_get(value, "metadata"),
                                     "phone_number_id");
    c->contacts = NULL;

    if ((field.len == 0 || hd_str_eq(&field, "messages"))
        && hd_cloud_api_messages(c, value))
    {
        return;
    }

    hd_cloud_api_other(c, NULL, &field, value);
}


static void
hd_cloud_api_fail(hd_json_error_t *err, const char *text)
{
    if (err != NULL) {
        err->offset = 0;
        (void) snprintf(err->text, sizeof(err->text), "%s", text);
    }
}


int
hd_cloud_api_webhook(hd_mem_t *mem, const hd_str_t *body,
    hd_webhook_sink_t *sink, hd_json_error_t *err)
{
    hd_str_t                object;
    hd_json_t              *root, *entries, *entry, *changes, *change;
    hd_cloud_api_change_t   c;

    root = hd_json_parse_foreign(mem, body->data, body->len,
                                 HD_CLOUD_API_DEPTH, err);
    if (root == NULL) {
        return HD_ERROR;
    }

    object = hd_json_str(root, "object");

    if (!hd_str_eq(&object, "whatsapp_business_account")) {
        hd_cloud_api_fail(err, "not a whatsapp_business_account webhook");
        return HD_ERROR;
    }

    entries = hd_cloud_api_list(root, "entry");
    if (entries == NULL) {
        hd_cloud_api_fail(err, "the webhook has no list of entries");
        return HD_ERROR;
    }

    memset(&c, 0, sizeof(c));
    c.mem = mem;
    c.sink = sink;

    for (entry = entries->child; entry != NULL; entry = entry->next) {

        c.business_id = hd_cloud_api_text(entry, "id");
        c.at = hd_cloud_api_time(hd_json_get(entry, "time"));

        changes = hd_cloud_api_list(entry, "changes");
        if (changes == NULL) {
            sink->bad(sink->ctx, "an entry without changes");
            continue;
        }

        for (change = changes->child; change != NULL; change = change->next) {
            hd_cloud_api_change(&c, change);
        }
    }

    if (c.failed) {
        hd_cloud_api_fail(err, "out of memory");
        return HD_ERROR;
    }

    return HD_OK;
}

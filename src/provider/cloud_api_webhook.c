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
 * we do not take apart goes to other(), and the rest goes on.  One message is
 * read in cloud_api_inbound.c.
 */

#include <stdio.h>

#include "cloud_api_webhook.h"


#define HD_CLOUD_API_DEPTH   64

/* seconds of the year 5138: a greater timestamp is in milliseconds */
#define HD_CLOUD_API_MS      INT64_C(100000000000)


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


hd_str_t
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


/* changes */

static hd_json_t *
hd_cloud_api_list(const hd_json_t *obj, const char *key)
{
    hd_json_t  *v;

    v = hd_json_get(obj, key);

    return (v != NULL && v->type == HD_JSON_ARRAY) ? v : NULL;
}


/* what the owner of the number wrote, by the phone */
static void
hd_cloud_api_echoes(hd_cloud_api_change_t *c, const hd_json_t *value)
{
    size_t      i;
    hd_json_t  *echoes, *v;

    echoes = hd_cloud_api_list(value, "message_echoes");

    c->contacts = hd_cloud_api_list(value, "contacts");
    c->nmessages = echoes->count;
    c->echo = 1;

    i = 0;

    for (v = echoes->child; v != NULL; v = v->next) {
        hd_cloud_api_message(c, v, i++);
    }

    c->echo = 0;
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

    if (hd_str_eq(&field, "smb_message_echoes")
        && hd_cloud_api_list(value, "message_echoes") != NULL)
    {
        hd_cloud_api_echoes(c, value);
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

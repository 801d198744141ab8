/*
 * waha_chat: what is asked of WAHA in pages: chats and the messages in them,
 * for what was missed while one of us was away; groups; and stories, which go
 * to at most HD_WAHA_RECIPIENTS people in one request.
 */

#include "waha.h"


#define HD_WAHA_CHATS       50
#define HD_WAHA_MESSAGES    100
#define HD_WAHA_GROUPS      100
#define HD_WAHA_RECIPIENTS  256


/* a number, or its text (a cursor); 0: none */
static int64_t
hd_waha_int(const hd_json_t *args, const char *name)
{
    int64_t    n;
    hd_json_t *v, number;

    v = hd_json_get(args, name);

    if (v == NULL) {
        return 0;
    }

    number = *v;
    number.type = (v->type == HD_JSON_STRING) ? HD_JSON_NUMBER : v->type;

    return (hd_json_int(&number, &n) == HD_OK && n > 0) ? n : 0;
}


/* the URL goes on with what is in b */
static int
hd_waha_query(hd_mem_t *mem, hd_buf_t *b, hd_provider_request_t *out)
{
    int       rc;
    hd_buf_t  url;

    hd_buf_init(&url);
    hd_buf_str(&url, &out->url);
    hd_buf_add(&url, b->data, b->len);
    url.failed |= b->failed;

    rc = hd_waha_take(mem, &url, &out->url);

    hd_buf_free(&url);
    hd_buf_free(b);

    return rc;
}


/* ── what was missed ── */

static int
hd_waha_chats_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int       rc;
    int64_t   since;
    hd_buf_t  b;
    hd_str_t  parts[2];

    (void) why;

    parts[0] = account->number_id;
    parts[1] = hd_json_str(args, "chat");

    hd_buf_init(&b);

    if (parts[1].len == 0) {
        rc = hd_waha_request(mem, account, "GET", "/api/{s}/chats", parts,
                             out);
        hd_buf_printf(&b, "?sortBy=conversationTimestamp&sortOrder=desc"
                          "&limit=%d", HD_WAHA_CHATS);

    } else {
        rc = hd_waha_request(mem, account, "GET",
                             "/api/{s}/chats/{c}/messages", parts, out);
        hd_buf_printf(&b, "?downloadMedia=true&limit=%d", HD_WAHA_MESSAGES);

        since = hd_waha_int(args, "since");

        if (since != 0) {
            hd_buf_printf(&b, "&filter.timestamp.gte=%lld",
                          (long long) since);
        }
    }

    hd_buf_printf(&b, "&offset=%lld",
                  (long long) hd_waha_int(args, "offset"));

    if (rc != HD_OK) {
        hd_buf_free(&b);
        return rc;
    }

    return hd_waha_query(mem, &b, out);
}


/* a chat: what of it is needed to know whether to look into it */
static void
hd_waha_chat_read(hd_buf_t *b, const hd_json_t *v)
{
    int64_t   at;
    hd_str_t  id;

    static const char *const  ids[] = { "id._serialized", "id", NULL };

    id = hd_waha_first(v, ids);
    at = hd_waha_time(hd_json_get(v, "conversationTimestamp"));

    if (at == 0) {
        at = hd_waha_time(hd_json_get(v, "timestamp"));
    }

    if (at == 0) {
        at = hd_waha_time(hd_json_path(v, "lastMessage.timestamp"));
    }

    hd_buf_char(b, '{');
    hd_waha_member(b, "id", &id);
    hd_buf_printf(b, ",\"at\":%lld}", (long long) (at / 1000000));
}


/*
 * Chats have no `from`; messages do.  A list that is empty is both:
 * {"chats":[],"messages":[],"more":false}.
 */
static void
hd_waha_chats_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    size_t      n, page;
    hd_buf_t    b;
    hd_json_t  *root, *v;

    root = hd_waha_read(mem, http_status, body, out);
    if (root == NULL) {
        return;
    }

    if (root->type != HD_JSON_ARRAY && root->type != HD_JSON_NULL) {
        out->answer.outcome = HD_OUTCOME_UNKNOWN;
        return;
    }

    hd_buf_init(&b);
    page = HD_WAHA_CHATS;
    hd_buf_z(&b, "{\"chats\":[");
    n = 0;

    for (v = root->child; v != NULL; v = v->next) {
        if (hd_json_get(v, "from") == NULL) {
            hd_buf_z(&b, n++ ? "," : "");
            hd_waha_chat_read(&b, v);
        }
    }

    hd_buf_z(&b, "],\"messages\":[");
    n = 0;

    for (v = root->child; v != NULL; v = v->next) {
        if (hd_json_get(v, "from") != NULL) {
            hd_buf_z(&b, n++ ? "," : "");
            hd_json_write(&b, v);
            page = HD_WAHA_MESSAGES;
        }
    }

    hd_buf_z(&b, root->count >= page ? "],\"more\":true}"
                                     : "],\"more\":false}");
    hd_waha_result(mem, &b, out);
}


const hd_op_t  hd_waha_chats = { hd_waha_chats_build, hd_waha_chats_read };


/* ── groups ── */

static int
hd_waha_groups_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int       rc;
    hd_buf_t  b;
    hd_str_t  parts[2];

    (void) why;

    parts[0] = account->number_id;
    parts[1] = hd_json_str(args, "id");

    if (parts[1].len != 0) {
        return hd_waha_request(mem, account, "GET", "/api/{s}/groups/{g}",
                               parts, out);
    }

    rc = hd_waha_request(mem, account, "GET", "/api/{s}/groups", parts, out);
    if (rc != HD_OK) {
        return rc;
    }

    hd_buf_init(&b);
    hd_buf_printf(&b, "?sortBy=subject&sortOrder=asc&limit=%d&offset=%lld",
                  HD_WAHA_GROUPS, (long long) hd_waha_int(args, "cursor"));

    return hd_waha_query(mem, &b, out);
}


/* the engines name things each in its way */
static void
hd_waha_group_read(hd_buf_t *b, const hd_json_t *v)
{
    hd_str_t    s;
    hd_json_t  *p;

    static const char *const  ids[] = { "id._serialized", "id", "JID",
                                        "groupMetadata.id._serialized", NULL };
    static const char *const  names[] = { "subject", "name", "Name",
                                          "groupMetadata.subject", NULL };
    static const char *const  about[] = { "description", "desc", "Topic",
                                          "groupMetadata.desc", NULL };

    s = hd_waha_first(v, ids);
    hd_buf_char(b, '{');
    hd_waha_member(b, "id", &s);
    s = hd_waha_first(v, names);
    hd_waha_member(b, "name", &s);
    s = hd_waha_first(v, about);
    hd_waha_member(b, "description", &s);

    p = hd_json_get(v, "participants");

    if (p == NULL) {
        p = hd_json_get(v, "Participants");
    }

    if (p == NULL) {
        p = hd_json_path(v, "groupMetadata.participants");
    }

    if (p != NULL && p->type == HD_JSON_ARRAY) {
        hd_buf_printf(b, ",\"participants\":%u}", p->count);

    } else {
        hd_buf_z(b, ",\"participants\":null}");
    }
}


static void
hd_waha_groups_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_buf_t    b;
    hd_json_t  *root, *v;

    root = hd_waha_read(mem, http_status, body, out);
    if (root == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"groups\":[");

    /* one group, a list of them, or an object with a member for each */

    v = hd_json_get(root, "subject");

    if (root->type == HD_JSON_OBJECT
        && (v != NULL || hd_json_get(root, "JID") != NULL
            || hd_json_get(root, "groupMetadata") != NULL))
    {
        hd_waha_group_read(&b, root);

    } else {
        for (v = root->child; v != NULL; v = v->next) {
            if (v->type == HD_JSON_OBJECT) {
                hd_buf_z(&b, b.data[b.len - 1] == '[' ? "" : ",");
                hd_waha_group_read(&b, v);
            }
        }
    }

    hd_buf_z(&b, root->count >= HD_WAHA_GROUPS ? "],\"more\":true}"
                                               : "],\"more\":false}");
    hd_waha_result(mem, &b, out);
}


const hd_op_t  hd_waha_groups = { hd_waha_groups_build, hd_waha_groups_read };


/* ── stories ── */

/* "contacts":[…]; HD_DECLINED: too many, or none of them is one */
static int
hd_waha_recipients(hd_buf_t *b, const hd_json_t *args, const char **why)
{
    hd_json_t  *v;

    v = hd_json_get(args, "recipients");

    if (v == NULL || v->type == HD_JSON_NULL) {
        /* whoever may see it, by the phone's own setting */
        return HD_OK;
    }

    if (v->type != HD_JSON_ARRAY || v->count == 0
        || v->count > HD_WAHA_RECIPIENTS)
    {
        *why = "\"recipients\" must be 1 to 256 phones in one request.";
        return HD_DECLINED;
    }

    hd_buf_z(b, b->len > 1 ? ",\"contacts\":[" : "\"contacts\":[");

    for (v = v->child; v != NULL; v = v->next) {
        hd_waha_chat(b, &v->str);

        if (v->next != NULL) {
            hd_buf_char(b, ',');
        }
    }

    hd_buf_char(b, ']');

    return HD_OK;
}


static const char *
hd_waha_story(hd_buf_t *b, const hd_json_t *args, const char **why)
{
    int64_t         font;
    hd_str_t        type, s, colour;
    hd_media_ref_t  file;

    static const char *const  colours[] = { "background", "background_color",
                                            NULL };
    static const char *const  links[] = { "media.link", "link", NULL };
    static const char *const  mimes[] = { "media.mime", "mime", NULL };

    type = hd_json_str(args, "type");
    colour = hd_waha_first(args, colours);

    if (colour.len == 0) {
        hd_str_set(&colour, "#38b42f");
    }

    if (hd_str_eq(&type, "text")) {
        s = hd_json_str(args, "text");

        if (s.len == 0) {
            *why = "\"text\" is missing.";
            return NULL;
        }

        font = hd_waha_int(args, "font");
        hd_waha_member(b, "text", &s);
        hd_waha_member(b, "backgroundColor", &colour);
        hd_buf_printf(b, ",\"font\":%lld", (long long) font);

        return "/api/{s}/status/text";
    }

    memset(&file, 0, sizeof(file));
    file.link = hd_waha_first(args, links);
    file.mime = hd_waha_first(args, mimes);
    file.filename = hd_json_str(hd_json_get(args, "media"), "filename");
    s = hd_json_str(args, "caption");

    if (file.link.len == 0) {
        *why = "\"media\": {\"link\"} is missing: where the file is.";
        return NULL;
    }

    if (hd_str_eq(&type, "image")) {
        hd_waha_file(b, &file, "image/jpeg");

    } else if (hd_str_eq(&type, "video")) {
        hd_waha_file(b, &file, "video/mp4");
        hd_buf_z(b, ",\"convert\":true");

    } else if (hd_str_eq(&type, "voice") || hd_str_eq(&type, "audio")) {
        hd_waha_file(b, &file, "audio/ogg; codecs=opus");
        hd_buf_z(b, ",\"convert\":true");
        hd_waha_member(b, "backgroundColor", &colour);

        return "/api/{s}/status/voice";

    } else {
        *why = "\"type\" must be one of text, image, video, voice.";
        return NULL;
    }

    if (s.len != 0) {
        hd_waha_member(b, "caption", &s);
    }

    return hd_str_eq(&type, "image") ? "/api/{s}/status/image"
                                     : "/api/{s}/status/video";
}


static int
hd_waha_story_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int          rc;
    hd_buf_t     b;
    hd_str_t     id;
    hd_json_t   *v;
    const char  *path;

    v = hd_json_get(args, "new_id");

    if (v != NULL && v->type == HD_JSON_TRUE) {
        return hd_waha_request(mem, account, "GET",
                               "/api/{s}/status/new-message-id",
                               &account->number_id, out);
    }

    id = hd_json_str(args, "id");

    hd_buf_init(&b);
    hd_buf_char(&b, '{');

    rc = hd_waha_recipients(&b, args, why);
    path = NULL;

    if (rc == HD_OK) {
        if (id.len != 0) {
            hd_waha_member(&b, "id", &id);
        }

        path = hd_waha_story(&b, args, why);
    }

    if (path == NULL) {
        hd_buf_free(&b);
        return HD_DECLINED;
    }

    hd_buf_char(&b, '}');

    rc = hd_waha_request(mem, account, "POST", path, &account->number_id, out);

    if (rc == HD_OK) {
        rc = hd_waha_body(mem, &b, out);
    }

    hd_buf_free(&b);

    return rc;
}


/* a story's id: its key alone, which is what the delete takes */
static void
hd_waha_story_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_buf_t    b;
    hd_str_t    name, key;
    hd_json_t  *root;

    static const char *const  ids[] = { "id._serialized", "id", "key.id",
                                        "_data.key.id", NULL };

    root = hd_waha_read(mem, http_status, body, out);

    if (root == NULL) {
        /* as for messages: nobody knows whether it was posted */

        if (http_status == 500 || http_status == 504) {
            out->answer.outcome = HD_OUTCOME_UNKNOWN;
        }

        return;
    }

    name = hd_waha_first(root, ids);
    key = hd_waha_key(&name);
    out->answer.provider_id = key;

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_waha_member(&b, "id", &key);
    hd_buf_char(&b, '}');
    hd_waha_result(mem, &b, out);
}


const hd_op_t  hd_waha_status_post = { hd_waha_story_build,
                                       hd_waha_story_read };


static int
hd_waha_story_delete(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int       rc;
    hd_buf_t  b;
    hd_str_t  id;

    id = hd_json_str(args, "id");

    if (id.len == 0) {
        *why = "\"id\" is missing: the story's, as it was posted.";
        return HD_DECLINED;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_waha_member(&b, "id", &id);

    rc = hd_waha_recipients(&b, args, why);

    if (rc == HD_OK) {
        hd_buf_char(&b, '}');
        rc = hd_waha_request(mem, account, "POST", "/api/{s}/status/delete",
                             &account->number_id, out);
    }

    if (rc == HD_OK) {
        rc = hd_waha_body(mem, &b, out);
    }

    hd_buf_free(&b);

    return rc;
}


static void
hd_waha_story_gone(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    (void) hd_waha_read(mem, http_status, body, out);
}


const hd_op_t  hd_waha_status_delete = { hd_waha_story_delete,
                                         hd_waha_story_gone };

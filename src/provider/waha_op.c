/*
 * waha_op: what is asked of WAHA besides messages: its sessions, the number
 * behind one, chats and groups, files.  The members of arguments and results
 * stand in operations.md.
 */

#include "waha.h"


/* ── sessions ── */

/* a request of a session: `path` with {s} for its name */
static int
hd_waha_simple(hd_mem_t *mem, const hd_account_t *account, const char *method,
    const char *path, hd_provider_request_t *out)
{
    return hd_waha_request(mem, account, method, path, &account->number_id,
                           out);
}


/* all that we want to know; "message" and "message.any" together would tell
 * everything twice */
static const char  hd_waha_events[] =
    "[\"session.status\",\"message.any\",\"message.reaction\",\"message.ack\","
    "\"message.ack.group\",\"message.waiting\",\"message.revoked\","
    "\"message.edited\",\"poll.vote\",\"poll.vote.failed\",\"chat.archive\","
    "\"call.received\",\"call.accepted\",\"call.rejected\","
    "\"group.v2.join\",\"group.v2.leave\",\"group.v2.update\","
    "\"group.v2.participants\",\"event.response\"]";


static int
hd_waha_create_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int         rc, update;
    hd_buf_t    b;
    hd_json_t  *v;

    if (account->callback_url.len == 0) {
        *why = "herald_public_url is not set: WAHA would not know where to "
               "send what happens.";
        return HD_DECLINED;
    }

    v = hd_json_get(args, "update");
    update = (v != NULL && v->type == HD_JSON_TRUE);

    rc = update ? hd_waha_simple(mem, account, "PUT", "/api/sessions/{s}", out)
                : hd_waha_request(mem, account, "POST", "/api/sessions", NULL,
                                  out);
    if (rc != HD_OK) {
        return rc;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_waha_member(&b, "name", &account->number_id);

    if (!update) {
        v = hd_json_get(args, "start");
        hd_buf_z(&b, (v != NULL && v->type == HD_JSON_FALSE)
                     ? ",\"start\":false" : ",\"start\":true");
    }

    /* stories and channels are of nobody whom we could answer; the store is
     * what missed messages are pulled from */

    hd_buf_z(&b, ",\"config\":{\"ignore\":{\"status\":true,\"groups\":false,"
                 "\"channels\":true,\"broadcast\":true},"
                 "\"noweb\":{\"markOnline\":false,\"store\":{\"enabled\":true,"
                 "\"fullSync\":false}},\"webhooks\":[{");
    hd_waha_member(&b, "url", &account->callback_url);
    hd_buf_z(&b, ",\"events\":");
    hd_buf_z(&b, hd_waha_events);
    hd_buf_z(&b, ",\"hmac\":{");
    hd_waha_member(&b, "key", &account->app_secret);
    hd_buf_z(&b, "},\"retries\":{\"policy\":\"exponential\","
                 "\"delaySeconds\":2,\"attempts\":15}}]}}");

    rc = hd_waha_body(mem, &b, out);
    hd_buf_free(&b);

    return rc;
}


/* {state, phone, name, lid, engine} of SessionInfo or SessionDTO */
static void
hd_waha_session_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_buf_t    b;
    hd_str_t    s, phone;
    hd_json_t  *root, *me;

    root = hd_waha_read(mem, http_status, body, out);
    if (root == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');

    s = hd_json_str(root, "status");

    if (s.len != 0) {
        hd_waha_member(&b, "state", &s);
        hd_buf_z(&b, hd_str_eq(&s, "WORKING") ? ",\"works\":true"
                     : hd_str_eq(&s, "STARTING") ? ",\"works\":null"
                                                 : ",\"works\":false");
    }

    me = hd_json_get(root, "me");
    s = hd_json_str(me, "id");
    phone = hd_waha_phone(&s);

    if (phone.len != 0) {
        hd_buf_printf(&b, "%s\"phone\":\"+%.*s\"", b.len > 1 ? "," : "",
                      (int) phone.len, phone.data);
        s = hd_json_str(me, "pushName");
        hd_waha_member(&b, "name", &s);
        s = hd_json_str(me, "lid");
        hd_waha_member(&b, "lid", &s);
    }

    s = hd_json_str(hd_json_get(root, "engine"), "engine");

    if (s.len != 0) {
        hd_waha_member(&b, "engine", &s);
    }

    hd_buf_char(&b, '}');
    hd_waha_result(mem, &b, out);
}


#define hd_waha_session_op(name, method, path)                                \
    static int                                                                \
    hd_waha_##name##_build(hd_mem_t *mem, const hd_account_t *account,        \
        const hd_json_t *args, hd_provider_request_t *out, const char **why)  \
    {                                                                         \
        (void) args;                                                          \
        (void) why;                                                           \
                                                                              \
        return hd_waha_simple(mem, account, method, path, out);               \
    }                                                                         \
                                                                              \
    const hd_op_t  hd_waha_session_##name = {                                 \
        hd_waha_##name##_build, hd_waha_session_read                          \
    }


hd_waha_session_op(get, "GET", "/api/sessions/{s}");
hd_waha_session_op(start, "POST", "/api/sessions/{s}/start");
hd_waha_session_op(stop, "POST", "/api/sessions/{s}/stop");
hd_waha_session_op(restart, "POST", "/api/sessions/{s}/restart");
hd_waha_session_op(logout, "POST", "/api/sessions/{s}/logout");
hd_waha_session_op(delete, "DELETE", "/api/sessions/{s}");

const hd_op_t  hd_waha_session_create = {
    hd_waha_create_build, hd_waha_session_read
};


static int
hd_waha_qr_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    (void) args;
    (void) why;

    return hd_waha_simple(mem, account, "GET",
                          "/api/{s}/auth/qr?format=raw", out);
}


/* one member of the answer, as a member of the result */
static void
hd_waha_one(hd_mem_t *mem, int http_status, const hd_str_t *body,
    const char *theirs, const char *ours, hd_op_answer_t *out)
{
    hd_buf_t    b;
    hd_str_t    s;
    hd_json_t  *root;

    root = hd_waha_read(mem, http_status, body, out);
    if (root == NULL) {
        return;
    }

    s = hd_json_str(root, theirs);

    if (s.len == 0) {
        out->answer.outcome = HD_OUTCOME_UNKNOWN;
        return;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_waha_member(&b, ours, &s);
    hd_buf_char(&b, '}');
    hd_waha_result(mem, &b, out);
}


/* the first code lives a minute, those after it 20 s, and there are six */
static void
hd_waha_qr_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_buf_t  b;

    hd_waha_one(mem, http_status, body, "value", "qr", out);

    if (out->answer.outcome == HD_OUTCOME_ACCEPTED && out->result.len > 2) {
        hd_buf_init(&b);
        hd_buf_add(&b, out->result.data, out->result.len - 1);
        hd_buf_z(&b, ",\"first_s\":60,\"next_s\":20,\"of\":6,"
                     "\"state\":\"SCAN_QR_CODE\"}");
        hd_waha_result(mem, &b, out);
    }
}


const hd_op_t  hd_waha_session_qr = { hd_waha_qr_build, hd_waha_qr_read };


static int
hd_waha_code_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int       rc;
    size_t    i;
    hd_buf_t  b;
    hd_str_t  phone;

    phone = hd_json_str(args, "phone");

    if (phone.len == 0) {
        *why = "\"phone\" is missing: the number of the phone to pair.";
        return HD_DECLINED;
    }

    rc = hd_waha_simple(mem, account, "POST", "/api/{s}/auth/request-code",
                        out);
    if (rc != HD_OK) {
        return rc;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"phoneNumber\":\"");

    for (i = 0; i < phone.len; i++) {
        if (phone.data[i] >= '0' && phone.data[i] <= '9') {
            hd_buf_char(&b, phone.data[i]);
        }
    }

    hd_buf_z(&b, "\"}");
    rc = hd_waha_body(mem, &b, out);
    hd_buf_free(&b);

    return rc;
}


static void
hd_waha_code_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_waha_one(mem, http_status, body, "code", "code", out);
}


const hd_op_t  hd_waha_session_code = { hd_waha_code_build,
                                        hd_waha_code_read };


/* ── the number ── */

static int
hd_waha_me_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    (void) args;
    (void) why;

    return hd_waha_simple(mem, account, "GET", "/api/sessions/{s}/me", out);
}


/* null is what it says of a session that is not connected */
static void
hd_waha_me_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_buf_t    b;
    hd_str_t    s, phone;
    hd_json_t  *root;

    root = hd_waha_read(mem, http_status, body, out);
    if (root == NULL) {
        return;
    }

    s = hd_json_str(root, "id");
    phone = hd_waha_phone(&s);

    hd_buf_init(&b);
    hd_buf_char(&b, '{');

    if (phone.len != 0) {
        hd_buf_printf(&b, "%s\"phone\":\"+%.*s\"", b.len > 1 ? "," : "",
                      (int) phone.len, phone.data);
        s = hd_json_str(root, "pushName");

        if (s.len == 0) {
            s = hd_json_str(root, "name");
        }

        hd_waha_member(&b, "name", &s);
        s = hd_json_str(root, "lid");
        hd_waha_member(&b, "lid", &s);
        s = hd_json_str(root, "picture");
        hd_waha_member(&b, "picture_url", &s);

    } else {
        hd_buf_z(&b, "\"phone\":null");
    }

    hd_buf_char(&b, '}');
    hd_waha_result(mem, &b, out);
}


const hd_op_t  hd_waha_number_get = { hd_waha_me_build, hd_waha_me_read };


static int
hd_waha_profile_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    (void) args;
    (void) why;

    return hd_waha_simple(mem, account, "GET", "/api/{s}/profile", out);
}


const hd_op_t  hd_waha_profile_get = { hd_waha_profile_build,
                                       hd_waha_me_read };


/* one thing at a time: each is a request of its own */
static int
hd_waha_profile_set_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int             rc;
    hd_buf_t        b;
    hd_str_t        name, about, picture;
    hd_media_ref_t  file;

    name = hd_json_str(args, "name");
    about = hd_json_str(args, "about");
    picture = hd_json_str(args, "picture_link");

    if ((name.len != 0) + (about.len != 0) + (picture.len != 0) != 1) {
        *why = "Change one at a time: \"name\", \"about\" or "
               "\"picture_link\".";
        return HD_DECLINED;
    }

    rc = hd_waha_simple(mem, account, "PUT",
                        name.len ? "/api/{s}/profile/name"
                        : about.len ? "/api/{s}/profile/status"
                                    : "/api/{s}/profile/picture", out);
    if (rc != HD_OK) {
        return rc;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');

    if (name.len != 0) {
        hd_waha_member(&b, "name", &name);

    } else if (about.len != 0) {
        hd_waha_member(&b, "status", &about);

    } else {
        memset(&file, 0, sizeof(file));
        file.link = picture;
        hd_waha_file(&b, &file, "image/jpeg");
    }

    hd_buf_char(&b, '}');
    rc = hd_waha_body(mem, &b, out);
    hd_buf_free(&b);

    return rc;
}


static void
hd_waha_done_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    (void) hd_waha_read(mem, http_status, body, out);
}


const hd_op_t  hd_waha_profile_set = { hd_waha_profile_set_build,
                                       hd_waha_done_read };


/* ── files ── */

/*
 * What WAHA has stored itself it names by the address that it believes to
 * have ("http://localhost:3000/api/files/…"): it is asked for at the address
 * that we know, and only there our key goes with it.
 */
static int
hd_waha_media_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int             rc;
    size_t          n;
    hd_str_t        url, path;
    hd_buf_t        b;
    unsigned char  *p;

    static const char  files[] = "/api/files/";

    url = hd_json_str(args, "url");

    if (url.len == 0) {
        *why = "\"url\" is missing.";
        return HD_DECLINED;
    }

    p = hd_waha_search(&url, files);

    rc = hd_waha_request(mem, account, "GET", "", NULL, out);
    if (rc != HD_OK) {
        return rc;
    }

    out->to_file = 1;

    if (p == NULL) {
        out->url = url;
        out->nheaders = 0;
        return HD_OK;
    }

    n = (size_t) (p - url.data);
    path.data = p;
    path.len = url.len - n;

    hd_buf_init(&b);
    hd_buf_str(&b, &out->url);
    hd_buf_str(&b, &path);

    rc = hd_waha_take(mem, &b, &out->url);
    hd_buf_free(&b);
    out->nheaders = 1;

    return rc;
}


const hd_op_t  hd_waha_media_get = { hd_waha_media_build, hd_waha_done_read };


/* ── a chat ── */

static int
hd_waha_seen_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int       rc;
    hd_buf_t  b;
    hd_str_t  to, id;

    to = hd_json_str(args, "to");
    id = hd_json_str(args, "message_id");

    if (to.len == 0) {
        *why = "\"to\" is missing: the chat to mark as read.";
        return HD_DECLINED;
    }

    rc = hd_waha_request(mem, account, "POST", "/api/sendSeen", NULL, out);
    if (rc != HD_OK) {
        return rc;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_waha_session(&b, account);
    hd_buf_z(&b, ",\"chatId\":");
    hd_waha_chat(&b, &to);

    if (id.len != 0) {
        hd_buf_z(&b, ",\"messageIds\":[");
        hd_waha_name(&b, &id, &to);
        hd_buf_char(&b, ']');
    }

    hd_buf_char(&b, '}');
    rc = hd_waha_body(mem, &b, out);
    hd_buf_free(&b);

    return rc;
}


const hd_op_t  hd_waha_mark_read = { hd_waha_seen_build, hd_waha_done_read };


static int
hd_waha_typing_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int         rc;
    hd_buf_t    b;
    hd_str_t    to;
    hd_json_t  *on;

    to = hd_json_str(args, "to");

    if (to.len == 0) {
        *why = "\"to\" is missing: the chat to be seen typing in.";
        return HD_DECLINED;
    }

    on = hd_json_get(args, "on");

    rc = hd_waha_request(mem, account, "POST",
                         (on != NULL && on->type == HD_JSON_FALSE)
                         ? "/api/stopTyping" : "/api/startTyping", NULL, out);
    if (rc != HD_OK) {
        return rc;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_waha_session(&b, account);
    hd_buf_z(&b, ",\"chatId\":");
    hd_waha_chat(&b, &to);
    hd_buf_char(&b, '}');
    rc = hd_waha_body(mem, &b, out);
    hd_buf_free(&b);

    return rc;
}


const hd_op_t  hd_waha_typing = { hd_waha_typing_build, hd_waha_done_read };

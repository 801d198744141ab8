/*
 * A single message's body, before anything is asked.
 */

#include "submit.h"


#define HD_VARIABLES_MAX  100
#define HD_VALUE_MAX      1024


void
hd_submit_fault(void *ctx, const char *code, const char *pointer,
    const char *detail)
{
    hd_str_t  at;

    at.data = (u_char *) pointer;
    at.len = ngx_strlen(pointer);

    hd_faults_add(ctx, code, &at, "%s", detail);
}


const char *
hd_submit_at(hd_submit_t *ctx, const char *member, char *text, size_t size)
{
    snprintf(text, size, "%s/template%s", ctx->templated ? "" : "/fallback",
             member);

    return text;
}


static void
hd_submit_variables(hd_submit_t *ctx, hd_faults_t *faults)
{
    char        at[64];
    hd_json_t  *v, *e;

    v = hd_json_get(ctx->given, "variables");

    if (v == NULL) {
        return;
    }

    (void) hd_submit_at(ctx, "/variables", at, sizeof(at));

    if (v->type != HD_JSON_OBJECT || v->count > HD_VARIABLES_MAX) {
        hd_submit_fault(faults, "invalid", at, "expected an object of up to "
                        "100 strings");
        return;
    }

    for (e = v->child; e; e = e->next) {
        if (e->type != HD_JSON_STRING
            || hd_utf8_length(&e->str) > HD_VALUE_MAX)
        {
            hd_submit_fault(faults, "invalid", at, "expected strings of up to "
                            "1024 characters");
            return;
        }
    }
}


/* [{"index": 0, "value": "…"}] */
static void
hd_submit_buttons(hd_submit_t *ctx, hd_faults_t *faults)
{
    char        at[64];
    int64_t     n;
    hd_json_t  *v, *e, *value;

    v = hd_json_get(ctx->given, "buttons");

    if (v == NULL) {
        return;
    }

    (void) hd_submit_at(ctx, "/buttons", at, sizeof(at));

    if (v->type != HD_JSON_ARRAY || v->count > HD_BUTTONS_MAX) {
        hd_submit_fault(faults, "invalid", at, "expected a list of up to 10 "
                        "of {\"index\", \"value\"}");
        return;
    }

    for (e = v->child; e; e = e->next) {
        value = hd_json_get(e, "value");

        if (e->type != HD_JSON_OBJECT || e->count != 2
            || hd_json_get(e, "index") == NULL
            || hd_json_int(hd_json_get(e, "index"), &n) != HD_OK
            || n < 0 || n >= HD_BUTTONS_MAX || value == NULL
            || value->type != HD_JSON_STRING || value->str.len == 0
            || hd_utf8_length(&value->str) > HD_VALUE_MAX)
        {
            hd_submit_fault(faults, "invalid", at, "expected {\"index\": the "
                            "button's number from 0, \"value\": a text}");
            return;
        }
    }
}


/* the file of the header; its kind is the template's to say */
static void
hd_submit_header(hd_submit_t *ctx, hd_faults_t *faults)
{
    char        at[64];
    hd_json_t  *v;

    v = hd_json_get(ctx->given, "header");

    if (v == NULL) {
        return;
    }

    (void) hd_submit_at(ctx, "/header", at, sizeof(at));

    if (v->type != HD_JSON_OBJECT) {
        hd_submit_fault(faults, "invalid", at, "expected the header's file: "
                        "{\"media_id\"} or {\"link\"}");
        return;
    }

    if (hd_contents_file(v, at, HD_USES, hd_submit_fault, faults,
                         &ctx->header_says) == HD_OK
        && ctx->header_says.media_id.data)
    {
        (void) hd_uuid_parse(&ctx->header.id, ctx->header_says.media_id.data,
                             ctx->header_says.media_id.len);
    }
}


/* {"id": …, "variables": {…}, "header": {…}, "buttons": […]} */
static void
hd_submit_template(hd_submit_t *ctx, hd_faults_t *faults)
{
    char        at[64];
    hd_str_t    id;
    hd_json_t  *v;

    if (ctx->given == NULL || ctx->given->type != HD_JSON_OBJECT) {
        hd_submit_fault(faults, "invalid",
                        hd_submit_at(ctx, "", at, sizeof(at)),
                        "expected {\"id\", \"variables\"}");
        return;
    }

    for (v = ctx->given->child; v; v = v->next) {
        if (!hd_str_eq(&v->key, "id") && !hd_str_eq(&v->key, "variables")
            && !hd_str_eq(&v->key, "header")
            && !hd_str_eq(&v->key, "buttons"))
        {
            hd_submit_fault(faults, "unknown_field",
                            hd_submit_at(ctx, "", at, sizeof(at)),
                            "a template takes \"id\", \"variables\", "
                            "\"header\" and \"buttons\"");
            return;
        }
    }

    id = hd_json_str(ctx->given, "id");

    if (hd_uuid_parse(&ctx->template_id, id.data, id.len) != HD_OK) {
        hd_submit_fault(faults, "invalid",
                        hd_submit_at(ctx, "/id", at, sizeof(at)),
                        "expected the template's UUID");
    }

    hd_submit_variables(ctx, faults);
    hd_submit_buttons(ctx, faults);
    hd_submit_header(ctx, faults);
}


static void
hd_submit_content(hd_submit_t *ctx, hd_faults_t *faults)
{
    ngx_uint_t  i;

    if (hd_contents_check(ctx->content, "/content", hd_submit_fault, faults,
                          &ctx->says) != HD_OK)
    {
        return;
    }

    for (i = 0; i < HD_MESSAGE_TYPES; i++) {
        if (ngx_strlen(hd_message_type_name(i)) == ctx->says.type.len
            && ngx_strncmp(hd_message_type_name(i), ctx->says.type.data,
                           ctx->says.type.len) == 0)
        {
            ctx->type = i;
        }
    }

    if (ctx->says.media_id.data) {
        (void) hd_uuid_parse(&ctx->file.id, ctx->says.media_id.data,
                             ctx->says.media_id.len);
    }

    if (ctx->type == HD_MESSAGE_REACTION) {
        ctx->quoted = ctx->says.message_id;
    }
}


static void
hd_submit_words(hd_req_t *req, hd_submit_t *ctx, hd_faults_t *faults)
{
    hd_json_t  *text, *t, *fallback;

    text = hd_json_get(req->body, "text");
    t = hd_json_get(req->body, "template");
    fallback = hd_json_get(req->body, "fallback");
    ctx->content = hd_json_get(req->body, "content");

    if ((text != NULL) + (t != NULL) + (ctx->content != NULL) != 1) {
        hd_submit_fault(faults, "invalid", "/text", "give one of text, "
                        "template and content");
    }

    if (fallback && t) {
        hd_submit_fault(faults, "invalid", "/fallback", "a template goes in "
                        "any case: only text and content take a fallback");
        fallback = NULL;
    }

    if (fallback && (fallback->count != 1
                     || hd_json_get(fallback, "template") == NULL))
    {
        hd_submit_fault(faults, "invalid", "/fallback", "expected "
                        "{\"template\": {\"id\", \"variables\"}}");
        fallback = NULL;
    }

    ctx->templated = (t != NULL);
    ctx->type = t ? HD_MESSAGE_TEMPLATE : HD_MESSAGE_TEXT;
    ctx->given = t ? t : hd_json_get(fallback, "template");

    if (t || fallback) {
        hd_submit_template(ctx, faults);
    }

    if (ctx->content) {
        hd_submit_content(ctx, faults);
    }
}


ngx_int_t
hd_submit_check(hd_req_t *req, hd_submit_t *ctx)
{
    int64_t      expires_at;
    hd_faults_t  faults;

    hd_faults_init(&faults);

    if ((hd_json_get(req->body, "contact_id") == NULL)
        == (hd_json_get(req->body, "to") == NULL))
    {
        hd_submit_fault(&faults, "invalid", "/contact_id", "give either "
                        "contact_id or to, the phone");
    }

    hd_submit_words(req, ctx, &faults);

    if (hd_body_uuid(req, "reply_to", &ctx->m.reply_to) == NGX_OK) {
        if (ctx->type == HD_MESSAGE_REACTION) {
            hd_submit_fault(&faults, "invalid", "/reply_to", "a reaction says "
                            "in content.message_id to what it reacts");
        }

        ctx->quoted = ctx->m.reply_to;
    }

    if (hd_body_bool(req, "track_clicks", 0)) {
        ctx->track.on = 1;

        if (hd_api.public_url.len == 0) {
            hd_submit_fault(&faults, "unsupported", "/track_clicks", "short "
                            "links need this server's address: its operator "
                            "sets herald_public_url");
        }
    }

    expires_at = hd_body_time(req, "expires_at");

    if (expires_at
        && expires_at <= ngx_max(hd_body_time(req, "send_at"), hd_now_us()))
    {
        hd_submit_fault(&faults, "invalid", "/expires_at", "it must be later "
                        "than now and than send_at: nothing would be sent");
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return NGX_DONE;
    }

    return NGX_OK;
}

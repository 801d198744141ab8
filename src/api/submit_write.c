/*
 * What is stored of a single message: rendered here, so that what was answered
 * is what will be sent.
 */

#include "submit.h"


/* "fallback" or "template": the object */
static ngx_int_t
hd_submit_rendered(hd_req_t *req, hd_submit_t *ctx, hd_str_t *text)
{
    hd_str_t            sent;
    hd_buf_t           *b;
    hd_render_given_t   given;

    b = &ctx->payload;

    ngx_memzero(&given, sizeof(hd_render_given_t));
    given.buttons = hd_json_get(ctx->given, "buttons");
    given.track = &ctx->track;

    if (hd_json_get(ctx->given, "header")) {
        given.header = &ctx->header_says;
    }

    if (hd_render_template(req, &ctx->template_id, &ctx->template,
                           &ctx->contact, &given, b, text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (hd_track_text(&ctx->track, text, &sent) != NGX_OK) {
        return NGX_ERROR;
    }

    if (sent.data != text->data) {
        hd_buf_z(b, ",\"sent\":");
        hd_jw_str(b, &sent);
    }

    if (!ctx->templated) {
        hd_buf_z(b, ",\"text\":");
        hd_jw_str(b, text);
    }

    hd_buf_char(b, '}');

    if (ctx->templated) {
        (void) hd_render_header(&ctx->template, &given, &ctx->m.media_id);
    }

    return NGX_OK;
}


/* the one address in a content: the button's of cta_url */
static ngx_int_t
hd_submit_content_link(hd_submit_t *ctx)
{
    hd_json_t  *v;

    v = hd_json_path(ctx->content, "interactive.action.parameters.url");

    if (!ctx->track.on || v == NULL || v->type != HD_JSON_STRING) {
        return NGX_OK;
    }

    return hd_track_value(&ctx->track, &v->str);
}


static ngx_int_t
hd_submit_content_write(hd_submit_t *ctx)
{
    ctx->m.text = ctx->says.text;

    if (ctx->m.text.data == NULL) {
        hd_str_set(&ctx->m.text, "");
    }

    ctx->m.media_id = ctx->file.id;

    if (ctx->type == HD_MESSAGE_REACTION) {
        ctx->m.reply_to = ctx->says.message_id;
    }

    if (hd_submit_content_link(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    hd_buf_z(&ctx->payload, ",\"content\":");
    hd_json_write(&ctx->payload, ctx->content);

    return NGX_OK;
}


static ngx_int_t
hd_submit_text_write(hd_req_t *req, hd_submit_t *ctx)
{
    hd_str_t  sent;

    ctx->m.text = hd_body_str(req, "text");

    if (hd_track_text(&ctx->track, &ctx->m.text, &sent) != NGX_OK) {
        return NGX_ERROR;
    }

    if (sent.data != ctx->m.text.data) {
        hd_buf_z(&ctx->payload, ",\"sent\":");
        hd_jw_str(&ctx->payload, &sent);
    }

    return NGX_OK;
}


static void
hd_submit_time(hd_buf_t *b, const char *member, int64_t at)
{
    u_char  text[HD_RFC3339_LEN + 8];
    size_t  n;

    if (at) {
        n = hd_time_format(text, at);
        hd_buf_printf(b, ",\"%s\":\"%.*s\"", member, (int) n, text);
    }
}


/* {"category": …, "template": …} and what else the sender must know of it */
ngx_int_t
hd_submit_write(hd_req_t *req, hd_submit_t *ctx)
{
    hd_str_t    text;
    hd_buf_t   *b;
    ngx_int_t   rc;

    ctx->m.type = hd_message_type_name(ctx->type);

    b = &ctx->payload;
    hd_buf_z(b, "{\"category\":");

    if (ctx->templated) {
        hd_jw_str(b, &ctx->template.category);
        hd_buf_z(b, ",\"template\":");
        rc = hd_submit_rendered(req, ctx, &ctx->m.text);

    } else {
        hd_buf_z(b, "\"service\"");
        rc = ctx->content ? hd_submit_content_write(ctx)
                          : hd_submit_text_write(req, ctx);

        if (rc == NGX_OK && ctx->template.found) {
            hd_buf_z(b, ",\"fallback\":");
            rc = hd_submit_rendered(req, ctx, &text);
        }
    }

    hd_submit_time(b, "send_at", ctx->m.send_at);
    hd_submit_time(b, "expires_at", ctx->expires_at);

    hd_buf_char(b, '}');

    ctx->m.payload.data = b->data;
    ctx->m.payload.len = b->len;

    return (rc != NGX_OK || b->failed) ? NGX_ERROR : NGX_OK;
}

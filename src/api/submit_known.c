/*
 * What a single message says of rows: the number and what its provider can
 * send, the contact, the template and its values, the files, what is quoted.
 */

#include "submit.h"


/* may this file be sent as that? */
static void
hd_submit_file(hd_submit_t *ctx, hd_submit_file_t *f, hd_use_e use,
    const char *at, hd_faults_t *faults)
{
    char                  text[300], mimes[256];
    const hd_filetype_t  *t;

    if (hd_uuid_is_nil(&f->id)) {
        return;
    }

    if (!f->found) {
        hd_submit_fault(faults, "not_found", at, "there is no such file of "
                        "yours: GET /media lists them");
        return;
    }

    if (!f->ready) {
        hd_submit_fault(faults, "not_ready", at, "this file is not here yet: "
                        "its state says why");
        return;
    }

    t = hd_filetype_mime(&f->mime);

    if (t == NULL || !(t->uses & hd_use_bit(use))) {
        hd_use_mimes(use, mimes, sizeof(mimes));
        snprintf(text, sizeof(text), "this file is %.*s, and %s takes %s",
                 (int) ngx_min(f->mime.len, 80), f->mime.data,
                 hd_use_name(use), use == HD_USE_DOCUMENT ? "any other file"
                                                          : mimes);
        hd_submit_fault(faults, "wrong_type", at, text);
        return;
    }

    if (f->bytes > hd_use_max(use)) {
        snprintf(text, sizeof(text), "this file has %lld bytes, and %s takes "
                 "%lld: make it smaller%s", (long long) f->bytes,
                 hd_use_name(use), (long long) hd_use_max(use),
                 use == HD_USE_DOCUMENT ? "" : ", or send it as a document");
        hd_submit_fault(faults, "too_large", at, text);
        return;
    }

    if (ctx->provider && ctx->provider->media_links
        && hd_api.public_url.len == 0)
    {
        hd_submit_fault(faults, "unsupported", at, "the provider of this "
                        "number fetches files from this server: its operator "
                        "sets herald_public_url");
    }
}


static void
hd_submit_people(hd_submit_t *ctx, hd_faults_t *faults)
{
    char  text[200];

    if (ctx->provider == NULL) {
        hd_submit_fault(faults, "not_found", "/account_id", "there is no such "
                        "number of yours: GET /accounts lists them");

    } else if (!ctx->contact_found && ctx->m.phone.len == 0) {
        hd_submit_fault(faults, "not_found", "/contact_id", "there is no such "
                        "contact of yours");

    } else if (ctx->contact.phone.len == 0 && !ctx->provider->qr
               && !(ctx->user_id && hd_str_eq(&ctx->channel, "whatsapp")))
    {
        hd_submit_fault(faults, "no_phone", "/contact_id", "this contact has "
                        "no phone: add one first");
    }

    if (ctx->provider && ctx->provider->types
        && !(hd_provider_types(ctx->provider, &ctx->channel)
             & hd_message_bit(ctx->type)))
    {
        snprintf(text, sizeof(text), "the provider of this number (%s, %.*s) "
                 "cannot send %s messages", ctx->provider->name,
                 (int) ctx->channel.len, ctx->channel.data,
                 hd_message_type_name(ctx->type));
        hd_submit_fault(faults, "unsupported", ctx->content
                        ? "/content/type" : "/template", text);
    }

    if (ctx->at_quoted && !ctx->quoted_found) {
        hd_submit_fault(faults, "not_found",
                        ctx->type == HD_MESSAGE_REACTION
                        ? "/content/message_id" : "/reply_to",
                        "there is no such message between this number and "
                        "this contact");
    }
}


/* the template's header is a file: which one */
static void
hd_submit_template_header(hd_submit_t *ctx, hd_faults_t *faults)
{
    char         at[64];
    hd_str_t     name;
    hd_json_t   *h;
    const char  *format;

    format = hd_header_file(ctx->template.document);
    (void) hd_submit_at(ctx, "/header", at, sizeof(at));

    if (format == NULL) {
        if (hd_json_get(ctx->given, "header")) {
            hd_submit_fault(faults, "invalid", at, "the header of this "
                            "template is no file");
        }

        return;
    }

    if (hd_json_get(ctx->given, "header")) {
        name.data = (u_char *) format;
        name.len = ngx_strlen(format);

        (void) hd_submit_at(ctx, "/header/media_id", at, sizeof(at));
        hd_submit_file(ctx, &ctx->header, hd_use_find(&name), at, faults);
        return;
    }

    h = hd_json_get(ctx->template.document, "header");

    if (hd_json_str(h, "media_id").len == 0 && hd_json_str(h, "link").len == 0)
    {
        hd_submit_fault(faults, "required", at, "the header of this template "
                        "is a file, and the template has none of its own: "
                        "give {\"media_id\"} or {\"link\"}");
    }
}


/* a button that leads to a short link needs our address */
static void
hd_submit_targets(hd_submit_t *ctx, hd_faults_t *faults)
{
    char        at[64];
    hd_json_t  *b;

    if (hd_api.public_url.len) {
        return;
    }

    b = hd_json_get(ctx->template.document, "buttons");

    for (b = b ? b->child : NULL; b; b = b->next) {
        if (hd_json_get(b, "target")) {
            hd_submit_fault(faults, "unsupported",
                            hd_submit_at(ctx, "/id", at, sizeof(at)),
                            "a button of this template is a short link: the "
                            "server's operator sets herald_public_url");
            return;
        }
    }
}


ngx_int_t
hd_submit_known(hd_req_t *req, hd_submit_t *ctx, hd_faults_t *faults)
{
    char      text[64];
    hd_str_t  at;

    hd_submit_people(ctx, faults);

    if (ctx->content && ctx->says.use != HD_USES) {
        hd_submit_file(ctx, &ctx->file, ctx->says.use,
                       ctx->type == HD_MESSAGE_INTERACTIVE
                       ? "/content/interactive/header" : "/content/media_id",
                       faults);
    }

    if (ctx->given == NULL) {
        return NGX_OK;
    }

    if (!ctx->template.found) {
        hd_submit_fault(faults, "not_found",
                        hd_submit_at(ctx, "/id", text, sizeof(text)),
                        "there is no such template of yours: GET /templates "
                        "lists them");
        return NGX_OK;
    }

    hd_submit_template_header(ctx, faults);
    hd_submit_targets(ctx, faults);

    if (faults->n) {
        return NGX_OK;
    }

    at.data = (u_char *) hd_submit_at(ctx, "/variables", text, sizeof(text));
    at.len = ngx_strlen(text);

    ctx->contact.map = hd_json_get(ctx->given, "variables");

    return hd_render_missing(req, &ctx->template, &ctx->contact,
                             hd_json_get(ctx->given, "buttons"), &at, faults);
}

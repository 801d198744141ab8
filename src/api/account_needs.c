/*
 * What a new number must say depends on its provider: a phone behind a QR code
 * tells its number by itself, Meta signs with a secret of its own, Twilio with
 * the token.
 */

#include "account.h"


static void
hd_account_missing(hd_faults_t *faults, const char *pointer)
{
    hd_str_t  at;

    at.data = (u_char *) pointer;
    at.len = ngx_strlen(pointer);

    hd_faults_add(faults, "required", &at, "this field is needed");
}


static hd_str_t
hd_account_channel_of(hd_req_t *req)
{
    hd_str_t  channel;

    channel = hd_body_str(req, "channel");

    if (channel.len == 0) {
        hd_str_set(&channel, "whatsapp");
    }

    return channel;
}


ngx_int_t
hd_account_needs(hd_req_t *req, const hd_provider_t *provider)
{
    hd_str_t      channel;
    const char   *words, *pointer;
    hd_faults_t   faults;
    hd_account_t  view;

    hd_faults_init(&faults);

    /* with a token that signs, the sender is the number */
    if (!provider->qr && !provider->token_signs) {

        if (hd_json_get(req->body, "phone") == NULL) {
            hd_account_missing(&faults, "/phone");
        }

        if (hd_json_get(req->body, "app_secret") == NULL) {
            hd_account_missing(&faults, "/app_secret");
        }
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return NGX_DONE;
    }

    hd_buf_free(&faults.buf);

    channel = hd_account_channel_of(req);

    if (hd_str_eq(&channel, "sms") && !provider->sms) {
        hd_problem_at(req, 422, "validation_failed", "/channel",
                      "This provider sends no SMS: \"twilio\" does.");
        return NGX_DONE;
    }

    if (provider->check == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&view, sizeof(hd_account_t));
    view.number_id = hd_body_str(req, "number_id");
    view.business_id = hd_body_str(req, "business_id");
    view.phone = hd_body_str(req, "phone");
    view.token = hd_body_str(req, "token");
    view.channel = channel;

    words = provider->check(&view, &pointer);

    if (words) {
        hd_problem_at(req, 422, "validation_failed", pointer, words);
        return NGX_DONE;
    }

    return NGX_OK;
}


void
hd_account_channel(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id)
{
    hd_str_t  channel;

    channel = hd_account_channel_of(req);

    hd_pg_stmt(u, HD_Q_ACCOUNT_CHANNEL);
    hd_pg_uuid(u, id);
    hd_pg_text(u, &channel);
}

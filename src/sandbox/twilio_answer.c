/*
 * What every request to the simulated Twilio has: a form, credentials, an error
 * when it is refused.
 */

#include "twilio.h"


/* ── what was asked ── */

static void
hd_sb_form_text(hd_str_t *s)
{
    int      hi;
    u_char  *p, *out, *last;

    out = s->data;
    last = s->data + s->len;

    for (p = s->data; p < last; p++) {

        if (*p == '%' && last - p > 2) {
            hi = ngx_hextoi(p + 1, 2);

            if (hi >= 0) {
                *out++ = (u_char) hi;
                p += 2;
                continue;
            }
        }

        *out++ = (*p == '+') ? ' ' : *p;
    }

    s->len = out - s->data;
}


/* decoded in place */

void
hd_sb_form_read(hd_sb_form_t *f, ngx_str_t *body)
{
    u_char  *p, *last, *end, *eq;

    f->n = 0;
    p = body->data;
    last = p + body->len;

    while (p < last && f->n < HD_SB_FORM) {
        end = ngx_strlchr(p, last, '&');
        end = end ? end : last;
        eq = ngx_strlchr(p, end, '=');
        eq = eq ? eq : end;

        f->key[f->n].data = p;
        f->key[f->n].len = eq - p;
        f->value[f->n].data = (eq < end) ? eq + 1 : end;
        f->value[f->n].len = end - f->value[f->n].data;

        hd_sb_form_text(&f->key[f->n]);
        hd_sb_form_text(&f->value[f->n]);

        f->n++;
        p = end + 1;
    }
}


hd_str_t
hd_sb_form_get(const hd_sb_form_t *f, const char *key)
{
    hd_str_t    none;
    ngx_uint_t  i;

    for (i = 0; i < f->n; i++) {
        if (f->key[i].len == ngx_strlen(key)
            && ngx_memcmp(f->key[i].data, key, f->key[i].len) == 0)
        {
            return f->value[i];
        }
    }

    hd_str_set(&none, "");

    return none;
}


/* "whatsapp:+1415…" to "1415…"; 1 when it was of WhatsApp */

ngx_uint_t
hd_sb_twilio_address(hd_str_t *s)
{
    ngx_uint_t  whatsapp;

    whatsapp = s->len > 9 && ngx_memcmp(s->data, "whatsapp:", 9) == 0;

    if (whatsapp) {
        s->data += 9;
        s->len -= 9;
    }

    if (s->len > 0 && s->data[0] == '+') {
        s->data++;
        s->len--;
    }

    return whatsapp;
}


/* Basic of "AC…:token" */

ngx_uint_t
hd_sb_twilio_credentials(ngx_http_request_t *r, hd_str_t *account,
    hd_str_t *token)
{
    u_char     *colon;
    ngx_str_t   v, text;

    if (r->headers_in.authorization == NULL) {
        return 0;
    }

    v = r->headers_in.authorization->value;

    if (v.len <= 6 || ngx_strncasecmp(v.data, (u_char *) "Basic ", 6) != 0) {
        return 0;
    }

    v.data += 6;
    v.len -= 6;

    text.data = ngx_pnalloc(r->pool, ngx_base64_decoded_length(v.len));

    if (text.data == NULL || ngx_decode_base64(&text, &v) != NGX_OK) {
        return 0;
    }

    colon = ngx_strlchr(text.data, text.data + text.len, ':');

    if (colon == NULL) {
        return 0;
    }

    account->data = text.data;
    account->len = colon - text.data;
    token->data = colon + 1;
    token->len = text.data + text.len - (colon + 1);

    return 1;
}


/* an empty token of the number takes any */

ngx_uint_t
hd_sb_twilio_authorized(ngx_http_request_t *r, const ngx_str_t *account,
    const hd_str_t *token)
{
    hd_str_t  user, given;

    if (!hd_sb_twilio_credentials(r, &user, &given)
        || user.len != account->len
        || ngx_memcmp(user.data, account->data, user.len) != 0)
    {
        return 0;
    }

    return token->len == 0
           || (token->len == given.len
               && hd_equal_ct(token->data, given.data, given.len));
}


/* ── what is answered ── */

ngx_int_t
hd_sb_twilio_body(ngx_http_request_t *r, hd_buf_t *b, ngx_str_t *body)
{
    hd_mem_t  mem;
    hd_str_t  s;

    mem = hd_sb_mem(r->pool);
    s.data = b->data;
    s.len = b->len;

    if (b->failed || hd_str_dup(&mem, &s, (hd_str_t *) body) != HD_OK) {
        hd_buf_free(b);
        return NGX_ERROR;
    }

    hd_buf_free(b);

    return NGX_OK;
}


static const struct {
    int          code;
    ngx_uint_t   status;
    const char  *message;
} hd_sb_twilio_errors[] = {
    { 20001, 400, "Invalid parameter" },
    { 20003, 401, "Authenticate" },
    { 20404, 404, "The requested resource was not found" },
    { 20409, 409, "The template was submitted already" },
    { 20429, 429, "Too Many Requests" },
    { 21211, 400, "The 'To' number is not a valid phone number." },
    { 21602, 400, "Message body is required." },
    { 21610, 400, "Attempt to send to unsubscribed recipient" },
    { 21655, 400, "The ContentSid is invalid" },
    { 21656, 400, "The ContentVariables parameter is invalid" },
    { 63016, 400, "Failed to send freeform message because you are outside "
      "the allowed window. Please use a Template." },
    { 63018, 429, "Rate limit exceeded for Channel" },
    { 63024, 400, "Invalid message recipient" }
};


ngx_uint_t
hd_sb_twilio_error(ngx_http_request_t *r, int64_t code, ngx_str_t *body)
{
    hd_buf_t     b;
    ngx_uint_t   i, status;
    const char  *message;

    status = 400;
    message = "The request was refused";

    for (i = 0; i < sizeof(hd_sb_twilio_errors)
                    / sizeof(hd_sb_twilio_errors[0]); i++)
    {
        if (hd_sb_twilio_errors[i].code == code) {
            status = hd_sb_twilio_errors[i].status;
            message = hd_sb_twilio_errors[i].message;
        }
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"code\":");
    hd_buf_int(&b, code);
    hd_buf_z(&b, ",\"message\":");
    hd_jw_z(&b, message);
    hd_buf_printf(&b, ",\"more_info\":\"https://www.twilio.com/docs/errors/"
                  "%lld\",\"status\":%u}", (long long) code,
                  (unsigned) status);

    return hd_sb_twilio_body(r, &b, body) == NGX_OK ? status : 500;
}


ngx_int_t
hd_sb_twilio_refuse(ngx_http_request_t *r, int64_t code)
{
    ngx_str_t   body;
    ngx_uint_t  status;

    status = hd_sb_twilio_error(r, code, &body);

    return status == 500 ? NGX_HTTP_INTERNAL_SERVER_ERROR
                         : hd_sb_answer_now(r, status, &body);
}

/*
 * The control API's commands: what happens once, in place of what is set.
 *
 *   POST  numbers/{id}/recipients   what the provider knows of a recipient
 *   POST  numbers/{id}/statuses     statuses of any message, or of none
 *   POST  numbers/{id}/events       webhooks about the account
 *   GET, POST         clock         {"advance_s"}: all time limits see it
 *   GET, PUT, DELETE  script        see script.c
 */

#include "sandbox.h"


/* an answer of {"ok":true} or {"error"}; the request ends */

static void
hd_sb_command_end(ngx_http_request_t *r, int rc, const char *why)
{
    hd_buf_t   b;
    ngx_int_t  status;

    if (rc != HD_OK) {
        status = hd_sb_control_error(r, NGX_HTTP_BAD_REQUEST, why);

    } else {
        hd_buf_init(&b);
        hd_buf_z(&b, "{\"ok\":true}");
        status = hd_sb_control_send(r, &b);
        hd_buf_free(&b);
    }

    ngx_http_finalize_request(r, status);

    hd_sb_client_pump();
}


/* the body and the number, NULL after having answered */

static hd_json_t *
hd_sb_command_start(ngx_http_request_t *r, hd_sb_number_t **n)
{
    ngx_int_t        rc;
    hd_json_t       *v;
    hd_sb_target_t  *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    v = hd_sb_control_body(r);
    if (v == NULL) {
        return NULL;
    }

    *n = hd_sb_number_find(&t->id);

    if (*n == NULL) {
        rc = hd_sb_control_error(r, NGX_HTTP_NOT_FOUND, "no such number");
        ngx_http_finalize_request(r, rc);
        return NULL;
    }

    return v;
}


static int
hd_sb_recipient_set(hd_sb_peer_t *peer, const hd_json_t *v, char *why,
    size_t size)
{
    int64_t           age;
    const hd_json_t  *m;

    for (m = v->child; m != NULL; m = m->next) {

        if (hd_str_eq(&m->key, "to")) {
            continue;
        }

        if (hd_str_eq(&m->key, "window_age_s")) {

            if (m->type == HD_JSON_NULL) {
                peer->n.inbound = 0;
                continue;
            }

            if (hd_json_int(m, &age) == HD_OK && age >= 0
                && age <= 90 * 86400)
            {
                peer->n.inbound = hd_sb_clock() - age * 1000000;
                continue;
            }

        } else if (hd_str_eq(&m->key, "marketing")) {

            if (hd_str_eq(&m->str, "stop") || hd_str_eq(&m->str, "resume")) {
                peer->n.stopped = hd_str_eq(&m->str, "stop");
                continue;
            }

        } else if (hd_str_eq(&m->key, "forget")) {

            if (m->type == HD_JSON_TRUE) {
                ngx_memzero(&peer->n, sizeof(peer->n));
                continue;
            }
        }

        snprintf(why, size, "{\"to\", \"window_age_s\": seconds or null,"
                 " \"marketing\": \"stop\" or \"resume\", \"forget\": true} is"
                 " expected");
        return HD_ERROR;
    }

    return HD_OK;
}


void
hd_sb_command_recipient(ngx_http_request_t *r)
{
    char             why[160];
    u_char           digits[16];
    hd_buf_t         b;
    hd_str_t         input, to;
    ngx_int_t        rc;
    hd_json_t       *v;
    hd_sb_peer_t    *peer;
    hd_sb_number_t  *n;

    v = hd_sb_command_start(r, &n);
    if (v == NULL) {
        return;
    }

    input = hd_json_str(v, "to");
    to.data = digits;

    if (hd_sb_digits(&input, digits, &to.len) != HD_OK) {
        hd_sb_command_end(r, HD_ERROR, "\"to\": digits are expected");
        return;
    }

    peer = hd_sb_peer_get(n, hd_sb_to_number(&to));

    if (peer == NULL) {
        hd_sb_command_end(r, HD_ERROR, "herald_sandbox_zone is full");
        return;
    }

    if (hd_sb_recipient_set(peer, v, why, sizeof(why)) != HD_OK) {
        hd_sb_command_end(r, HD_ERROR, why);
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"to\":");
    hd_jw_str(&b, &to);
    hd_buf_z(&b, ",\"window_age_s\":");

    if (peer->n.inbound != 0) {
        hd_buf_int(&b, (hd_sb_clock() - peer->n.inbound) / 1000000);

    } else {
        hd_buf_z(&b, "null");
    }

    hd_buf_printf(&b, ",\"in_window\":%s,\"marketing\":\"%s\"}",
                  hd_sb_peer_open(peer) ? "true" : "false",
                  peer->n.stopped ? "stop" : "resume");

    rc = hd_sb_control_send(r, &b);
    hd_buf_free(&b);
    ngx_http_finalize_request(r, rc);
}


void
hd_sb_command_statuses(ngx_http_request_t *r)
{
    int              rc;
    char             why[160];
    hd_json_t       *v;
    hd_sb_number_t  *n;

    v = hd_sb_command_start(r, &n);

    if (v != NULL) {
        rc = hd_sb_status_command(n, v, why, sizeof(why));
        hd_sb_command_end(r, rc, why);
    }
}


void
hd_sb_command_event(ngx_http_request_t *r)
{
    int              rc;
    char             why[160];
    hd_json_t       *v;
    hd_sb_number_t  *n;

    v = hd_sb_command_start(r, &n);

    if (v != NULL) {
        rc = hd_sb_event(n, v, r->pool, why, sizeof(why));
        hd_sb_command_end(r, rc, why);
    }
}


static ngx_int_t
hd_sb_command_time(ngx_http_request_t *r)
{
    hd_buf_t         b;
    ngx_int_t        rc;
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"shift_s\":%ld,\"mono_us\":%ld}",
                  (long) hd_sb.sh->shift,
                  (long) ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
    rc = hd_sb_control_send(r, &b);
    hd_buf_free(&b);

    return rc;
}


void
hd_sb_command_clock(ngx_http_request_t *r)
{
    int64_t     advance;
    hd_json_t  *v;

    v = hd_sb_control_body(r);
    if (v == NULL) {
        return;
    }

    /* never back: times that are remembered must not lie ahead */

    if (hd_json_int(hd_json_get(v, "advance_s"), &advance) != HD_OK
        || advance < 0 || advance > 90 * 86400)
    {
        hd_sb_command_end(r, HD_ERROR, "\"advance_s\": seconds from 0 to 90"
                          " days are expected");
        return;
    }

    (void) ngx_atomic_fetch_add(&hd_sb.sh->shift, advance);

    ngx_http_finalize_request(r, hd_sb_command_time(r));
}


ngx_int_t
hd_sb_command_get(ngx_http_request_t *r, const ngx_str_t *what)
{
    hd_buf_t   b;
    ngx_int_t  rc;

    if (what->data[0] == 'c') {
        return hd_sb_command_time(r);
    }

    hd_sb_number_refresh();

    hd_buf_init(&b);
    hd_sb_script_write(&b);
    rc = hd_sb_control_send(r, &b);
    hd_buf_free(&b);

    return rc;
}


/* a PUT's body, or nothing after a DELETE */

void
hd_sb_command_script(ngx_http_request_t *r)
{
    char        why[160], text[200];
    ngx_int_t   rc;
    ngx_str_t   body;
    ngx_uint_t  line;

    ngx_str_null(&body);

    if (r->method != NGX_HTTP_DELETE) {

        rc = hd_sb_body(r, &body);

        if (rc != NGX_OK) {
            ngx_http_finalize_request(r, rc);
            return;
        }

        if (hd_sb_script_check(r->pool, &body, &line, why, sizeof(why))
            != HD_OK)
        {
            snprintf(text, sizeof(text), "line %d: %s", (int) line, why);
            hd_sb_command_end(r, HD_ERROR, text);
            return;
        }
    }

    if (hd_sb_script_store(hd_sb.shpool, hd_sb.sh, &body, 0,
                           ngx_max(ngx_current_msec, 1))
        != NGX_OK)
    {
        hd_sb_command_end(r, HD_ERROR, "herald_sandbox_zone is full");
        return;
    }

    hd_sb_number_refresh();
    hd_sb_command_end(r, HD_OK, NULL);
}

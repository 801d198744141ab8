/*
 * An HTTP/1.1 answer, read in pieces of any size.  Only what a webhook's
 * sender needs: the status, where the answer ends, whether the connection
 * lives on, and the first bytes of the body.
 *
 *   START -> HEADER* -> LENGTH -----------------------------.
 *     ^         |-----> UNTIL_EOF -(eof)--------------------+-> DONE
 *     |         |-----> SIZE -> DATA -> AFTER -> SIZE …     |
 *     |         |        `-(0)-> TRAILER* ------------------|
 *     '-(1xx)---+-(no body)---------------------------------'
 */

#include "sandbox.h"


enum {
    HD_SB_R_START = 0,
    HD_SB_R_HEADER,
    HD_SB_R_LENGTH,
    HD_SB_R_UNTIL_EOF,
    HD_SB_R_SIZE,
    HD_SB_R_DATA,
    HD_SB_R_AFTER,
    HD_SB_R_TRAILER,
    HD_SB_R_DONE
};


static ngx_int_t hd_sb_response_line(hd_sb_response_t *resp);
static ngx_int_t hd_sb_response_start(hd_sb_response_t *resp);
static ngx_int_t hd_sb_response_header(hd_sb_response_t *resp);


void
hd_sb_response_init(hd_sb_response_t *resp)
{
    resp->state = HD_SB_R_START;
    resp->status = 0;
    resp->rest = 0;
    resp->keepalive = 0;
    resp->chunked = 0;
    resp->has_length = 0;
    resp->line_len = 0;
    resp->body_len = 0;
}


static void
hd_sb_response_keep(hd_sb_response_t *resp, const u_char *p, size_t len)
{
    len = ngx_min(len, sizeof(resp->body) - resp->body_len);

    ngx_memcpy(resp->body + resp->body_len, p, len);
    resp->body_len += len;
}


ngx_int_t
hd_sb_response_feed(hd_sb_response_t *resp, const u_char *p, size_t len,
    ngx_uint_t eof)
{
    size_t         n;
    const u_char  *last;

    last = p + len;

    while (p < last && resp->state != HD_SB_R_DONE) {

        switch (resp->state) {

        case HD_SB_R_LENGTH:
        case HD_SB_R_DATA:
            n = (size_t) ngx_min(resp->rest, (off_t) (last - p));
            hd_sb_response_keep(resp, p, n);
            p += n;
            resp->rest -= n;

            if (resp->rest == 0) {
                resp->state = (resp->state == HD_SB_R_DATA) ? HD_SB_R_AFTER
                                                            : HD_SB_R_DONE;
            }

            break;

        case HD_SB_R_UNTIL_EOF:
            hd_sb_response_keep(resp, p, last - p);
            p = last;
            break;

        default:
            if (*p != '\n') {
                if (resp->line_len < sizeof(resp->line)) {
                    resp->line[resp->line_len++] = *p;
                }

                p++;
                break;
            }

            p++;

            if (resp->line_len > 0
                && resp->line[resp->line_len - 1] == '\r')
            {
                resp->line_len--;
            }

            if (hd_sb_response_line(resp) != NGX_OK) {
                return NGX_ERROR;
            }

            resp->line_len = 0;
        }
    }

    if (p < last) {
        /* more than was asked for: nothing to go on with */
        resp->keepalive = 0;
    }

    if (resp->state == HD_SB_R_DONE) {
        return NGX_DONE;
    }

    if (!eof) {
        return NGX_AGAIN;
    }

    return resp->state == HD_SB_R_UNTIL_EOF ? NGX_DONE : NGX_ERROR;
}


/* one line without its end */

static ngx_int_t
hd_sb_response_line(hd_sb_response_t *resp)
{
    size_t  i;

    switch (resp->state) {

    case HD_SB_R_START:
        return hd_sb_response_start(resp);

    case HD_SB_R_HEADER:
        return hd_sb_response_header(resp);

    case HD_SB_R_SIZE:
        for (i = 0; i < resp->line_len; i++) {
            if (resp->line[i] == ';' || resp->line[i] == ' ') {
                break;
            }
        }

        resp->rest = ngx_hextoi(resp->line, i);

        if (resp->rest < 0) {
            return NGX_ERROR;
        }

        resp->state = (resp->rest == 0) ? HD_SB_R_TRAILER : HD_SB_R_DATA;
        return NGX_OK;

    case HD_SB_R_AFTER:
        resp->state = HD_SB_R_SIZE;
        return resp->line_len == 0 ? NGX_OK : NGX_ERROR;

    default: /* HD_SB_R_TRAILER */
        if (resp->line_len == 0) {
            resp->state = HD_SB_R_DONE;
        }

        return NGX_OK;
    }
}


static ngx_int_t
hd_sb_response_start(hd_sb_response_t *resp)
{
    ngx_int_t  status;

    if (resp->line_len < sizeof("HTTP/1.1 200") - 1
        || ngx_strncmp(resp->line, "HTTP/1.", 7) != 0
        || resp->line[8] != ' ')
    {
        return NGX_ERROR;
    }

    status = ngx_atoi(resp->line + 9, 3);

    if (status < 100) {
        return NGX_ERROR;
    }

    resp->status = status;
    resp->keepalive = (resp->line[7] != '0');
    resp->state = HD_SB_R_HEADER;

    return NGX_OK;
}


static ngx_int_t
hd_sb_response_is(hd_sb_response_t *resp, const char *name, u_char **value,
    size_t *len)
{
    size_t   n;
    u_char  *p, *last;

    n = strlen(name);

    if (resp->line_len <= n || resp->line[n] != ':'
        || ngx_strncasecmp(resp->line, (u_char *) name, n) != 0)
    {
        return 0;
    }

    p = resp->line + n + 1;
    last = resp->line + resp->line_len;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < last && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    *value = p;
    *len = last - p;

    return 1;
}


static ngx_int_t
hd_sb_response_header(hd_sb_response_t *resp)
{
    size_t   len;
    u_char  *value;

    if (resp->line_len > 0) {

        if (hd_sb_response_is(resp, "Content-Length", &value, &len)) {
            resp->rest = ngx_atoof(value, len);
            resp->has_length = 1;
            return resp->rest < 0 ? NGX_ERROR : NGX_OK;
        }

        if (hd_sb_response_is(resp, "Transfer-Encoding", &value, &len)) {
            resp->chunked = 1;

        } else if (hd_sb_response_is(resp, "Connection", &value, &len)
                   && len == 5
                   && ngx_strncasecmp(value, (u_char *) "close", 5) == 0)
        {
            resp->keepalive = 0;
        }

        return NGX_OK;
    }

    if (resp->status < 200) {
        resp->state = HD_SB_R_START;

    } else if (resp->status == 204 || resp->status == 304) {
        resp->state = HD_SB_R_DONE;

    } else if (resp->chunked) {
        resp->state = HD_SB_R_SIZE;

    } else if (resp->has_length) {
        resp->state = (resp->rest == 0) ? HD_SB_R_DONE : HD_SB_R_LENGTH;

    } else {
        resp->keepalive = 0;
        resp->state = HD_SB_R_UNTIL_EOF;
    }

    return NGX_OK;
}

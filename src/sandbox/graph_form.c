/*
 * multipart/form-data, read where it stands.
 */

#include "graph.h"


static hd_str_t
hd_sb_part_quoted(const u_char *p, const u_char *end, const char *name)
{
    u_char    *at;
    hd_str_t   s;

    hd_str_set(&s, "");

    at = memmem(p, end - p, name, strlen(name));

    if (at != NULL) {
        s.data = at + strlen(name);
        at = memchr(s.data, '"', end - s.data);
        s.len = at ? (size_t) (at - s.data) : 0;
    }

    return s;
}


/* the next part after `p`, which is behind a boundary; NULL: none */

const u_char *
hd_sb_part_next(const u_char *p, const u_char *end, const hd_str_t *boundary,
    hd_sb_part_t *part)
{
    const u_char  *head, *line, *value, *last;

    if (end - p < 4 || p[0] != '\r' || p[1] != '\n') {
        return NULL;
    }

    head = p + 2;
    value = memmem(head, end - head, "\r\n\r\n", 4);

    if (value == NULL) {
        return NULL;
    }

    part->name = hd_sb_part_quoted(head, value, " name=\"");
    part->filename = hd_sb_part_quoted(head, value, "filename=\"");
    hd_str_set(&part->type, "");

    for (line = head; line < value; line++) {
        if (ngx_strncasecmp((u_char *) line, (u_char *) "content-type:", 13)
            == 0)
        {
            for (line += 13; line < value && *line == ' '; line++) {
                /* void */
            }

            part->type.data = (u_char *) line;

            while (line < value && *line != '\r') {
                line++;
            }

            part->type.len = line - part->type.data;
            break;
        }
    }

    value += 4;
    last = memmem(value, end - value, boundary->data, boundary->len);

    if (last == NULL) {
        return NULL;
    }

    part->value.data = (u_char *) value;
    part->value.len = last - value;

    return last + boundary->len;
}


/* "\r\n--…" as the header says */

int
hd_sb_boundary(ngx_http_request_t *r, hd_str_t *boundary)
{
    u_char     *p;
    ngx_str_t  *type;

    if (r->headers_in.content_type == NULL) {
        return HD_ERROR;
    }

    type = &r->headers_in.content_type->value;
    p = ngx_strlcasestrn(type->data, type->data + type->len,
                         (u_char *) "boundary=", 9 - 1);
    if (p == NULL) {
        return HD_ERROR;
    }

    p += 9;

    boundary->data = ngx_pnalloc(r->pool, type->len + 4);
    if (boundary->data == NULL) {
        return HD_ERROR;
    }

    boundary->len = ngx_sprintf(boundary->data, "\r\n--%*s",
                                (size_t) (type->data + type->len - p), p)
                    - boundary->data;

    return HD_OK;
}

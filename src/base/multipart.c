/*
 * multipart: a state machine over bytes.
 *
 *   PREAMBLE --delimiter--> AFTER --CRLF--> HEADERS --empty line--> BODY
 *                             ^                                      |
 *                             +------------- delimiter --------------+
 *                           "--" -> EPILOGUE: the rest is not looked at
 *
 * The delimiter begins with CR and a boundary holds none, so a match that
 * fails can only begin anew at the byte where it failed.
 */

#include <strings.h>

#include "multipart.h"


enum {
    HD_MP_PREAMBLE = 0,
    HD_MP_AFTER,
    HD_MP_DASH,
    HD_MP_LINE,
    HD_MP_HEADERS,
    HD_MP_BODY,
    HD_MP_EPILOGUE
};


static int
hd_multipart_fail(hd_multipart_t *mp, const char *why)
{
    mp->error = why;

    return HD_ERROR;
}


/* a parameter's value of a header: name=token or name="quoted" */
static int
hd_multipart_param(const hd_str_t *header, const char *name, hd_str_t *value,
    unsigned char *unquoted, size_t size)
{
    size_t          n, len;
    unsigned char  *p, *last;

    n = strlen(name);
    p = header->data;
    last = p + header->len;

    for ( ;; ) {
        while (p < last && *p != ';') {
            if (*p == '"') {
                for (p++; p < last && *p != '"'; p++) {
                    if (*p == '\\') {
                        p++;
                    }
                }
            }

            if (p < last) {
                p++;
            }
        }

        if (p >= last) {
            return HD_ERROR;
        }

        for (p++; p < last && (*p == ' ' || *p == '\t'); p++) { /* void */ }

        if ((size_t) (last - p) > n && p[n] == '='
            && strncasecmp((char *) p, name, n) == 0)
        {
            p += n + 1;
            break;
        }
    }

    len = 0;

    if (p < last && *p == '"') {
        for (p++; p < last && *p != '"' && len < size; p++) {
            if (*p == '\\' && p + 1 < last
                && (p[1] == '"' || p[1] == '\\'))
            {
                p++;
            }

            unquoted[len++] = *p;
        }

    } else {
        while (p < last && *p != ';' && *p != ' ' && *p != '\t' && len < size)
        {
            unquoted[len++] = *p++;
        }
    }

    value->data = unquoted;
    value->len = len;

    return HD_OK;
}


int
hd_multipart_init(hd_multipart_t *mp, const hd_str_t *content_type,
    const hd_multipart_sink_t *sink)
{
    size_t    i;
    hd_str_t  boundary;

    static const char  type[] = "multipart/form-data";

    memset(mp, 0, sizeof(hd_multipart_t));
    mp->sink = *sink;

    if (content_type->len < sizeof(type) - 1
        || strncasecmp((char *) content_type->data, type, sizeof(type) - 1)
           != 0)
    {
        return HD_ERROR;
    }

    if (hd_multipart_param(content_type, "boundary", &boundary,
                           mp->delimiter + 4, HD_BOUNDARY_MAX) != HD_OK
        || boundary.len == 0)
    {
        return HD_ERROR;
    }

    for (i = 0; i < boundary.len; i++) {
        if (boundary.data[i] < ' ' || boundary.data[i] > '~') {
            return HD_ERROR;
        }
    }

    memcpy(mp->delimiter, "\r\n--", 4);
    mp->dlen = boundary.len + 4;

    /* the first one may stand at the very beginning */
    mp->matched = 2;

    return HD_OK;
}


static int
hd_multipart_pass(hd_multipart_t *mp, const unsigned char *data, size_t len)
{
    if (len == 0 || mp->state != HD_MP_BODY) {
        return HD_OK;
    }

    return mp->sink.data(mp->sink.ctx, data, len);
}


/*
 * Data up to the delimiter; returns how much was eaten, or -1.  Of a match that
 * goes on, `held` bytes came with earlier pieces: should it fail, they were
 * data, and are what the delimiter begins with.
 */
static ssize_t
hd_multipart_body(hd_multipart_t *mp, const unsigned char *data, size_t len)
{
    size_t  i, held;

    held = mp->matched;

    for (i = 0; i < len; i++) {

        if (data[i] == mp->delimiter[mp->matched]) {
            if (++mp->matched < mp->dlen) {
                continue;
            }

            if (hd_multipart_pass(mp, data, i + 1 + held - mp->dlen) != HD_OK
                || (mp->state == HD_MP_BODY
                    && mp->sink.end(mp->sink.ctx) != HD_OK))
            {
                return -1;
            }

            mp->matched = 0;
            mp->state = HD_MP_AFTER;

            return (ssize_t) i + 1;
        }

        if (hd_multipart_pass(mp, mp->delimiter, held) != HD_OK) {
            return -1;
        }

        held = 0;
        mp->matched = (data[i] == '\r');
    }

    if (hd_multipart_pass(mp, data, len + held - mp->matched) != HD_OK) {
        return -1;
    }

    return (ssize_t) len;
}


static hd_str_t
hd_multipart_header(hd_multipart_t *mp, const char *name)
{
    size_t          n;
    hd_str_t        value;
    unsigned char  *p, *last, *end;

    n = strlen(name);
    p = mp->headers;
    last = p + mp->hlen;

    value.data = p;
    value.len = 0;

    while (p < last) {
        end = memchr(p, '\n', (size_t) (last - p));
        end = end ? end : last;

        if ((size_t) (end - p) > n && p[n] == ':'
            && strncasecmp((char *) p, name, n) == 0)
        {
            for (p += n + 1; p < end && (*p == ' ' || *p == '\t'); p++) {
                /* void */
            }

            value.data = p;
            value.len = (size_t) (end - p);

            while (value.len && value.data[value.len - 1] <= ' ') {
                value.len--;
            }

            return value;
        }

        p = end + 1;
    }

    return value;
}


static int
hd_multipart_part(hd_multipart_t *mp)
{
    hd_str_t       disposition;
    hd_part_t      part;
    unsigned char  name[256], filename[1024];

    if (++mp->parts > HD_MULTIPART_PARTS) {
        return hd_multipart_fail(mp, "it has too many parts");
    }

    disposition = hd_multipart_header(mp, "Content-Disposition");

    part.type = hd_multipart_header(mp, "Content-Type");
    part.filename.data = NULL;
    part.filename.len = 0;

    if (hd_multipart_param(&disposition, "name", &part.name, name,
                           sizeof(name)) != HD_OK)
    {
        return hd_multipart_fail(mp, "a part has no name");
    }

    (void) hd_multipart_param(&disposition, "filename", &part.filename,
                              filename, sizeof(filename));

    mp->state = HD_MP_BODY;
    mp->matched = 0;

    return mp->sink.part(mp->sink.ctx, &part);
}


/* one byte of what stands between a delimiter and a part's data */
static int
hd_multipart_byte(hd_multipart_t *mp, unsigned char c)
{
    switch (mp->state) {

    case HD_MP_AFTER:
        if (c == '-') {
            mp->state = HD_MP_DASH;

        } else if (c == '\r') {
            mp->state = HD_MP_LINE;

        } else if (c != ' ' && c != '\t') {
            return hd_multipart_fail(mp, "a boundary is not followed by a "
                                     "line end");
        }

        return HD_OK;

    case HD_MP_DASH:
        if (c != '-') {
            return hd_multipart_fail(mp, "a boundary is not followed by a "
                                     "line end");
        }

        mp->state = HD_MP_EPILOGUE;
        return HD_OK;

    case HD_MP_LINE:
        if (c != '\n') {
            return hd_multipart_fail(mp, "a line does not end with CR LF");
        }

        mp->state = HD_MP_HEADERS;
        mp->hlen = 0;
        return HD_OK;

    default:
        break;
    }

    if (mp->hlen == HD_MULTIPART_HEADERS) {
        return hd_multipart_fail(mp, "a part's headers are too long");
    }

    mp->headers[mp->hlen++] = c;

    if (c == '\n'
        && ((mp->hlen == 2 && mp->headers[0] == '\r')
            || (mp->hlen >= 4
                && memcmp(mp->headers + mp->hlen - 4, "\r\n\r\n", 4) == 0)))
    {
        return hd_multipart_part(mp);
    }

    return HD_OK;
}


int
hd_multipart_feed(hd_multipart_t *mp, const unsigned char *data, size_t len)
{
    ssize_t  n;

    while (len != 0 && mp->state != HD_MP_EPILOGUE) {

        if (mp->state == HD_MP_PREAMBLE || mp->state == HD_MP_BODY) {
            n = hd_multipart_body(mp, data, len);

            if (n < 0) {
                return HD_ERROR;
            }

            data += n;
            len -= (size_t) n;
            continue;
        }

        if (hd_multipart_byte(mp, *data) != HD_OK) {
            return HD_ERROR;
        }

        data++;
        len--;
    }

    return HD_OK;
}


int
hd_multipart_whole(const hd_multipart_t *mp)
{
    return mp->state == HD_MP_EPILOGUE;
}

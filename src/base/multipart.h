/*
 * multipart: multipart/form-data (RFC 7578) as it comes, in pieces of any
 * size; nothing of a part's data is kept.
 */

#ifndef HD_MULTIPART_H
#define HD_MULTIPART_H

#include "base.h"


#define HD_BOUNDARY_MAX       70
#define HD_MULTIPART_HEADERS  4096
#define HD_MULTIPART_PARTS    20

typedef struct {
    hd_str_t     name;
    hd_str_t     filename;             /* data NULL: the part is no file */
    hd_str_t     type;                 /* Content-Type, may be empty */
} hd_part_t;

/* HD_ERROR ends the parser; the strings live until the call returns */
typedef struct {
    int        (*part)(void *ctx, const hd_part_t *part);
    int        (*data)(void *ctx, const unsigned char *data, size_t len);
    int        (*end)(void *ctx);
    void        *ctx;
} hd_multipart_sink_t;

typedef struct {
    hd_multipart_sink_t  sink;
    unsigned char        delimiter[HD_BOUNDARY_MAX + 4];
    size_t               dlen;
    size_t               matched;      /* bytes of the delimiter */
    unsigned char        headers[HD_MULTIPART_HEADERS];
    size_t               hlen;
    unsigned             state;
    unsigned             parts;
    const char          *error;        /* what is wrong, or NULL */
} hd_multipart_t;

/* from a Content-Type's value; HD_ERROR: no multipart/form-data, or without a
 * usable boundary */
int hd_multipart_init(hd_multipart_t *mp, const hd_str_t *content_type,
    const hd_multipart_sink_t *sink);
int hd_multipart_feed(hd_multipart_t *mp, const unsigned char *data,
    size_t len);
/* 1: the closing boundary has come */
int hd_multipart_whole(const hd_multipart_t *mp);

#endif /* HD_MULTIPART_H */

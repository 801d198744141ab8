/*
 * media, private to the API: what the files of media share.
 *
 *   media.c         rows: list, read, delete; a message's file
 *   media_upload.c  a body becomes a file and a row
 *   media_file.c    a file becomes an answer: with a sign-in, or by a link
 *   link.c          herald_links: the addresses that work without a sign-in
 *   click.c         a short link: counted, and followed
 */

#ifndef HD_API_MEDIA_H
#define HD_API_MEDIA_H

#include "frame.h"
#include "../store/files.h"


/* what an answer needs of a row of media_get */
typedef struct {
    ngx_uint_t    found;
    ngx_uint_t    ready;
    u_char        sha256[32];
    hd_str_t      mime;
    hd_str_t      filename;
} hd_media_file_t;

ngx_int_t hd_media_file_row(hd_req_t *req, hd_pg_res_t *res,
    hd_media_file_t *f);
/* answers: the file, or that it is not there */
void hd_media_send(hd_req_t *req, const hd_uuid_t *org,
    const hd_media_file_t *f);

/* plain words for whoever follows an address */
void hd_link_say(hd_req_t *req, ngx_uint_t status, const char *words);
/* GET {public_url}/l/{token} */
void hd_click(hd_req_t *req, const hd_str_t *token);

#endif /* HD_API_MEDIA_H */

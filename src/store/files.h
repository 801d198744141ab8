/*
 * files: where the bytes of media are.
 *
 *   {herald_media}/files/{organisation}/{2 hex}/{62 hex}   by their SHA-256
 *   {herald_media}/temp/{pid}.{n}                          on their way
 *
 * What is written goes to a temporary name, is read once in a thread (digest,
 * type), forced to disk and renamed: under its own name there is never half a
 * file.  The row comes after that.  A worker that dies leaves a temporary
 * file, which the next worker to start removes.
 *
 * A file is removed only when no row has its content, and never a fresh one
 * (its row may be on its way).
 */

#ifndef HD_FILES_H
#define HD_FILES_H

#include <ngx_thread_pool.h>
#include "store.h"
#include "../base/filetype.h"


#define HD_FILES_PATH   512

typedef struct hd_files_keep_s  hd_files_keep_t;

typedef enum {
    HD_FILES_KEPT = 0,
    HD_FILES_FULL,                     /* the disk */
    HD_FILES_TYPE,                     /* none that may be sent */
    HD_FILES_EMPTY,
    HD_FILES_ERROR                     /* logged */
} hd_files_result_e;

struct hd_files_keep_s {
    char                   temp[HD_FILES_PATH];
    hd_uuid_t              org;
    u_char                 name[256];  /* as the file was called */
    size_t                 name_len;
    void                 (*done)(hd_files_keep_t *k);
    void                  *data;
    /* of the result */
    hd_files_result_e      result;
    u_char                 sha256[32];
    off_t                  bytes;
    const hd_filetype_t   *type;
};

/* NGX_ERROR is logged: then there is no place for files. */
ngx_int_t hd_files_init(const char *dir, ngx_thread_pool_t *threads,
    ngx_log_t *log);
/* a temporary name that is nobody's; NGX_ERROR: there is no place */
ngx_int_t hd_files_temp(char path[HD_FILES_PATH]);
void hd_files_path(char path[HD_FILES_PATH], const hd_uuid_t *org,
    const u_char sha256[32]);
/* Takes the temporary file: it is kept under its name, or gone.  `k` is copied;
 * done(copy) comes later from the loop, and the copy is freed after it.
 * NGX_ERROR: nothing was done, the temporary file stays. */
ngx_int_t hd_files_keep(const hd_files_keep_t *k);
/* nothing needs it any more; a fresh one stays */
void hd_files_remove(const hd_uuid_t *org, const u_char sha256[32]);

#endif /* HD_FILES_H */

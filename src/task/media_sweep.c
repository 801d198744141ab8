/*
 * media_sweep: a file on the disk whose row was deleted, ten minutes later.
 * Other rows may have the same content, and an upload may have brought it
 * again: then it stays.
 */

#include "private.h"
#include "media.h"
#include "../store/files.h"


typedef struct {
    hd_task_t   *task;
    u_char       sha256[32];
    ngx_uint_t   used;
} hd_sweep_t;


static void
hd_sweep_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_sweep_t *s = u->data;

    if (index == 1 && hd_pg_rows(res)) {
        s->used = hd_pg_value(res, 0, 0).data[0] == 't';
    }
}


static void
hd_sweep_known(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_sweep_t *s = u->data;

    if (hd_tasks.over) {
        return;
    }

    if (outcome != HD_PG_OK) {
        hd_task_again(s->task, 0, NULL);
        return;
    }

    if (!s->used) {
        hd_files_remove(&s->task->org, s->sha256);
    }

    hd_task_done(s->task, NULL);
}


void
hd_task_media_sweep(hd_task_t *task)
{
    hd_str_t       hex;
    hd_sweep_t    *s;
    hd_pg_unit_t  *u;

    s = ngx_pcalloc(task->pool, sizeof(hd_sweep_t));
    hex = hd_json_str(task->args, "sha256");

    if (s == NULL) {
        hd_task_again(task, 0, NULL);
        return;
    }

    if (hex.len != 64 || hd_unhex(s->sha256, hex.data, hex.len) != HD_OK) {
        hd_task_failed(task, "It does not say which file.");
        return;
    }

    s->task = task;
    s->used = 1;

    u = hd_pg_unit(hd_task.pg, hd_sweep_row, hd_sweep_known, s);

    if (u) {
        hd_pg_org(u, &task->org);
        hd_pg_stmt(u, HD_Q_MEDIA_USED);
        hd_pg_bytea(u, s->sha256, 32);

        if (hd_pg_submit(u) == NGX_OK) {
            return;
        }
    }

    hd_task_again(task, 0, NULL);
}

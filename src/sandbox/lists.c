/*
 * Those settings of a number that are lists: failures, templates, faults, the
 * plan of a message's statuses.  A list that is given replaces the whole.
 */

#include "sandbox.h"


#define HD_SB_AFTER_MAX  (24 * 3600 * 1000)


static int hd_sb_merge_failures(hd_sb_settings_t *set, const hd_json_t *v,
    char *why, size_t size);
static int hd_sb_merge_templates(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size);
static int hd_sb_merge_faults(hd_sb_settings_t *set, const hd_json_t *v,
    char *why, size_t size);
static int hd_sb_merge_plan(hd_sb_settings_t *set, const hd_json_t *v,
    char *why, size_t size);


static const char  *hd_sb_stages[] = { "sent", "delivered", "read", "reply" };

static const char  *hd_sb_ids[] = { "own", "unknown", "other" };


int
hd_sb_lists_merge(ngx_pool_t *pool, hd_sb_settings_t *set, const hd_json_t *v,
    char *why, size_t size)
{
    if (hd_str_eq(&v->key, "failures")) {
        return hd_sb_merge_failures(set, v, why, size);
    }

    if (hd_str_eq(&v->key, "templates")) {
        return hd_sb_merge_templates(pool, set, v, why, size);
    }

    if (hd_str_eq(&v->key, "faults")) {
        return hd_sb_merge_faults(set, v, why, size);
    }

    if (hd_str_eq(&v->key, "status_plan")) {
        return hd_sb_merge_plan(set, v, why, size);
    }

    return NGX_DECLINED;
}


static int
hd_sb_merge_failures(hd_sb_settings_t *set, const hd_json_t *v, char *why,
    size_t size)
{
    hd_str_t          when;
    hd_sb_failure_t   fail;
    const hd_json_t  *m;

    if (v->type != HD_JSON_ARRAY || v->count > HD_SB_FAILURES) {
        return hd_sb_settings_bad(v, why, size, "an array of at most 8");
    }

    set->nfailures = 0;

    for (m = v->child; m != NULL; m = m->next) {

        when = hd_json_str(m, "when");
        fail.by_status = hd_str_eq(&when, "status");
        fail.rate = 1.0;

        if (hd_json_int(hd_json_get(m, "code"), &fail.code) != HD_OK
            || fail.code < 0 || fail.code > 999999999
            || (fail.by_status && fail.code == 0)
            || (!fail.by_status && when.len > 0
                && !hd_str_eq(&when, "answer"))
            || (hd_json_get(m, "rate") != NULL
                && hd_sb_settings_rate(hd_json_get(m, "rate"), &fail.rate)
                   != HD_OK))
        {
            return hd_sb_settings_bad(v, why, size, "{\"code\": integer,"
                                      " \"rate\": 0 to 1, \"when\":"
                                      " \"answer\" or \"status\"}");
        }

        set->failures[set->nfailures++] = fail;
    }

    return HD_OK;
}


static int
hd_sb_merge_templates(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size)
{
    hd_mem_t           mem;
    hd_str_t           name, language, category, status;
    const hd_json_t   *m;
    hd_sb_template_t  *t, **last;

    if (v->type != HD_JSON_ARRAY) {
        return hd_sb_settings_bad(v, why, size, "an array");
    }

    mem = hd_sb_mem(pool);
    set->templates = NULL;
    last = &set->templates;

    for (m = v->child; m != NULL; m = m->next) {

        t = hd_calloc(&mem, sizeof(hd_sb_template_t));
        if (t == NULL) {
            return HD_ERROR;
        }

        name = hd_json_str(m, "name");
        language = hd_json_str(m, "language");
        category = hd_json_str(m, "category");
        status = hd_json_str(m, "status");
        t->params = -1;

        if (name.len == 0 || name.len > 512 || status.len > 32
            || (hd_json_get(m, "params") != NULL
                && hd_json_int(hd_json_get(m, "params"), &t->params) != HD_OK))
        {
            return hd_sb_settings_bad(v, why, size, "{\"name\", \"language\","
                                      " \"category\", \"status\","
                                      " \"params\": integer}");
        }

        if (category.len == 0) {
            hd_str_set(&category, "marketing");
        }

        if (hd_str_dup(&mem, &name, &t->name) != HD_OK
            || hd_str_dup(&mem, &language, &t->language) != HD_OK
            || hd_str_dup(&mem, &category, &t->category) != HD_OK
            || hd_str_dup(&mem, &status, &t->status) != HD_OK)
        {
            return HD_ERROR;
        }

        *last = t;
        last = &t->next;
    }

    return HD_OK;
}


static int
hd_sb_merge_faults(hd_sb_settings_t *set, const hd_json_t *v, char *why,
    size_t size)
{
    hd_sb_fault_t     fault;
    const hd_json_t  *m;

    if (v->type != HD_JSON_ARRAY || v->count > HD_SB_FAULTS) {
        return hd_sb_settings_bad(v, why, size, "an array of at most 8");
    }

    set->nfaults = 0;

    for (m = v->child; m != NULL; m = m->next) {

        if (hd_sb_fault_read(m, &fault) != HD_OK) {
            return hd_sb_settings_bad(v, why, size, "{\"kind\": http, drop,"
                " reset_early, reset, hang, trickle, text, truncated or huge;"
                " rate, next, for_ms, taken, status, retry_after, bytes}");
        }

        set->faults[set->nfaults++] = fault;
    }

    return HD_OK;
}


static int
hd_sb_word(const hd_str_t *s, const char **words, ngx_uint_t n,
    ngx_uint_t *out)
{
    for (*out = 0; *out < n; (*out)++) {
        if (strlen(words[*out]) == s->len
            && memcmp(words[*out], s->data, s->len) == 0)
        {
            return HD_OK;
        }
    }

    return HD_ERROR;
}


int
hd_sb_plan_read(const hd_json_t *v, hd_sb_plan_t *p, int command)
{
    int               rc;
    ngx_uint_t        id;
    const hd_json_t  *m;

    ngx_memzero(p, sizeof(hd_sb_plan_t));
    p->stage = HD_SB_STAGE_REPLY + 1;
    p->times = 1;

    for (m = v->child; m != NULL; m = m->next) {

        if (hd_str_eq(&m->key, "status")) {
            rc = hd_sb_word(&m->str, hd_sb_stages, 4, &p->stage);

            if (rc != HD_OK && hd_str_eq(&m->str, "failed")) {
                p->stage = HD_SB_STAGE_SENT;
                p->code = p->code ? p->code : 131000;
                rc = HD_OK;
            }

        } else if (hd_str_eq(&m->key, "code")) {
            rc = hd_json_int(m, &p->code);

        } else if (hd_str_eq(&m->key, "after_ms")) {
            rc = hd_json_int(m, &p->after_ms);

        } else if (hd_str_eq(&m->key, "times")) {
            rc = hd_json_int(m, &p->times);

        } else if (command && (hd_str_eq(&m->key, "id")
                               || hd_str_eq(&m->key, "to")
                               || hd_str_eq(&m->key, "reference")))
        {
            rc = (m->type == HD_JSON_STRING) ? HD_OK : HD_ERROR;

        } else if (hd_str_eq(&m->key, "id")) {
            rc = hd_sb_word(&m->str, hd_sb_ids, 3, &id);
            p->id = (hd_sb_id_e) id;

        } else {
            rc = HD_ERROR;
        }

        if (rc != HD_OK) {
            return HD_ERROR;
        }
    }

    return (p->stage <= HD_SB_STAGE_REPLY && p->times >= 1 && p->times <= 50
            && p->after_ms >= 0 && p->after_ms <= HD_SB_AFTER_MAX
            && p->code >= 0 && p->code <= 999999999
            && (p->code == 0 || p->stage == HD_SB_STAGE_SENT))
           ? HD_OK : HD_ERROR;
}


static int
hd_sb_merge_plan(hd_sb_settings_t *set, const hd_json_t *v, char *why,
    size_t size)
{
    hd_sb_plan_t      step;
    const hd_json_t  *m;

    if (v->type != HD_JSON_ARRAY || v->count > HD_SB_PLAN) {
        return hd_sb_settings_bad(v, why, size, "an array of at most 16");
    }

    set->nplan = 0;

    for (m = v->child; m != NULL; m = m->next) {

        if (hd_sb_plan_read(m, &step, 0) != HD_OK) {
            return hd_sb_settings_bad(v, why, size, "{\"status\": sent,"
                " delivered, read, failed or reply; after_ms, times 1 to 50,"
                " code (failed), id: own, unknown or other}");
        }

        set->plan[set->nplan++] = step;
    }

    return HD_OK;
}


static void
hd_sb_plan_write(hd_buf_t *b, const hd_sb_plan_t *p)
{
    hd_buf_printf(b, "{\"status\":\"%s\",\"code\":%d,\"after_ms\":%d,"
                  "\"times\":%d,\"id\":\"%s\"}",
                  p->code ? "failed" : hd_sb_stages[p->stage], (int) p->code,
                  (int) p->after_ms, (int) p->times, hd_sb_ids[p->id]);
}


void
hd_sb_lists_write(hd_buf_t *b, const hd_sb_settings_t *set)
{
    ngx_uint_t               i;
    const hd_sb_template_t  *t;

    hd_buf_z(b, "\"failures\":[");

    for (i = 0; i < set->nfailures; i++) {
        hd_buf_printf(b, "%s{\"code\":%d,\"rate\":%.6g,\"when\":\"%s\"}",
                      i ? "," : "", (int) set->failures[i].code,
                      set->failures[i].rate,
                      set->failures[i].by_status ? "status" : "answer");
    }

    hd_buf_z(b, "],\"templates\":[");

    for (t = set->templates; t != NULL; t = t->next) {
        hd_buf_z(b, "{\"name\":");
        hd_jw_str(b, &t->name);
        hd_buf_z(b, ",\"language\":");
        hd_jw_str(b, &t->language);
        hd_buf_z(b, ",\"category\":");
        hd_jw_str(b, &t->category);
        hd_buf_z(b, ",\"status\":");
        hd_jw_str(b, &t->status);
        hd_buf_printf(b, ",\"params\":%d}%s", (int) t->params,
                      t->next ? "," : "");
    }

    hd_buf_z(b, "],\"faults\":[");

    for (i = 0; i < set->nfaults; i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        hd_sb_fault_write(b, &set->faults[i]);
    }

    hd_buf_z(b, "],\"status_plan\":[");

    for (i = 0; i < set->nplan; i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        hd_sb_plan_write(b, &set->plan[i]);
    }

    hd_buf_char(b, ']');
}

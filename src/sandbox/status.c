/*
 * Statuses out of the ordinary: planned by the settings in place of a
 * message's usual life, added to it by chance, or asked for by the control
 * API.  Each one is a record of its own with the message's id and one stage to
 * do, so that the wheel and the batches know of nothing new.
 */

#include "sandbox.h"


static hd_sb_number_t *hd_sb_status_other(hd_sb_number_t *n);
static int hd_sb_status_wamid(const hd_str_t *wamid, u_char digits[16],
    hd_str_t *to, u_char key[9]);


void
hd_sb_status_extra(hd_sb_number_t *n, const hd_sb_record_t *like,
    const hd_sb_plan_t *step, uint32_t base)
{
    int64_t          i;
    hd_sb_record_t  *rec;

    if (step->id == HD_SB_ID_OTHER) {
        n = hd_sb_status_other(n);
    }

    if (n->set.sockaddr == NULL) {
        return;
    }

    for (i = 0; i < step->times; i++) {

        rec = hd_sb_record_copy(n, like);
        if (rec == NULL) {
            return;
        }

        if (step->id == HD_SB_ID_UNKNOWN) {
            hd_sb_new_key(rec->key);
            rec->ref_len = 0;
        }

        rec->code = (int32_t) step->code;
        rec->due[step->stage] = base + (uint32_t) step->after_ms;
        rec->todo = 1 << step->stage;

        hd_sb_record_start(rec);
    }
}


void
hd_sb_status_plan(hd_sb_record_t *rec, uint32_t base)
{
    ngx_uint_t         i;
    hd_sb_settings_t  *set;

    set = &rec->number->set;

    for (i = 0; i < set->nplan; i++) {
        hd_sb_status_extra(rec->number, rec, &set->plan[i], base);
    }

    hd_sb_record_free(rec);
}


void
hd_sb_status_strange(hd_sb_record_t *rec, int plan)
{
    ngx_uint_t         stage;
    hd_sb_plan_t       step;
    hd_sb_settings_t  *set;

    set = &rec->number->set;
    ngx_memzero(&step, sizeof(hd_sb_plan_t));

    if (plan == HD_SB_PLAN_THRICE) {
        step.times = 2;

        for (stage = HD_SB_STAGE_SENT; stage <= HD_SB_STAGE_READ; stage++) {
            if (rec->todo & (1 << stage)) {
                step.stage = stage;
                hd_sb_status_extra(rec->number, rec, &step, rec->due[stage]);
            }
        }
    }

    step.times = 1;

    if ((rec->todo & (1 << HD_SB_STAGE_DELIVERED))
        && (plan == HD_SB_PLAN_LATE_FAILURE
            || (set->late_failure_rate > 0
                && hd_sb_random() < set->late_failure_rate)))
    {
        step.stage = HD_SB_STAGE_SENT;
        step.code = 131000;

        /* two ticks: never in the same batch as what it follows */
        step.after_ms = hd_sb_pick(&set->latency[HD_SB_DELIVERED])
                        + 2 * HD_SB_TICK;

        hd_sb_status_extra(rec->number, rec, &step,
                           rec->due[HD_SB_STAGE_DELIVERED]);
    }

    step.code = 0;
    step.after_ms = 0;
    step.stage = HD_SB_STAGE_DELIVERED;

    if (set->unknown_status_rate > 0
        && hd_sb_random() < set->unknown_status_rate)
    {
        step.id = HD_SB_ID_UNKNOWN;
        hd_sb_status_extra(rec->number, rec, &step,
                           rec->due[HD_SB_STAGE_SENT]);
    }

    if (set->foreign_status_rate > 0
        && hd_sb_random() < set->foreign_status_rate)
    {
        step.id = HD_SB_ID_OTHER;
        hd_sb_status_extra(rec->number, rec, &step,
                           rec->due[HD_SB_STAGE_SENT]);
    }
}


/* another number that has webhooks, any one; `n` when there is none */

static hd_sb_number_t *
hd_sb_status_other(hd_sb_number_t *n)
{
    ngx_uint_t       i, seen;
    hd_sb_number_t  *other, *found;

    found = n;
    seen = 0;

    for (i = 0; i < 256; i++) {
        for (other = hd_sb.numbers[i]; other != NULL; other = other->next) {

            if (other == n || !other->node->exists
                || other->set.sockaddr == NULL)
            {
                continue;
            }

            seen++;

            if (hd_sb_random() * (double) seen < 1.0) {
                found = other;
            }
        }
    }

    return found;
}


/* one of our own ids, taken apart again */

static int
hd_sb_status_wamid(const hd_str_t *wamid, u_char digits[16], hd_str_t *to,
    u_char key[9])
{
    u_char     raw[HD_SB_WAMID_MAX];
    ngx_str_t  src, dst;

    if (wamid->len < 6 || wamid->len > HD_SB_WAMID_MAX
        || ngx_strncmp(wamid->data, "wamid.", 6) != 0)
    {
        return HD_ERROR;
    }

    src.data = wamid->data + 6;
    src.len = wamid->len - 6;
    dst.data = raw;

    if (ngx_decode_base64(&dst, &src) != NGX_OK || dst.len < 3
        || raw[2] > 15 || dst.len != (size_t) raw[2] + 28
        || hd_unhex(key, raw + 3 + raw[2] + 6, 18) != HD_OK)
    {
        return HD_ERROR;
    }

    ngx_memcpy(digits, raw + 3, raw[2]);
    to->data = digits;
    to->len = raw[2];

    return HD_OK;
}


/* one element of the command: a step, and whose status it is */

static int
hd_sb_status_one(hd_sb_number_t *n, const hd_json_t *v)
{
    u_char           digits[16], key[9];
    hd_str_t         id, to, input, ref;
    hd_sb_plan_t     step;
    hd_sb_record_t  *rec;

    if (hd_sb_plan_read(v, &step, 1) != HD_OK) {
        return HD_ERROR;
    }

    id = hd_json_str(v, "id");
    input = hd_json_str(v, "to");
    ref = hd_json_str(v, "reference");
    to.data = digits;

    if (id.len > 0) {
        if (hd_sb_status_wamid(&id, digits, &to, key) != HD_OK) {
            return HD_ERROR;
        }

    } else {
        hd_sb_new_key(key);

        if (hd_sb_digits(&input, digits, &to.len) != HD_OK) {
            return HD_ERROR;
        }
    }

    if (ref.len > 512) {
        return HD_ERROR;
    }

    rec = hd_sb_record_create(n, &to, &ref);
    if (rec == NULL) {
        return HD_ERROR;
    }

    ngx_memcpy(rec->key, key, 9);
    hd_sb_status_extra(n, rec, &step, hd_sb_now());
    hd_sb_record_free(rec);

    return HD_OK;
}


int
hd_sb_status_command(hd_sb_number_t *n, const hd_json_t *v, char *why,
    size_t size)
{
    hd_json_t  *m, *list;

    list = hd_json_get(v, "statuses");

    if (n->set.sockaddr == NULL) {
        snprintf(why, size, "the number has no webhook_url");
        return HD_ERROR;
    }

    if (list == NULL || list->type != HD_JSON_ARRAY || list->count > 1000) {
        snprintf(why, size, "\"statuses\": an array of at most 1000 is"
                 " expected");
        return HD_ERROR;
    }

    for (m = list->child; m != NULL; m = m->next) {

        if (hd_sb_status_one(n, m) != HD_OK) {
            snprintf(why, size, "\"statuses\": {\"status\", \"id\": a wamid"
                     " of the sandbox or \"to\", \"reference\", \"code\","
                     " \"after_ms\", \"times\"} is expected");
            return HD_ERROR;
        }
    }

    return HD_OK;
}

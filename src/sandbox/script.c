/*
 * The script: steps that change numbers by themselves, at a message or after a
 * time.  A JSON array, from herald_sandbox_script or the control API:
 *
 *   [ { "number": "1000…1", "at_message": 500,
 *       "do": { …settings… }, "event": { … }, "inbound": { … } },
 *     { "number": "1000…1", "after_ms": 2000, "do": { … } } ]
 *
 * at_message n: when the number has taken n messages.  after_ms: since the
 * control API set the script, or, when it came from the file, since the
 * number's first message.  Each step is done once, by the worker that comes
 * first to it (script_done); a number that is not there is passed over.
 *
 * The text lives in the zone; every worker that serves the sandbox has it
 * parsed, and a timer for the next step by time.
 */

#include "sandbox.h"


typedef struct {
    hd_str_t          number;
    int64_t           at_message;      /* 0: by time */
    int64_t           after_ms;
    const hd_json_t  *set;             /* NULL: nothing of the kind */
    const hd_json_t  *event;
    const hd_json_t  *inbound;
} hd_sb_step_t;


static int hd_sb_script_parse(ngx_pool_t *pool, const ngx_str_t *text,
    hd_sb_step_t *steps, ngx_uint_t *n, ngx_uint_t *line, char *why,
    size_t size);
static int hd_sb_script_step(ngx_pool_t *pool, const hd_json_t *v,
    hd_sb_step_t *step, char *why, size_t size);
static ngx_uint_t hd_sb_script_line(const ngx_str_t *text, ngx_uint_t step,
    const char *why);
static void hd_sb_script_do(ngx_uint_t i);
static void hd_sb_script_timer(ngx_event_t *ev);
static void hd_sb_script_due(void);


static ngx_pool_t    *hd_sb_script_pool;
static hd_sb_step_t   hd_sb_steps[HD_SB_STEPS];
static ngx_uint_t     hd_sb_script_busy;


int
hd_sb_script_check(ngx_pool_t *pool, const ngx_str_t *text, ngx_uint_t *line,
    char *why, size_t size)
{
    ngx_uint_t    n;
    hd_sb_step_t  steps[HD_SB_STEPS];

    return hd_sb_script_parse(pool, text, steps, &n, line, why, size);
}


static int
hd_sb_script_parse(ngx_pool_t *pool, const ngx_str_t *text,
    hd_sb_step_t *steps, ngx_uint_t *n, ngx_uint_t *line, char *why,
    size_t size)
{
    size_t            i;
    hd_mem_t          mem;
    hd_json_t        *v, *m;
    hd_json_error_t   err;

    *n = 0;
    *line = 1;

    mem = hd_sb_mem(pool);
    v = hd_json_parse(&mem, text->data, text->len, 16, &err);

    if (v == NULL) {
        for (i = 0; i < err.offset && i < text->len; i++) {
            *line += (text->data[i] == '\n');
        }

        snprintf(why, size, "JSON is expected: %s", err.text);
        return HD_ERROR;
    }

    if (v->type != HD_JSON_ARRAY || v->count > HD_SB_STEPS) {
        snprintf(why, size, "an array of at most %d steps is expected",
                 HD_SB_STEPS);
        return HD_ERROR;
    }

    for (m = v->child; m != NULL; m = m->next) {

        if (hd_sb_script_step(pool, m, &steps[*n], why, size) != HD_OK) {
            *line = hd_sb_script_line(text, *n, why);
            return HD_ERROR;
        }

        (*n)++;
    }

    return HD_OK;
}


static int
hd_sb_script_bad(char *why, size_t size, const char *key, const char *text)
{
    snprintf(why, size, "\"%s\": %s is expected", key, text);

    return HD_ERROR;
}


static int
hd_sb_script_step(ngx_pool_t *pool, const hd_json_t *v, hd_sb_step_t *step,
    char *why, size_t size)
{
    const hd_json_t   *m;
    hd_sb_settings_t   set;

    ngx_memzero(step, sizeof(hd_sb_step_t));
    step->after_ms = -1;

    if (v->type != HD_JSON_OBJECT) {
        snprintf(why, size, "a step is an object: {\"number\", \"at_message\""
                 " or \"after_ms\", \"do\", \"event\", \"inbound\"}");
        return HD_ERROR;
    }

    for (m = v->child; m != NULL; m = m->next) {

        if (hd_str_eq(&m->key, "number") && m->type == HD_JSON_STRING
            && m->str.len > 0 && m->str.len <= HD_SB_ID_MAX)
        {
            step->number = m->str;

        } else if (hd_str_eq(&m->key, "at_message")) {

            if (hd_json_int(m, &step->at_message) != HD_OK
                || step->at_message < 1)
            {
                return hd_sb_script_bad(why, size, "at_message",
                                        "an integer from 1 on");
            }

        } else if (hd_str_eq(&m->key, "after_ms")) {

            if (hd_json_int(m, &step->after_ms) != HD_OK || step->after_ms < 0
                || step->after_ms > 24 * 3600 * 1000)
            {
                return hd_sb_script_bad(why, size, "after_ms",
                                        "an integer from 0 to a day");
            }

        } else if (hd_str_eq(&m->key, "do")) {
            step->set = m;
            hd_sb_settings_default(&set);

            if (hd_sb_settings_merge(pool, &set, m, why, size) != HD_OK) {
                return HD_ERROR;
            }

        } else if (hd_str_eq(&m->key, "event") && m->type == HD_JSON_OBJECT) {
            step->event = m;

        } else if (hd_str_eq(&m->key, "inbound") && m->type == HD_JSON_OBJECT)
        {
            step->inbound = m;

        } else {
            snprintf(why, size, "\"%.*s\": \"number\" (a string),"
                     " \"at_message\", \"after_ms\", \"do\", \"event\" or"
                     " \"inbound\" (objects) is expected",
                     (int) ngx_min(m->key.len, 40), m->key.data);
            return HD_ERROR;
        }
    }

    if (step->number.len == 0) {
        return hd_sb_script_bad(why, size, "number", "a number's id");
    }

    if ((step->at_message > 0) == (step->after_ms >= 0)) {
        snprintf(why, size, "one of \"at_message\" and \"after_ms\" is"
                 " expected");
        return HD_ERROR;
    }

    if (step->set == NULL && step->event == NULL && step->inbound == NULL) {
        return hd_sb_script_bad(why, size, "do", "an object of settings");
    }

    return HD_OK;
}


/*
 * The line of what `why` begins with, a member's name in quotes, within the
 * step; of the step's first byte when it is not found there.
 */

static ngx_uint_t
hd_sb_script_line(const ngx_str_t *text, ngx_uint_t step, const char *why)
{
    size_t       i, from, len;
    ngx_int_t    depth, count;
    ngx_uint_t   line, quoted;
    const char  *end;

    end = (why[0] == '"') ? strchr(why + 1, '"') : NULL;
    len = end ? (size_t) (end - why) + 1 : 0;

    depth = 0;
    count = -1;
    from = 0;
    quoted = 0;

    for (i = 0; i < text->len; i++) {

        if (count == (ngx_int_t) step && len > 0 && i + len <= text->len
            && !quoted && memcmp(text->data + i, why, len) == 0)
        {
            from = i;
            break;
        }

        if (quoted) {
            if (text->data[i] == '\\') {
                i++;

            } else if (text->data[i] == '"') {
                quoted = 0;
            }

            continue;
        }

        switch (text->data[i]) {

        case '"':
            quoted = 1;
            break;

        case '{':
        case '[':
            if (depth++ == 1 && ++count == (ngx_int_t) step) {
                from = i;
            }

            break;

        case '}':
        case ']':
            depth--;
        }
    }

    for (line = 1, i = 0; i < from; i++) {
        line += (text->data[i] == '\n');
    }

    return line;
}


/* called with the mutex free, by a worker or by the master at its start */

ngx_int_t
hd_sb_script_store(ngx_slab_pool_t *shpool, hd_sb_sh_t *sh,
    const ngx_str_t *text, uint32_t hash, ngx_msec_t since)
{
    u_char      *p;
    ngx_uint_t   i;

    ngx_shmtx_lock(&shpool->mutex);

    p = NULL;

    if (text->len > 0) {
        p = ngx_slab_alloc_locked(shpool, text->len);

        if (p == NULL) {
            ngx_shmtx_unlock(&shpool->mutex);
            return NGX_ERROR;
        }

        ngx_memcpy(p, text->data, text->len);
    }

    if (sh->script != NULL) {
        ngx_slab_free_locked(shpool, sh->script);
    }

    sh->script = p;
    sh->script_len = text->len;
    sh->script_hash = hash;
    sh->script_since = since;

    for (i = 0; i < HD_SB_STEPS; i++) {
        sh->script_done[i] = 0;
    }

    sh->script_generation++;
    (void) ngx_atomic_fetch_add(&sh->generation, 1);

    ngx_shmtx_unlock(&shpool->mutex);

    return NGX_OK;
}


void
hd_sb_script_refresh(void)
{
    char         why[160];
    ngx_str_t    text;
    ngx_uint_t   line, n;
    ngx_pool_t  *pool;

    if (hd_sb.script_generation == hd_sb.sh->script_generation
        || hd_sb_script_busy)
    {
        return;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    hd_sb.script_generation = hd_sb.sh->script_generation;
    text.len = hd_sb.sh->script_len;
    text.data = ngx_pnalloc(pool, text.len + 1);

    if (text.data != NULL && text.len > 0) {
        ngx_memcpy(text.data, hd_sb.sh->script, text.len);
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    hd_sb.nsteps = 0;

    if (hd_sb_script_pool != NULL) {
        ngx_destroy_pool(hd_sb_script_pool);
    }

    hd_sb_script_pool = pool;
    n = 0;

    /* it was checked before it was stored: only memory can be short */

    if (text.data == NULL
        || (text.len > 0
            && hd_sb_script_parse(pool, &text, hd_sb_steps, &n, &line, why,
                                  sizeof(why))
               != HD_OK))
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "sandbox: the script cannot be read");
        return;
    }

    hd_sb.nsteps = n;
    hd_sb_script_due();
}


/* ms of a step by time: negative when its clock does not run yet */

static ngx_msec_int_t
hd_sb_script_left(ngx_uint_t i)
{
    ngx_str_t        id;
    ngx_msec_t       since;
    hd_sb_number_t  *n;

    since = hd_sb.sh->script_since;

    if (since == 0) {
        id.data = hd_sb_steps[i].number.data;
        id.len = hd_sb_steps[i].number.len;
        n = hd_sb_number_find(&id);
        since = (n != NULL) ? n->node->script_since : 0;
    }

    if (since == 0) {
        return -1;
    }

    return ngx_max((ngx_msec_int_t) (since + hd_sb_steps[i].after_ms
                                     - ngx_current_msec), 0);
}


/* does the steps that are due, and sets the timer for the next one */

static void
hd_sb_script_due(void)
{
    ngx_uint_t      i;
    ngx_msec_int_t  left, next;

    if (hd_sb_script_busy) {
        return;
    }

    next = -1;

    for (i = 0; i < hd_sb.nsteps; i++) {

        if (hd_sb_steps[i].at_message > 0 || hd_sb.sh->script_done[i]) {
            continue;
        }

        left = hd_sb_script_left(i);

        if (left == 0) {
            hd_sb_script_do(i);

        } else if (left > 0 && (next < 0 || left < next)) {
            next = left;
        }
    }

    if (next < 0) {
        return;
    }

    hd_sb.ident[3] = (void *) -1;
    hd_sb.script_timer.handler = hd_sb_script_timer;
    hd_sb.script_timer.data = hd_sb.ident;
    hd_sb.script_timer.log = ngx_cycle->log;
    hd_sb.script_timer.cancelable = 1;

    if (hd_sb.script_timer.timer_set) {
        ngx_del_timer(&hd_sb.script_timer);
    }

    ngx_add_timer(&hd_sb.script_timer, (ngx_msec_t) next);
}


static void
hd_sb_script_timer(ngx_event_t *ev)
{
    hd_sb_number_refresh();
    hd_sb_script_due();
}


void
hd_sb_script_message(hd_sb_number_t *n)
{
    ngx_uint_t     i;
    hd_sb_node_t  *node;

    node = n->node;

    if (node->script_since == 0
        && ngx_atomic_cmp_set(&node->script_since, 0,
                              ngx_max(ngx_current_msec, 1)))
    {
        hd_sb_script_due();
    }

    for (i = 0; i < hd_sb.nsteps; i++) {

        if (hd_sb_steps[i].at_message > 0 && !hd_sb.sh->script_done[i]
            && node->accepted >= (ngx_atomic_uint_t) hd_sb_steps[i].at_message
            && node->id_len == hd_sb_steps[i].number.len
            && memcmp(node->id, hd_sb_steps[i].number.data, node->id_len) == 0)
        {
            hd_sb_script_do(i);
        }
    }
}


static void
hd_sb_script_do(ngx_uint_t i)
{
    int              rc;
    char             why[160];
    u_char           id[HD_SB_WAMID_MAX];
    hd_str_t         wamid;
    ngx_str_t        number;
    ngx_pool_t      *pool;
    hd_sb_step_t    *step;
    hd_sb_number_t  *n;

    if (hd_sb_script_busy
        || !ngx_atomic_cmp_set(&hd_sb.sh->script_done[i], 0, 1))
    {
        return;
    }

    step = &hd_sb_steps[i];
    number.data = step->number.data;
    number.len = step->number.len;

    n = hd_sb_number_find(&number);
    pool = ngx_create_pool(4096, ngx_cycle->log);

    if (n == NULL || pool == NULL) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "sandbox: step %ui of the script is passed over, there"
                      " is no number \"%V\"", i + 1, &number);

        if (pool != NULL) {
            ngx_destroy_pool(pool);
        }

        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "sandbox: step %ui of the script, number \"%V\"", i + 1,
                  &number);

    /* a new script must not take this one's memory from under the step */

    hd_sb_script_busy = 1;
    rc = HD_OK;

    if (step->set != NULL) {
        rc = hd_sb_control_apply(&number, step->set, pool, why, sizeof(why));
    }

    if (rc == HD_OK && step->event != NULL) {
        rc = hd_sb_event(n, step->event, pool, why, sizeof(why));
    }

    if (rc == HD_OK && step->inbound != NULL) {
        rc = hd_sb_control_play(n, step->inbound, id, &wamid, why,
                                sizeof(why));
    }

    hd_sb_script_busy = 0;

    if (rc != HD_OK) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "sandbox: step %ui of the script failed: %s", i + 1,
                      why);
    }

    ngx_destroy_pool(pool);

    hd_sb_script_refresh();
    hd_sb_client_pump();
}


/* {"steps": n, "done": [true, …]} */

void
hd_sb_script_write(hd_buf_t *b)
{
    ngx_uint_t  i;

    hd_buf_printf(b, "{\"steps\":%d,\"done\":[", (int) hd_sb.nsteps);

    for (i = 0; i < hd_sb.nsteps; i++) {
        hd_buf_printf(b, "%s%s", i ? "," : "",
                      hd_sb.sh->script_done[i] ? "true" : "false");
    }

    hd_buf_z(b, "]}");
}


void
hd_sb_script_exit(void)
{
    if (hd_sb.script_timer.timer_set) {
        ngx_del_timer(&hd_sb.script_timer);
    }
}

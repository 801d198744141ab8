/*
 * The review of templates.
 *
 *   created, edited -> PENDING -> (review_ms) -> APPROVED | REJECTED
 *
 * A name decides what comes of it:
 *
 *   …rejected_promotional   REJECTED with that reason; "rejected_" alone:
 *                           INVALID_FORMAT
 *   …slow_…                 the review takes 30 s
 *   …pending_…              it never ends
 *   …instant_…              approved by the answer
 *   …recategory_…           approved, then its category becomes MARKETING
 *
 * The review is a timer of the worker that took it; one that was lost with its
 * worker is made up for when somebody looks.  Who writes the verdict is whose
 * copy was the newest, so its webhook goes once.
 */

#include "graph.h"


#define HD_SB_REVIEW       500         /* ms */
#define HD_SB_REVIEW_SLOW  30000
#define HD_SB_REVIEW_NOT   -1


/* the first members are what debug logging takes for a connection */

typedef struct {
    void           *ident[4];
    ngx_event_t     timer;
    size_t          len;
    u_char          id[24];
} hd_sb_review_t;


static void hd_sb_template_review(const hd_str_t *id);


int
hd_sb_holds(const hd_str_t *s, const char *word)
{
    return memmem(s->data, s->len, word, strlen(word)) != NULL;
}


int64_t
hd_sb_review_takes(const hd_str_t *name)
{
    return hd_sb_holds(name, "instant_") ? 0
           : hd_sb_holds(name, "pending_") ? HD_SB_REVIEW_NOT
           : hd_sb_holds(name, "slow_") ? HD_SB_REVIEW_SLOW : HD_SB_REVIEW;
}


static void
hd_sb_review_timer(ngx_event_t *ev)
{
    hd_str_t         id;
    hd_sb_review_t  *review = ev->data;

    id.data = review->id;
    id.len = review->len;

    if (!ngx_exiting) {
        hd_sb_template_review(&id);
    }

    ngx_free(review);
}


void
hd_sb_review_start(const hd_str_t *id, int64_t ms)
{
    hd_sb_review_t  *review;

    if (ms == HD_SB_REVIEW_NOT) {
        return;
    }

    review = ngx_calloc(sizeof(hd_sb_review_t), ngx_cycle->log);
    if (review == NULL) {
        return;
    }

    review->ident[3] = (void *) (intptr_t) -1;
    review->len = id->len;
    ngx_memcpy(review->id, id->data, id->len);

    review->timer.data = review;
    review->timer.handler = hd_sb_review_timer;
    review->timer.log = ngx_cycle->log;
    review->timer.cancelable = 1;

    ngx_add_timer(&review->timer, (ngx_msec_t) ms);
}


/* tells our receiver, as the control API would have asked for it */

static void
hd_sb_template_tell(ngx_pool_t *pool, hd_sb_number_t *n, const char *field,
    const hd_json_t *t, const char *event, const char *reason,
    const char *category)
{
    char              why[128];
    hd_buf_t          b;
    hd_mem_t          mem;
    hd_str_t          name, language;
    hd_json_t        *v;
    hd_json_error_t   err;

    name = hd_json_str(t, "name");
    language = hd_json_str(t, "language");
    mem = hd_sb_mem(pool);

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"field\":\"%s\",\"name\":", field);
    hd_jw_str(&b, &name);
    hd_buf_z(&b, ",\"language\":");
    hd_jw_str(&b, &language);
    hd_buf_printf(&b, ",\"event\":\"%s\",\"reason\":\"%s\","
                  "\"category\":\"%s\"}", event, reason, category);

    v = b.failed ? NULL : hd_json_parse(&mem, b.data, b.len, 4, &err);
    hd_buf_free(&b);

    if (v == NULL || hd_sb_event(n, v, pool, why, sizeof(why)) != HD_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "sandbox: a template's review was not told");
    }
}


const char *
hd_sb_review_verdict(const hd_str_t *name, char *reason, size_t size)
{
    size_t   i;
    u_char  *p;

    p = memmem(name->data, name->len, "rejected_", 9);

    if (p == NULL) {
        return NULL;
    }

    p += 9;

    for (i = 0; p < name->data + name->len && i < size - 1; i++, p++) {
        reason[i] = (char) ngx_toupper(*p);
    }

    reason[i] = '\0';

    return i ? reason : "INVALID_FORMAT";
}


static void
hd_sb_template_review(const hd_str_t *id)
{
    char             reason[64], quoted[80];
    hd_str_t         name, status;
    ngx_pool_t      *pool;
    const char      *rejected, *category;
    hd_sb_copy_t     copy;
    hd_sb_number_t  *n;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    if (hd_sb_object_get(pool, HD_SB_TEMPLATE, id, &copy) != HD_OK) {
        ngx_destroy_pool(pool);
        return;
    }

    status = hd_json_str(copy.v, "status");
    name = hd_json_str(copy.v, "name");
    n = hd_sb_graph_business(&copy.owner);

    if (n == NULL || !hd_str_eq(&status, "PENDING")) {
        ngx_destroy_pool(pool);
        return;
    }

    rejected = hd_sb_review_verdict(&name, reason, sizeof(reason));
    snprintf(quoted, sizeof(quoted), "\"%s\"", rejected ? rejected : "NONE");

    category = hd_sb_holds(&name, "recategory_") ? "\"MARKETING\"" : NULL;

    if (hd_sb_object_set(HD_SB_TEMPLATE, &copy, "status",
                         rejected ? "\"REJECTED\"" : "\"APPROVED\"",
                         "rejected_reason", quoted,
                         category ? "category" : NULL, category, NULL)
        == HD_OK)
    {
        hd_sb_template_tell(pool, n, "message_template_status_update",
                            copy.v, rejected ? "REJECTED" : "APPROVED",
                            rejected ? rejected : "NONE", "");

        if (category != NULL && rejected == NULL) {
            hd_sb_template_tell(pool, n, "template_category_update", copy.v,
                                "", "", "MARKETING");
        }

        hd_sb_client_pump();
    }

    ngx_destroy_pool(pool);
}


/* a review that is overdue: its worker is gone */

void
hd_sb_template_overdue(ngx_pool_t *pool, const hd_str_t *id)
{
    int64_t       due;
    hd_str_t      status;
    hd_sb_copy_t  copy;

    if (hd_sb_object_get(pool, HD_SB_TEMPLATE, id, &copy) != HD_OK
        || hd_json_int(hd_json_get(copy.v, "_due"), &due) != HD_OK)
    {
        return;
    }

    status = hd_json_str(copy.v, "status");

    if (hd_str_eq(&status, "PENDING") && due > 0 && ngx_time() > due) {
        hd_sb_template_review(id);
    }
}

/*
 * webhook: any body.  Events must hold addressable, valid UTF-8; the same
 * bytes go through the answer and challenge parsers too.
 */

#include <stdlib.h>

#include "../../src/provider/provider.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
see(const hd_str_t *s)
{
    if (s->data == NULL || !hd_utf8_valid(s->data, s->len)) {
        abort();
    }
}


static void
on_status(void *ctx, const hd_str_t *number_id, const hd_status_event_t *e)
{
    (void) ctx;

    see(number_id);
    see(&e->provider_id);
    see(&e->reference);
    see(&e->detail);

    if (e->at < 0 || e->provider_id.len == 0) {
        abort();
    }
}


static void
on_inbound(void *ctx, const hd_str_t *number_id, const hd_inbound_event_t *e)
{
    size_t  i;

    (void) ctx;

    see(number_id);
    see(&e->provider_id);
    see(&e->from);
    see(&e->user_id);
    see(&e->name);
    see(&e->type);
    see(&e->text);
    see(&e->context_id);
    see(&e->raw);

    if (e->at < 0 || e->provider_id.len == 0
        || (e->from.len == 0 && e->user_id.len == 0 && e->lid.len == 0
            && e->group.len == 0))
    {
        abort();
    }

    for (i = 0; i < e->from.len; i++) {
        if (e->from.data[i] < '0' || e->from.data[i] > '9') {
            abort();
        }
    }
}


static void
on_other(void *ctx, const hd_other_event_t *e)
{
    hd_fact_t  *f;

    (void) ctx;

    see(&e->number_id);
    see(&e->business_id);
    see(&e->field);
    see(&e->raw);

    for (f = e->facts; f != NULL; f = f->next) {
        see(&f->number);
        see(&f->status);
        see(&f->quality);
        see(&f->name);
        see(&f->language);
        see(&f->category);
        see(&f->reason);
        see(&f->from);
        see(&f->user_id);

        if (f->kind > HD_FACT_SESSION || f->effect > HD_EFFECT_STOP
            || f->limit < HD_FACT_UNSAID || f->limit > INT32_MAX)
        {
            abort();
        }
    }
}


static void
on_bad(void *ctx, const char *why)
{
    (void) ctx;

    if (why[0] == '\0') {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hd_mem_t               mem;
    hd_str_t               body, reply;
    hd_op_e                op;
    hd_json_t             *args;
    hd_arena_t            *arena;
    const char            *why;
    hd_proof_t             proof;
    hd_account_t           account;
    hd_op_answer_t         result;
    hd_json_error_t        err;
    hd_webhook_sink_t      sink;
    hd_provider_answer_t   answer;
    hd_provider_request_t  request;

    arena = hd_arena_create(16384);
    if (arena == NULL) {
        return 0;
    }

    mem = hd_arena_mem(arena);
    body.data = (unsigned char *) data;
    body.len = size;

    sink.ctx = NULL;
    sink.status = on_status;
    sink.inbound = on_inbound;
    sink.other = on_other;
    sink.bad = on_bad;

    (void) hd_provider_cloud_api.webhook(&mem, &body, &sink, &err);
    (void) hd_provider_waha.webhook(&mem, &body, &sink, &err);

    hd_provider_waha.answer(&mem, 201, &body, &answer);
    see(&answer.provider_id);
    hd_provider_waha.answer(&mem, 422, &body, &answer);
    see(&answer.detail);

    hd_provider_cloud_api.answer(&mem, 200, &body, &answer);
    see(&answer.detail);
    see(&answer.provider_id);
    see(&answer.wa_id);

    hd_provider_cloud_api.answer(&mem, 400, &body, &answer);
    if (answer.row == NULL) {
        abort();
    }

    memset(&account, 0, sizeof(account));
    hd_str_set(&account.verify_token, "v");
    hd_str_set(&account.app_secret, "s");
    (void) hd_provider_cloud_api.challenge(&mem, &account, &body, &reply);
    memset(&proof, 0, sizeof(proof));
    proof.signature = body;
    proof.body = body;
    (void) hd_provider_cloud_api.verify(&account, &proof);

    /* whatever an operation is told is an object, whatever it is asked is
     * made or declined with a reason */
    args = hd_json_parse(&mem, data, size, 32, NULL);

    for (op = 0; op < HD_OP_MAX; op++) {

        if (hd_provider_cloud_api.ops[op] == NULL) {
            continue;
        }

        hd_provider_cloud_api.ops[op]->read(&mem, 200, &body, &result);

        if (hd_json_parse(&mem, result.result.data, result.result.len, 256,
                          NULL)
            == NULL)
        {
            abort();
        }

        why = NULL;

        if (args != NULL
            && hd_provider_cloud_api.ops[op]->build(&mem, &account, args,
                                                    &request, &why)
               == HD_DECLINED
            && why == NULL)
        {
            abort();
        }
    }

    hd_arena_destroy(arena);

    return 0;
}

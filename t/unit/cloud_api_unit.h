/*
 * cloud_api_unit: what the tests of the operations share: an account, requests
 * as they are made, answers as they are read.
 */

#ifndef HD_CLOUD_API_UNIT_H
#define HD_CLOUD_API_UNIT_H

#include "unit.h"

#include "../../src/provider/provider.h"


static const hd_provider_t  *api = &hd_provider_cloud_api;


static hd_account_t unused
account(void)
{
    hd_account_t  a;

    memset(&a, 0, sizeof(a));
    a.base_url = str("https://graph.facebook.com");
    a.api_version = str("v23.0");
    a.number_id = str("1065");
    a.token = str("EAA token");
    a.business_id = str("2088");
    a.verify_token = str("vt");

    return a;
}


static hd_json_t * unused
parse(const char *text)
{
    hd_json_t        *v;
    hd_json_error_t   err;

    v = hd_json_parse(&mem, (unsigned char *) text, strlen(text), 32, &err);
    if (v == NULL) {
        fail_msg("%s: %s", err.text, text);
    }

    return v;
}


static hd_provider_request_t unused
made(hd_op_e op, const hd_account_t *a, const char *args)
{
    int                     rc;
    const char             *why = "?";
    hd_provider_request_t   r;

    rc = api->ops[op]->build(&mem, a, parse(args), &r, &why);
    if (rc != HD_OK) {
        fail_msg("operation %d is declined: %s", op, why);
    }

    return r;
}


static void unused
declined(hd_op_e op, const hd_account_t *a, const char *args,
    const char *words)
{
    const char             *why = "";
    hd_provider_request_t   r;

    assert_int_equal(api->ops[op]->build(&mem, a, parse(args), &r, &why),
                     HD_DECLINED);
    if (strstr(why, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", why, words);
    }
}


static hd_op_answer_t unused
answer(hd_op_e op, int status, const char *body)
{
    hd_str_t        s;
    hd_op_answer_t  out;

    s = str(body);
    api->ops[op]->read(&mem, status, &s, &out);
    (void) parse(hd_cstr(&mem, &out.result));

    return out;
}


static void unused
gives(hd_op_e op, const char *body, const char *result)
{
    hd_op_answer_t  out;

    out = answer(op, 200, body);
    assert_int_equal(out.answer.outcome, HD_OUTCOME_ACCEPTED);
    assert_str(&out.result, result);
}

#endif /* HD_CLOUD_API_UNIT_H */

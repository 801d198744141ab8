/*
 * cloud_api's templates: there and back, the components of the provider's
 * examples as our document, and the document as components again.
 */

#include "cloud_api_unit.h"


static unsigned  compared;


static void
assert_same(const char *file, const hd_json_t *want, const hd_json_t *got)
{
    size_t      i;
    char        key[64];
    hd_json_t  *v, *w;

    if (got == NULL) {
        fail_msg("%s: \"%.*s\" is missing", file, (int) want->key.len,
                 want->key.data);
        return;
    }

    /* one or a list with one, text or number */
    if (want->type == HD_JSON_STRING && got->type == HD_JSON_ARRAY) {
        got = got->child;
    }

    if (want->type == HD_JSON_OBJECT) {
        for (v = want->child; v != NULL; v = v->next) {
            (void) snprintf(key, sizeof(key), "%.*s", (int) v->key.len,
                            v->key.data);

            /* apps are a list now */
            w = hd_json_get(got, key);
            if (w == NULL && (strcmp(key, "package_name") == 0
                              || strcmp(key, "signature_hash") == 0))
            {
                w = hd_json_get(hd_json_path(got, "supported_apps.0"), key);
            }

            assert_same(file, v, w);
        }

    } else if (want->type == HD_JSON_ARRAY) {
        if (want->count != got->count
            && (want->count != 2 || want->key.len != 14))
        {
            fail_msg("%s: %u are %u", file, want->count, got->count);
        }

        for (v = want->child, w = got->child, i = 0; w != NULL;
             v = v->next, w = w->next, i++)
        {
            assert_same(file, v, w);
        }

    } else if (want->str.len != got->str.len
               || strncasecmp((char *) want->str.data,
                              (char *) got->str.data, want->str.len) != 0)
    {
        fail_msg("%s: \"%.*s\" is \"%.*s\"", file, (int) want->str.len,
                 want->str.data, (int) got->str.len, got->str.data);
    }
}


static hd_json_t *
component(const hd_json_t *list, const hd_str_t *type)
{
    hd_str_t    s;
    hd_json_t  *v;

    for (v = list->child; v != NULL; v = v->next) {
        s = hd_json_str(v, "type");

        if (s.len == type->len
            && strncasecmp((char *) s.data, (char *) type->data, s.len) == 0)
        {
            return v;
        }
    }

    return NULL;
}


/* one template of the provider's: read, then made again */
static void
there_and_back(const char *file, const hd_json_t *t)
{
    hd_buf_t                b;
    hd_str_t                s, category;
    hd_json_t              *v, *found, *want, *got;
    const char             *text;
    hd_account_t            a;
    hd_op_answer_t          out;
    hd_provider_request_t   r;

    want = hd_json_get(t, "components");
    if (want == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"data\":[");
    hd_json_write(&b, t);
    hd_buf_z(&b, "]}");
    hd_buf_char(&b, '\0');
    out = answer(HD_OP_TEMPLATE_LIST, 200, (char *) b.data);
    assert_int_equal(out.answer.outcome, HD_OUTCOME_ACCEPTED);

    found = hd_json_path(parse(hd_cstr(&mem, &out.result)), "templates.0");
    category = hd_json_str(found, "category");

    if (hd_json_get(found, "partial")->type == HD_JSON_TRUE) {
        hd_buf_free(&b);
        return;
    }

    s = hd_json_str(hd_json_path(want, "0.example"), "header_handle");

    if (hd_json_path(want, "0.example.header_handle.0") != NULL) {
        s = hd_json_path(want, "0.example.header_handle.0")->str;
    }

    hd_buf_reset(&b);
    hd_buf_z(&b, "{\"name\":\"t\",\"language\":\"en\",\"category\":");
    hd_jw_str(&b, &category);
    hd_buf_z(&b, ",\"handle\":");
    hd_jw_str(&b, &s);
    hd_buf_z(&b, ",\"document\":");
    hd_json_write(&b, hd_json_get(found, "document"));
    hd_buf_z(&b, "}");
    hd_buf_char(&b, '\0');

    a = account();

    /* a kind that Meta has given up, or words that have no sample */
    if (hd_str_eq(&category, "authentication")
        && hd_json_get(component(want, &(hd_str_t) hd_str("body")), "text"))
    {
        hd_buf_free(&b);
        return;
    }

    r = made(HD_OP_TEMPLATE_CREATE, &a, (char *) b.data);
    hd_buf_free(&b);

    text = hd_cstr(&mem, &r.body);
    got = hd_json_get(parse(text), "components");
    assert_int_equal(got->count, want->count);

    for (v = want->child; v != NULL; v = v->next) {
        s = hd_json_str(v, "type");
        assert_same(file, v, component(got, &s));
    }

    compared++;
}


static void
read_templates(const char *name, const char *path)
{
    hd_str_t         s;
    hd_json_t       *root, *v;
    hd_json_error_t  err;

    s = slurp(path);
    root = hd_json_parse(&mem, s.data, s.len, 32, &err);
    assert_non_null(root);

    /* one, a list, or several by their names */
    if (hd_json_get(root, "components") != NULL) {
        there_and_back(name, root);
        return;
    }

    v = hd_json_get(root, "data");

    for (v = v ? v->child : root->child; v != NULL; v = v->next) {
        there_and_back(name, v);
    }
}


static void
test_template_examples(void **state)
{
    char  path[HD_UNIT_PATH];

    (void) state;

    fixture(path, "cloud-api/templates");
    (void) each_file(path, ".json", read_templates);
    print_message("# %u templates went there and back\n", compared);
    assert_true(compared >= 20);
}


static void
test_template_create(void **state)
{
    const char             *text;
    hd_account_t            a;
    hd_provider_request_t   r;

    (void) state;

    a = account();
    r = made(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"hello\",\"language\":"
             "\"en_US\",\"category\":\"marketing\",\"document\":{\"header\":"
             "{\"format\":\"text\",\"text\":\"Hi {{name}}\"},\"body\":"
             "\"{{name|you}} of {{fields.city|here}}, {{name}}\",\"footer\":"
             "\"Bye\",\"buttons\":[{\"type\":\"url\",\"text\":\"Go\",\"url\":"
             "\"https://x.example/{{code}}\"},{\"type\":\"phone_number\","
             "\"text\":\"Call\",\"phone_number\":\"+254712345678\"},"
             "{\"type\":\"copy_code\",\"example\":\"SAVE\"}],\"variables\":"
             "{\"name\":{\"sample\":\"Ann\"},\"code\":{\"sample\":\"a1\"}},"
             "\"ttl\":3600}}");
    assert_str(&r.url,
               "https://graph.facebook.com/v23.0/2088/message_templates");
    assert_str(&r.body, "{\"name\":\"hello\",\"language\":\"en_US\","
               "\"category\":\"MARKETING\",\"parameter_format\":\"NAMED\","
               "\"message_send_ttl_seconds\":3600,\"components\":[{\"type\":"
               "\"HEADER\",\"format\":\"TEXT\",\"text\":\"Hi {{name}}\","
               "\"example\":{\"header_text_named_params\":[{\"param_name\":"
               "\"name\",\"example\":\"Ann\"}]}},{\"type\":\"BODY\",\"text\":"
               "\"{{name}} of {{fields_city}}, {{name}}\",\"example\":"
               "{\"body_text_named_params\":[{\"param_name\":\"name\","
               "\"example\":\"Ann\"},{\"param_name\":\"fields_city\","
               "\"example\":\"here\"}]}},{\"type\":\"FOOTER\",\"text\":"
               "\"Bye\"},{\"type\":\"BUTTONS\",\"buttons\":[{\"type\":"
               "\"URL\",\"text\":\"Go\",\"url\":\"https://x.example/{{1}}\","
               "\"example\":[\"a1\"]},{\"type\":\"PHONE_NUMBER\",\"text\":"
               "\"Call\",\"phone_number\":\"254712345678\"},{\"type\":"
               "\"COPY_CODE\",\"example\":\"SAVE\"}]}]}");

    /* numbers keep their order, wherever they stand, and have no gaps */
    r = made(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"n\",\"language\":\"en\","
             "\"category\":\"utility\",\"document\":{\"body\":"
             "\"x {{2|b}} {{10|j}} {{1|a}} y\"}}");
    assert_non_null(strstr((char *) r.body.data, "{{2}} {{3}} {{1}} y\","
                           "\"example\":{\"body_text\":[[\"a\",\"b\",\"j\"]]"
                           "}}]}"));

    r = made(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"otp\",\"language\":"
             "\"en\",\"category\":\"authentication\",\"document\":{\"body\":"
             "\"ours\",\"authentication\":{\"code_expiration_minutes\":5}}}");
    text = hd_cstr(&mem, &r.body);
    assert_non_null(strstr(text, "\"components\":[{\"type\":\"BODY\","
                           "\"add_security_recommendation\":true},{\"type\":"
                           "\"FOOTER\",\"code_expiration_minutes\":5},"
                           "{\"type\":\"BUTTONS\",\"buttons\":[{\"type\":"
                           "\"OTP\",\"otp_type\":\"COPY_CODE\"}]}]}"));
    assert_null(strstr(text, "ours"));

    r = made(HD_OP_TEMPLATE_EDIT, &a, "{\"id\":\"77\",\"document\":{\"body\":"
             "\"hi\"}}");
    assert_str(&r.url, "https://graph.facebook.com/v23.0/77");
    assert_str(&r.body,
               "{\"components\":[{\"type\":\"BODY\",\"text\":\"hi\"}]}");

    declined(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"n\",\"language\":\"en\","
             "\"category\":\"utility\",\"document\":{\"body\":\"{{a}}\"}}",
             "sample");
    declined(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"n\",\"language\":\"en\","
             "\"category\":\"utility\",\"document\":{\"body\":\"a\","
             "\"header\":{\"format\":\"image\"}}}", "handle");
    declined(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"n\",\"language\":\"en\","
             "\"category\":\"utility\",\"document\":{\"body\":\"a\","
             "\"buttons\":[{\"type\":\"teleport\"}]}}", "type");

    gives(HD_OP_TEMPLATE_CREATE, "{\"id\":\"5\",\"status\":\"PENDING\","
          "\"category\":\"UTILITY\"}",
          "{\"id\":\"5\",\"status\":\"pending\",\"category\":\"utility\"}");
    gives(HD_OP_TEMPLATE_EDIT, "{\"success\":true}",
          "{\"id\":null,\"status\":null,\"category\":null}");
}


static void
test_template_list(void **state)
{
    hd_json_t              *v;
    hd_account_t            a;
    hd_op_answer_t          out;
    hd_provider_request_t   r;

    (void) state;

    a = account();
    r = made(HD_OP_TEMPLATE_LIST, &a, "{\"limit\":50,\"cursor\":\"X\","
             "\"name\":\"a b\"}");
    assert_non_null(strstr((char *) r.url.data, "&after=X&limit=50"
                           "&name=a%20b"));

    out = answer(HD_OP_TEMPLATE_LIST, 200, "{\"data\":[{\"id\":\"1\","
                 "\"name\":\"n\",\"language\":\"en\",\"category\":"
                 "\"MARKETING\",\"status\":\"REJECTED\",\"rejected_reason\":"
                 "\"INVALID_FORMAT\",\"quality_score\":{\"score\":\"GREEN\"},"
                 "\"parameter_format\":\"NAMED\",\"components\":[{\"type\":"
                 "\"BODY\",\"text\":\"Hi {{a}}\",\"example\":{"
                 "\"body_text_named_params\":[{\"param_name\":\"a\","
                 "\"example\":\"x\"}]}},{\"type\":\"CAROUSEL\",\"cards\":[]}]"
                 "},{\"id\":2}],\"paging\":{\"cursors\":{\"after\":\"Y\"},"
                 "\"next\":\"https://graph\"}}");
    v = parse(hd_cstr(&mem, &out.result));
    assert_str(&hd_json_get(v, "cursor")->str, "Y");

    v = hd_json_path(v, "templates.0");
    assert_str(&hd_json_get(v, "category")->str, "marketing");
    assert_str(&hd_json_get(v, "status")->str, "rejected");
    assert_str(&hd_json_get(v, "quality")->str, "GREEN");
    assert_str(&hd_json_get(v, "rejected_reason")->str, "INVALID_FORMAT");
    assert_non_null(strstr((char *) hd_json_get(v, "reason")->str.data,
                           "sample"));
    assert_str(&hd_json_get(v, "parameter_format")->str, "named");
    assert_int_equal(hd_json_get(v, "partial")->type, HD_JSON_TRUE);
    assert_str(&hd_json_path(v, "document.variables.a.sample")->str, "x");
    assert_str(&hd_json_path(v, "components.1.type")->str, "CAROUSEL");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_template_examples),
        unit(test_template_create),
        unit(test_template_list)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

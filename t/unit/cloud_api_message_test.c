/*
 * cloud_api_message: every type of message against the provider's own examples
 * of requests.  Each example is taken apart into what Herald would hold, built
 * again, and must say the same.
 */

#include <ctype.h>

#include "unit.h"

#include "../../src/provider/provider.h"


static const hd_provider_t  *api = &hd_provider_cloud_api;


static hd_account_t
account(void)
{
    hd_account_t  a;

    memset(&a, 0, sizeof(a));
    a.base_url = str("https://graph.facebook.com");
    a.api_version = str("v23.0");
    a.number_id = str("106540352242922");
    a.token = str("EAAtoken");

    return a;
}


static hd_json_t *
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


/* what is built, as text */
static const char *
built(const hd_account_t *a, const hd_message_t *m)
{
    char                  *text;
    hd_provider_request_t  r;

    assert_int_equal(api->build(&mem, a, m, &r), HD_OK);

    text = hd_cstr(&mem, &r.body);
    (void) parse(text);

    return text;
}


/* two values say the same: "0" is 0, "BUTTON" is "button" */
static int
same_text(const hd_str_t *a, const hd_str_t *b)
{
    size_t  i;

    if (a->len != b->len) {
        return 0;
    }

    for (i = 0; i < a->len; i++) {
        if (tolower(a->data[i]) != tolower(b->data[i])) {
            return 0;
        }
    }

    return 1;
}


static int
optional(const hd_json_t *v)
{
    size_t  i;

    static const char  *names[] = {
        "recipient_type", "policy", "preview_url"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == v->key.len
            && memcmp(names[i], v->key.data, v->key.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static hd_json_t *
member(const hd_json_t *obj, const hd_str_t *key)
{
    hd_json_t  *v;

    for (v = obj->child; v != NULL; v = v->next) {
        if (v->key.len == key->len
            && memcmp(v->key.data, key->data, key->len) == 0)
        {
            return v;
        }
    }

    return NULL;
}


static void
assert_says(const char *file, const hd_json_t *want, const hd_json_t *got)
{
    hd_json_t  *v, *w;

    if (got == NULL) {
        fail_msg("%s: \"%.*s\" is missing", file, (int) want->key.len,
                 want->key.data);
        return;
    }

    if (want->type == HD_JSON_OBJECT) {
        assert_int_equal(got->type, HD_JSON_OBJECT);

        for (v = want->child; v != NULL; v = v->next) {
            w = member(got, &v->key);

            if (w != NULL || !optional(v)) {
                assert_says(file, v, w);
            }
        }

        for (v = got->child; v != NULL; v = v->next) {
            if (member(want, &v->key) == NULL && !optional(v)) {
                fail_msg("%s: \"%.*s\" is too much", file, (int) v->key.len,
                         v->key.data);
            }
        }

        return;
    }

    if (want->type == HD_JSON_ARRAY) {
        assert_int_equal(got->type, HD_JSON_ARRAY);
        assert_int_equal(got->count, want->count);

        for (v = want->child, w = got->child; v != NULL;
             v = v->next, w = w->next)
        {
            assert_says(file, v, w);
        }

        return;
    }

    if (!same_text(&want->str, &got->str)) {
        fail_msg("%s: \"%.*s\" is \"%.*s\"", file, (int) want->key.len,
                 want->key.data, (int) got->str.len, got->str.data);
    }
}


/* a request taken apart */

static hd_media_ref_t
media_of(const hd_json_t *v)
{
    hd_media_ref_t  m;

    memset(&m, 0, sizeof(m));
    m.id = hd_json_str(v, "id");
    m.link = hd_json_str(v, "link");
    m.filename = hd_json_str(v, "filename");

    return m;
}


static int
take_button(const hd_json_t *v, hd_button_value_t *b)
{
    size_t      i;
    hd_buf_t    out;
    hd_str_t    s, type;
    hd_json_t  *p;

    static const char  *types[] = {
        "url", "quick_reply", "copy_code", "flow", "catalog", "mpm"
    };

    type = hd_json_str(v, "sub_type");

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        s = str(types[i]);

        if (same_text(&s, &type)) {
            b->sub_type = types[i];
        }
    }

    b->index = (unsigned) (hd_json_get(v, "index")->str.data[0] - '0');
    p = hd_json_path(v, "parameters.0");

    if (hd_json_get(p, "action") != NULL) {
        hd_buf_init(&out);
        hd_json_write(&out, hd_json_get(p, "action"));
        s.data = out.data;
        s.len = out.len;
        assert_int_equal(hd_str_dup(&mem, &s, &b->value), HD_OK);
        hd_buf_free(&out);
        return 1;
    }

    type = hd_json_str(p, "type");
    b->value = hd_json_str(p, hd_str_eq(&type, "payload") ? "payload"
                              : hd_str_eq(&type, "coupon_code")
                                ? "coupon_code" : "text");

    return b->sub_type != NULL && b->value.len != 0;
}


static int
take_params(const hd_json_t *v, hd_str_t **values, hd_str_t **names,
    size_t *n)
{
    hd_str_t    type;
    hd_json_t  *p;

    v = hd_json_get(v, "parameters");
    *values = hd_calloc(&mem, v->count * sizeof(hd_str_t));
    *names = NULL;

    for (p = v->child; p != NULL; p = p->next) {
        type = hd_json_str(p, "type");

        if (!hd_str_eq(&type, "text")) {
            return 0;
        }

        (*values)[(*n)++] = hd_json_str(p, "text");
    }

    return 1;
}


static int
take_template(const hd_json_t *v, hd_message_t *m)
{
    hd_str_t    type;
    hd_json_t  *c, *p;

    m->template_name = hd_json_str(v, "name");
    m->language = hd_json_str(hd_json_get(v, "language"), "code");
    m->buttons = hd_calloc(&mem, 10 * sizeof(hd_button_value_t));

    c = hd_json_get(v, "components");

    for (c = c ? c->child : NULL; c != NULL; c = c->next) {
        type = hd_json_str(c, "type");

        if (hd_str_eq(&type, "button")) {
            if (!take_button(c, &m->buttons[m->nbuttons++])) {
                return 0;
            }

            continue;
        }

        p = hd_json_path(c, "parameters.0");

        if (hd_str_eq(&type, "header") && hd_json_get(p, "image") != NULL) {
            m->header_format = "image";
            m->media = media_of(hd_json_get(p, "image"));
            continue;
        }

        if (!take_params(c, hd_str_eq(&type, "header") ? &m->header_params
                                                       : &m->params,
                         hd_str_eq(&type, "header") ? &m->header_names
                                                    : &m->param_names,
                         hd_str_eq(&type, "header") ? &m->nheader
                                                    : &m->nparams))
        {
            return 0;
        }
    }

    return 1;
}


/* 0: an example of what Herald does not send */
static int
take(const hd_json_t *v, hd_message_t *m)
{
    hd_str_t    type, s;
    hd_json_t  *part, *header;

    memset(m, 0, sizeof(hd_message_t));

    type = hd_json_str(v, "type");
    m->to = hd_json_str(v, "to");
    m->reply_to = hd_json_str(hd_json_get(v, "context"), "message_id");

    for (m->type = 0; m->type < HD_MESSAGE_TYPES; m->type++) {
        s = str(hd_message_type_name(m->type));

        if (same_text(&s, &type)) {
            break;
        }
    }

    if (m->type == HD_MESSAGE_TYPES || m->to.len == 0) {
        return 0;
    }

    part = hd_json_get(v, hd_message_type_name(m->type));
    m->content = part;

    switch (m->type) {

    case HD_MESSAGE_TEXT:
        m->body = hd_json_str(part, "body");
        return 1;

    case HD_MESSAGE_TEMPLATE:
        m->content = NULL;
        return take_template(part, m);

    case HD_MESSAGE_REACTION:
        m->reply_to = hd_json_str(part, "message_id");
        return 1;

    case HD_MESSAGE_CONTACTS:
        m->content = v;
        return 1;

    case HD_MESSAGE_INTERACTIVE:
        m->content = v;
        header = hd_json_get(part, "header");
        s = hd_json_str(header, "type");

        if (hd_str_eq(&s, "video")) {
            m->media = media_of(hd_json_get(header, "video"));
        }

        return 1;

    case HD_MESSAGE_LOCATION:
        return 1;

    default:
        m->media = media_of(part);
        return 1;
    }
}


static unsigned  compared, left, types;


static void
compare(const char *name, const char *path)
{
    hd_str_t         s;
    hd_json_t       *want;
    hd_account_t     a;
    hd_message_t     m;
    hd_json_error_t  err;

    s = slurp(path);
    want = hd_json_parse(&mem, s.data, s.len, 32, &err);
    assert_non_null(want);

    if (!take(want, &m)) {
        left++;
        return;
    }

    a = account();
    assert_says(name, want, parse(built(&a, &m)));
    types |= hd_message_bit(m.type);
    compared++;
}


static void
test_examples(void **state)
{
    char  path[HD_UNIT_PATH];

    (void) state;

    fixture(path, "cloud-api/requests-send");
    (void) each_file(path, ".json", compare);

    /* a currency, a date, read receipts, and what is no message at all */
    print_message("# %u examples are the same, %u are not ours to send\n",
                  compared, left);
    assert_true(compared >= 40);
    assert_int_equal(types, api->types);
}


/* what the examples do not have */

static void
test_template_parts(void **state)
{
    size_t             i;
    hd_str_t           names[1], values[1];
    const char        *text;
    hd_account_t       a;
    hd_message_t       m;
    hd_button_value_t  b[4];

    static const struct {
        const char  *format;
        const char  *want;
    } headers[] = {
        { "video", "{\"type\":\"header\",\"parameters\":[{\"type\":\"video\","
          "\"video\":{\"id\":\"77\"}}]}" },
        { "document", "{\"type\":\"header\",\"parameters\":[{\"type\":"
          "\"document\",\"document\":{\"id\":\"77\",\"filename\":"
          "\"a.pdf\"}}]}" },
        { "location", "{\"type\":\"header\",\"parameters\":[{\"type\":"
          "\"location\",\"location\":{\"latitude\":-1.25,\"longitude\":36.5,"
          "\"name\":\"Shop\"}}]}" }
    };

    (void) state;

    a = account();
    memset(&m, 0, sizeof(m));
    memset(b, 0, sizeof(b));
    m.type = HD_MESSAGE_TEMPLATE;
    m.to = str("254712345678");
    m.template_name = str("t");
    m.language = str("en");
    m.media.id = str("77");
    m.media.link = str("https://x.example/a.pdf");
    m.media.filename = str("a.pdf");
    m.content = parse("{\"location\":{\"latitude\":-1.25,\"longitude\":36.5,"
                      "\"name\":\"Shop\"}}");

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        m.header_format = headers[i].format;
        assert_non_null(strstr(built(&a, &m), headers[i].want));
    }

    m.header_format = "text";
    m.content = NULL;
    names[0] = str("fields.city");
    values[0] = str("Nairobi");
    m.params = values;
    m.param_names = names;
    m.nparams = 1;
    b[0].sub_type = "otp";
    b[0].value = str("123456");
    b[1].index = 1;
    b[1].sub_type = "copy_code";
    b[1].value = str("SAVE");
    b[2].index = 2;
    b[2].sub_type = "flow";
    b[2].value = str("tok");
    b[3].index = 3;
    b[3].sub_type = "mpm";
    b[3].value = str("{\"sections\":[");
    m.buttons = b;
    m.nbuttons = 4;

    text = built(&a, &m);
    assert_non_null(strstr(text, "\"parameter_name\":\"fields_city\""));
    assert_non_null(strstr(text, "{\"type\":\"button\",\"sub_type\":\"url\","
                           "\"index\":\"0\",\"parameters\":[{\"type\":"
                           "\"text\",\"text\":\"123456\"}]}"));
    assert_non_null(strstr(text, "\"coupon_code\":\"SAVE\""));
    assert_non_null(strstr(text, "\"action\":{\"flow_token\":\"tok\"}"));
    /* what is no JSON is a text, and the request stays whole */
    assert_non_null(strstr(text, "retailer_id\":\"{\\\"sections\\\":[\""));

    m.nbuttons = 0;
    m.nparams = 0;
    m.content = parse("{\"components\":[{\"type\":\"carousel\",\"cards\":"
                      "[]}]}");
    assert_non_null(strstr(built(&a, &m), "\"components\":[{\"type\":"
                           "\"carousel\",\"cards\":[]}]}}"));
}


static void
test_recipient(void **state)
{
    hd_account_t  a;
    hd_message_t  m;

    (void) state;

    a = account();
    memset(&m, 0, sizeof(m));
    m.body = str("hi");
    m.to_user_id = str("KE.123");

    assert_non_null(strstr(built(&a, &m), "\"recipient\":\"KE.123\""));
    assert_null(strstr(built(&a, &m), "\"to\""));

    a.config = str("{\"bsuid\":\"to\"}");
    assert_non_null(strstr(built(&a, &m), "\"to\":\"KE.123\""));

    /* a phone number goes before it */
    m.to = str("254712345678");
    assert_non_null(strstr(built(&a, &m), "\"to\":\"254712345678\""));
    assert_null(strstr(built(&a, &m), "KE.123"));
}


static void
test_content(void **state)
{
    const char            *text;
    hd_account_t           a;
    hd_message_t           m;
    hd_provider_request_t  r;

    (void) state;

    a = account();
    memset(&m, 0, sizeof(m));
    m.to = str("254712345678");
    m.body = str("see https://x.example");
    m.content = parse("{\"preview_url\":true}");
    assert_non_null(strstr(built(&a, &m), "\"preview_url\":true"));

    m.type = HD_MESSAGE_AUDIO;
    m.media.id = str("9");
    m.content = parse("{\"media_id\":\"ours\",\"voice\":true,"
                      "\"caption\":\"no\"}");
    assert_non_null(strstr(built(&a, &m),
                           "\"audio\":{\"id\":\"9\",\"voice\":true}"));

    m.type = HD_MESSAGE_DOCUMENT;
    m.content = parse("{\"filename\":\"b.pdf\",\"caption\":\"yours\"}");
    assert_non_null(strstr(built(&a, &m), "{\"id\":\"9\",\"caption\":"
                           "\"yours\",\"filename\":\"b.pdf\"}"));

    /* taking a reaction back */
    m.type = HD_MESSAGE_REACTION;
    m.reply_to = str("wamid.A");
    m.content = parse("{\"message_id\":\"ours\",\"emoji\":\"\"}");
    text = built(&a, &m);
    assert_non_null(strstr(text, "{\"message_id\":\"wamid.A\","
                           "\"emoji\":\"\"}"));
    assert_null(strstr(text, "context"));

    /* the header's file is what the provider knows, not what we know */
    m.type = HD_MESSAGE_INTERACTIVE;
    m.reply_to.len = 0;
    m.content = parse("{\"interactive\":{\"type\":\"button\",\"header\":{"
                      "\"type\":\"image\",\"image\":{\"media_id\":\"ours\"}},"
                      "\"body\":{\"text\":\"?\"},\"action\":{\"buttons\":[]"
                      "}}}");
    text = built(&a, &m);
    assert_non_null(strstr(text, "\"header\":{\"type\":\"image\",\"image\":{"
                           "\"id\":\"9\"}}"));
    assert_null(strstr(text, "ours"));

    m.type = HD_MESSAGE_POLL;
    assert_int_equal(api->build(&mem, &a, &m, &r), HD_ERROR);
    assert_int_equal(api->types & hd_message_bit(HD_MESSAGE_POLL), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_examples),
        unit(test_template_parts),
        unit(test_recipient),
        unit(test_content)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

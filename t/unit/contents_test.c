/*
 * What a message may hold: every type as it should be, and each limit of
 * domain.md 4.7 passed by one, with the place that is told.
 */

#include "unit.h"
#include "../../src/base/contents.h"


static char           places[4096];
static hd_contents_t  out;


static void
told(void *ctx, const char *code, const char *pointer, const char *detail)
{
    size_t  n;

    (void) ctx;
    assert_true(strlen(detail) > 10);

    n = strlen(places);
    snprintf(places + n, sizeof(places) - n, "%s%s %s", n ? "; " : "",
             pointer, code);
}


/* single quotes stand for double ones; N of a letter: "@x*30@" */
static hd_json_t *
json(const char *text)
{
    int              n;
    char            *p, buf[32768];
    hd_json_t       *v;
    const char      *s;
    hd_json_error_t  err;

    for (p = buf, s = text; *s; s++) {
        if (*s == '\'') {
            *p++ = '"';

        } else if (*s == '@') {
            for (n = atoi(s + 3); n > 0; n--) {
                *p++ = s[1];
            }

            s = strchr(s + 1, '@');

        } else {
            *p++ = *s;
        }
    }

    v = hd_json_parse(&mem, (unsigned char *) buf, (size_t) (p - buf), 16,
                      &err);

    if (v == NULL) {
        fail_msg("%s: %s", err.text, text);
    }

    return v;
}


static void
check(const char *text, const char *expected)
{
    int  rc;

    places[0] = '\0';
    rc = hd_contents_check(json(text), "/content", told, NULL, &out);

    if (strcmp(places, expected) != 0) {
        fail_msg("%s\n  told: %s\n  expected: %s", text, places, expected);
    }

    assert_int_equal(rc, expected[0] ? HD_ERROR : HD_OK);
}

#define fine(text)  check(text, "")

#define ID  "'0198f2b4-0000-7000-8000-000000000001'"

/* an interactive one of a type with its action */
#define in(type, parts, action)                                               \
    "{'type':'interactive','interactive':{'type':'" type "'," parts           \
    "'action':" action "}}"
#define BODY  "'body':{'text':'Hello'},"
#define AT    "/content/interactive"


static void
media(void **state)
{
    (void) state;

    fine("{'type':'image','media_id':" ID ",'caption':'A cat'}");
    assert_int_equal(out.use, HD_USE_IMAGE);
    assert_string_equal(hd_cstr(&mem, &out.text), "A cat");
    assert_int_equal(out.media_id.len, 36);

    fine("{'type':'document','link':'https://a.example/x.pdf',"
         "'filename':'x.pdf'}");
    assert_string_equal(hd_cstr(&mem, &out.text), "x.pdf");
    assert_string_equal(hd_cstr(&mem, &out.link), "https://a.example/x.pdf");
    assert_null(out.media_id.data);

    fine("{'type':'audio','media_id':" ID ",'voice':true}");
    fine("{'type':'video','media_id':" ID ",'caption':'@x*1024@'}");
    fine("{'type':'sticker','media_id':" ID "}");

    check("{'type':'image'}", "/content/media_id invalid");
    check("{'type':'image','media_id':" ID ",'link':'https://a.example/'}",
          "/content/media_id invalid");
    check("{'type':'image','media_id':'7'}", "/content/media_id invalid");
    check("{'type':'image','link':'file:///etc/passwd'}",
          "/content/link invalid");
    check("{'type':'image','media_id':" ID ",'caption':'@x*1025@'}",
          "/content/caption too_long");
    check("{'type':'sticker','media_id':" ID ",'caption':'no'}",
          "/content unknown_field");
    check("{'type':'image','media_id':" ID ",'filename':'no'}",
          "/content unknown_field");
    check("{'type':'audio','media_id':" ID ",'voice':'yes'}",
          "/content/voice invalid");
}


static void
plain(void **state)
{
    (void) state;

    fine("{'type':'location','latitude':-1.28,'longitude':'36.82',"
         "'name':'Nairobi'}");
    assert_string_equal(hd_cstr(&mem, &out.text), "Nairobi");
    check("{'type':'location','latitude':91,'longitude':-181}",
          "/content/latitude invalid; /content/longitude invalid");
    check("{'type':'location','latitude':'nan'}",
          "/content/latitude invalid; /content/longitude required");

    fine("{'type':'contacts','contacts':[{'name':{'formatted_name':'Ann B',"
         "'first_name':'Ann'},'phones':[{'phone':'+1','type':'CELL'}]}]}");
    assert_string_equal(hd_cstr(&mem, &out.text), "Ann B");
    check("{'type':'contacts','contacts':[]}", "/content/contacts invalid");
    check("{'type':'contacts','contacts':[{'name':{'first_name':'A'}}]}",
          "/content/contacts/0/name/formatted_name required");
    check("{'type':'contacts','contacts':[{'name':{'formatted_name':'A'},"
          "'phones':[{'number':'1'}]}]}",
          "/content/contacts/0/phones/0 unknown_field");

    fine("{'type':'reaction','message_id':" ID ",'emoji':''}");
    fine("{'type':'reaction','message_id':" ID ",'emoji':'\xF0\x9F\x91\x8D'}");
    check("{'type':'reaction','message_id':'wamid.1'}",
          "/content/message_id invalid; /content/emoji required");

    fine("{'type':'poll','name':'When?','options':['Now','Later'],"
         "'multiple':false}");
    check("{'type':'poll','name':'When?','options':['Now']}",
          "/content/options invalid");
    check("{'type':'poll','name':'W','options':['Now','Then','Now']}",
          "/content/options/2 duplicate");
    check("{'type':'poll','name':'W','options':['1','2','3','4','5','6','7',"
          "'8','9','10','11','12','13']}", "/content/options too_many");

    check("{'type':'text'}", "/content/type invalid");
    check("{}", "/content/type invalid");
    check("[]", "/content invalid");
}


#define BUTTON(id, title)  "{'type':'reply','reply':{'id':'" id "','title':'" \
                           title "'}}"

static void
buttons(void **state)
{
    (void) state;

    fine(in("button", "'header':{'type':'image','image':{'media_id':" ID "}},"
            "'footer':{'text':'f'}," BODY,
            "{'buttons':[" BUTTON("1", "@x*20@") "]}"));
    assert_int_equal(out.use, HD_USE_IMAGE);
    assert_string_equal(hd_cstr(&mem, &out.text), "Hello");

    check(in("button", BODY, "{'buttons':[" BUTTON("1", "a") ","
             BUTTON("2", "b") "," BUTTON("3", "c") "," BUTTON("4", "d") "]}"),
          AT "/action/buttons too_many");
    check(in("button", BODY, "{'buttons':[" BUTTON("1", "@x*21@") "]}"),
          AT "/action/buttons/0/reply/title too_long");
    check(in("button", BODY, "{'buttons':[" BUTTON("@x*257@", "a") "]}"),
          AT "/action/buttons/0/reply/id too_long");
    check(in("button", BODY, "{'buttons':[" BUTTON("1", "a") ","
             BUTTON("1", "b") "]}"),
          AT "/action/buttons/1/reply duplicate");
    check(in("button", "'body':{'text':'@x*1025@'},",
             "{'buttons':[" BUTTON("1", "a") "]}"),
          AT "/body/text too_long");
    check(in("button", BODY "'footer':{'text':'@x*61@'},",
             "{'buttons':[" BUTTON("1", "a") "]}"),
          AT "/footer/text too_long");
    check(in("button", BODY "'header':{'type':'text','text':'@x*61@'},",
             "{'buttons':[" BUTTON("1", "a") "]}"),
          AT "/header/text too_long");
    check(in("button", BODY "'header':{'type':'audio'},",
             "{'buttons':[" BUTTON("1", "a") "]}"),
          AT "/header/type invalid");
    check(in("button", "", "{'buttons':[" BUTTON("1", "a") "]}"),
          AT "/body invalid");
    check("{'type':'interactive','interactive':{'type':'button'," BODY
          "'x':1}}", AT " unknown_field; " AT "/action invalid");
}


#define ROW(id)  "{'id':'" id "','title':'t'}"

static void
lists(void **state)
{
    (void) state;

    fine(in("list", BODY, "{'button':'Choose','sections':[{'rows':["
            ROW("1") "," ROW("2") "]}]}"));
    check(in("list", BODY, "{'button':'@x*21@','sections':[{'rows':["
             ROW("1") "]}]}"), AT "/action/button too_long");
    check(in("list", BODY, "{'button':'C','sections':[{'rows':[" ROW("1")
             "]},{'title':'b','rows':[" ROW("1") "]}]}"),
          AT "/action/sections/0/title required; "
          AT "/action/sections/1/rows/0/id duplicate");
    check(in("list", BODY, "{'button':'C','sections':[{'title':'a','rows':["
             ROW("1") "," ROW("2") "," ROW("3") "," ROW("4") "," ROW("5") ","
             ROW("6") "]},{'title':'b','rows':[" ROW("a") "," ROW("b") ","
             ROW("c") "," ROW("d") "," ROW("e") "]}]}"),
          AT "/action/sections too_many");
    check(in("list", BODY, "{'button':'C','sections':[{'rows':[{'id':"
             "'@x*201@','title':'@x*25@','description':'@x*73@'}]}]}"),
          AT "/action/sections/0/rows/0/id too_long; "
          AT "/action/sections/0/rows/0/title too_long; "
          AT "/action/sections/0/rows/0/description too_long");
    check(in("list", BODY "'header':{'type':'image','image':{'media_id':" ID
             "}},", "{'button':'C','sections':[{'rows':[" ROW("1") "]}]}"),
          AT "/header/type invalid");
}


static void
others(void **state)
{
    (void) state;

    fine(in("cta_url", BODY, "{'name':'cta_url','parameters':{"
            "'display_text':'Open','url':'https://a.example'}}"));
    check(in("cta_url", BODY, "{'name':'url','parameters':{"
             "'display_text':'@x*21@','url':'a.example'}}"),
          AT "/action/name invalid; "
          AT "/action/parameters/display_text too_long; "
          AT "/action/parameters/url invalid");

    fine(in("product", "", "{'catalog_id':'1','product_retailer_id':'2'}"));
    check(in("product", "'header':{'type':'text','text':'x'},",
             "{'catalog_id':'1'}"),
          AT "/header invalid; " AT "/action/product_retailer_id required");

    fine(in("product_list", BODY "'header':{'type':'text','text':'x'},",
            "{'catalog_id':'1','sections':[{'title':'a','product_items':["
            "{'product_retailer_id':'2'}]}]}"));
    check(in("product_list", BODY, "{'catalog_id':'1','sections':["
             "{'title':'a','product_items':[]}]}"),
          AT "/header required; "
          AT "/action/sections/0/product_items invalid");

    fine(in("catalog_message", BODY, "{'name':'catalog_message'}"));

    fine(in("flow", BODY, "{'name':'flow','parameters':{"
            "'flow_message_version':'3','flow_id':'1','flow_cta':'@x*30@'}}"));
    check(in("flow", BODY, "{'name':'flow','parameters':{"
             "'flow_message_version':'2','flow_id':'1','flow_name':'n',"
             "'flow_cta':'@x*31@','flow_action':'jump'}}"),
          AT "/action/parameters/flow_message_version invalid; "
          AT "/action/parameters/flow_id invalid; "
          AT "/action/parameters/flow_cta too_long; "
          AT "/action/parameters/flow_action invalid");

    fine(in("location_request_message", BODY, "{'name':'send_location'}"));
    check(in("address_message", BODY, "{'name':'address_message',"
             "'parameters':{'country':'KE'}}"),
          AT "/action/parameters/country invalid");
    check(in("carousel", BODY, "{}"), AT "/type invalid");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(media), unit(plain), unit(buttons), unit(lists), unit(others)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

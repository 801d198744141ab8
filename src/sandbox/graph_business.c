/*
 * What belongs to a business: its numbers, our subscription, sign-up, tokens.
 *
 * A code of sign-up is "sandbox-" and the number's id; it is good once.
 */

#include "graph.h"


static const char  hd_sb_code[] = "sandbox-";


void
hd_sb_business_numbers(hd_sb_graph_t *g)
{
    ngx_str_t        fields;
    ngx_uint_t       i;
    const char      *comma;
    hd_sb_number_t  *n;

    hd_sb_fields(g->request, &fields);

    hd_buf_z(&g->b, "{\"data\":[");
    comma = "";

    for (i = 0; i < 256; i++) {
        for (n = hd_sb.numbers[i]; n != NULL; n = n->next) {
            if (n->node->exists && hd_sb_same(&n->set.waba_id, &g->id)) {
                hd_buf_z(&g->b, comma);
                hd_sb_number_write(&g->b, n, &fields);
                comma = ",";
            }
        }
    }

    hd_buf_z(&g->b, "],\"paging\":{\"cursors\":{\"before\":\"QVFI\","
                    "\"after\":\"QVFI\"}}}");
    hd_sb_graph_send(g);
}


/* our webhook: the business's numbers have it from now on */

void
hd_sb_business_subscribe(hd_sb_graph_t *g)
{
    int       rc;
    hd_buf_t  b;
    hd_str_t  uri, token;

    uri = hd_json_str(g->body, "override_callback_uri");
    token = hd_json_str(g->body, "verify_token");

    if (uri.len > 0 && token.len == 0) {
        hd_sb_graph_refuse(g, 100, 0, "Param verify_token is required with"
                           " override_callback_uri.");
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"override_callback_uri\":");
    hd_jw_str(&b, &uri);
    hd_buf_char(&b, '}');

    rc = hd_sb_object_put(HD_SB_SUBSCRIPTION, &g->id, &g->id, &b, 0);
    hd_buf_free(&b);

    if (rc != HD_OK) {
        hd_sb_graph_refuse(g, 131000, 0, NULL);
        return;
    }

    hd_sb_graph_success(g);
}


void
hd_sb_business_subscribed(hd_sb_graph_t *g)
{
    hd_str_t      uri;
    hd_sb_copy_t  copy;

    hd_buf_z(&g->b, "{\"data\":[");

    if (hd_sb_object_get(g->request->pool, HD_SB_SUBSCRIPTION, &g->id, &copy)
        == HD_OK)
    {
        hd_buf_z(&g->b, "{\"whatsapp_business_api_data\":{\"id\":"
                        "\"670843887433847\",\"name\":\"Sandbox\"}");

        uri = hd_json_str(copy.v, "override_callback_uri");

        if (uri.len > 0) {
            hd_buf_z(&g->b, ",\"override_callback_uri\":");
            hd_jw_str(&g->b, &uri);
        }

        hd_buf_char(&g->b, '}');
    }

    hd_buf_z(&g->b, "]}");
    hd_sb_graph_send(g);
}


/* sign-up */

void
hd_sb_oauth(hd_sb_graph_t *g)
{
    int              rc;
    hd_buf_t         b;
    hd_str_t         code, app, secret, id;
    hd_sb_copy_t     copy;
    hd_sb_number_t  *n;

    code = hd_sb_graph_arg(g, "code");
    app = hd_sb_graph_arg(g, "client_id");
    secret = hd_sb_graph_arg(g, "client_secret");

    if (app.len == 0 || secret.len == 0) {
        hd_sb_graph_refuse(g, 101, 0, "Missing client_id parameter.");
        return;
    }

    if (hd_str_eq(&secret, "wrong")) {
        hd_sb_graph_refuse(g, 1, 0, "Error validating client secret.");
        return;
    }

    n = NULL;

    if (code.len > sizeof(hd_sb_code) - 1
        && ngx_strncmp(code.data, hd_sb_code, sizeof(hd_sb_code) - 1) == 0)
    {
        id.data = code.data + sizeof(hd_sb_code) - 1;
        id.len = code.len - (sizeof(hd_sb_code) - 1);
        n = hd_sb_number_find((ngx_str_t *) &id);
    }

    if (n == NULL) {
        hd_sb_graph_refuse(g, 100, 36007, "Invalid verification code format.");
        return;
    }

    if (hd_sb_object_get(g->request->pool, HD_SB_CODE, &code, &copy) == HD_OK)
    {
        hd_sb_graph_refuse(g, 100, 36009, "This authorization code has been"
                           " used.");
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{}");
    rc = hd_sb_object_put(HD_SB_CODE, &code, &id, &b, 0);
    hd_buf_free(&b);

    if (rc != HD_OK) {
        hd_sb_graph_refuse(g, 131000, 0, NULL);
        return;
    }

    hd_buf_z(&g->b, "{\"access_token\":");

    if (n->set.token.len > 0) {
        hd_jw_str(&g->b, &n->set.token);

    } else {
        hd_buf_z(&g->b, "\"EAAsandbox\"");
    }

    hd_buf_z(&g->b, ",\"token_type\":\"bearer\"}");
    hd_sb_graph_send(g);
}


void
hd_sb_debug_token(hd_sb_graph_t *g)
{
    hd_str_t         token;
    ngx_uint_t       i, any, valid;
    hd_sb_number_t  *n;

    token = hd_sb_graph_arg(g, "input_token");

    hd_sb_number_refresh();

    valid = 0;

    for (i = 0; i < 256; i++) {
        for (n = hd_sb.numbers[i]; n != NULL; n = n->next) {
            valid |= (n->node->exists
                      && (n->set.token.len == 0
                          || hd_sb_same(&n->set.token, &token)));
        }
    }

    hd_buf_printf(&g->b, "{\"data\":{\"app_id\":\"670843887433847\","
                  "\"type\":\"SYSTEM_USER\",\"expires_at\":0,\"is_valid\":%s,"
                  "\"scopes\":[\"whatsapp_business_management\","
                  "\"whatsapp_business_messaging\"],\"granular_scopes\":[{"
                  "\"scope\":\"whatsapp_business_management\","
                  "\"target_ids\":[", valid ? "true" : "false");

    any = 0;

    for (i = 0; valid && i < 256; i++) {
        for (n = hd_sb.numbers[i]; n != NULL; n = n->next) {
            if (n->node->exists && n->set.waba_id.len > 0
                && hd_sb_same(&n->set.token, &token))
            {
                hd_buf_z(&g->b, any++ ? "," : "");
                hd_jw_str(&g->b, &n->set.waba_id);
            }
        }
    }

    hd_buf_z(&g->b, "]}]}}");
    hd_sb_graph_send(g);
}

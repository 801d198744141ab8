/*
 * A short link: whose it is, what it counts, where it leads.
 *
 *   token ─MAC─> key, delivery ─> directory: organisation ─> link: URL
 *                             ─> one click more, and a person more the first
 *                                time ─> 302
 *
 * It leads only where the link's row says, and rows are written by whoever may
 * send: nothing in the address can be changed to lead elsewhere.  What looks
 * at links before people do (previews of messengers, prefetching browsers,
 * robots) is led there as well, and not counted.
 */

#include "media.h"
#include "../base/link.h"


typedef struct {
    u_char      key[HD_LINK_KEY];
    uint32_t    seq;
    hd_str_t    url;                   /* data NULL: there is no such link */
    hd_uuid_t   org;
    hd_uuid_t   batch;
    hd_buf_t    event;
    ngx_uint_t  counts;
} hd_click_t;


/* parts of the names of what is no person, in lower case */
static const char *const  hd_click_robots[] = {
    "facebookexternalhit", "facebot", "meta-external", "twitterbot",
    "telegrambot", "slackbot", "slack-imgproxy", "discordbot", "linkedinbot",
    "skypeuripreview", "viberbot", "googlebot", "google-safety",
    "googleimageproxy", "google-pagerenderer", "bingbot", "bingpreview",
    "applebot", "yandex", "baiduspider", "duckduckbot", "petalbot",
    "embedly", "redditbot", "pinterest/", "mattermost", "rocket.chat",
    "linkpreview", "link-preview", "headlesschrome", "crawler", "spider",
    "bot/", "bot;", NULL
};


static ngx_uint_t
hd_click_header(ngx_http_request_t *r, const char *name, const char *part)
{
    ngx_table_elt_t  *h;

    h = hd_req_find_header(r, name, ngx_strlen(name));

    return h && ngx_strlcasestrn(h->value.data, h->value.data + h->value.len,
                                 (u_char *) part, ngx_strlen(part) - 1)
                != NULL;
}


static ngx_uint_t
hd_click_person(ngx_http_request_t *r)
{
    ngx_str_t    agent;
    ngx_uint_t   i;

    static const char *const  headers[] = {
        "purpose", "sec-purpose", "x-purpose", "x-moz"
    };

    if (r->method == NGX_HTTP_HEAD || r->headers_in.user_agent == NULL) {
        return 0;
    }

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (hd_click_header(r, headers[i], "prefetch")
            || hd_click_header(r, headers[i], "preview")
            || hd_click_header(r, headers[i], "prerender"))
        {
            return 0;
        }
    }

    agent = r->headers_in.user_agent->value;

    /* the messenger's own fetcher; a browser inside of it says Mozilla */

    if (agent.len == 0
        || (agent.len >= 9
            && ngx_strncasecmp(agent.data, (u_char *) "WhatsApp/", 9) == 0))
    {
        return 0;
    }

    for (i = 0; hd_click_robots[i]; i++) {
        if (ngx_strlcasestrn(agent.data, agent.data + agent.len,
                             (u_char *) hd_click_robots[i],
                             ngx_strlen(hd_click_robots[i]) - 1))
        {
            return 0;
        }
    }

    return 1;
}


/* batch, seq, contact, message, clicks of this link, first of the delivery */
static void
hd_click_counted(hd_click_t *click, hd_pg_res_t *res)
{
    u_char     at[HD_RFC3339_LEN + 8];
    size_t     n;
    hd_str_t   v;
    hd_buf_t  *b;

    click->counts = 1;
    (void) hd_pg_value_uuid(res, 0, 0, &click->batch);

    b = &click->event;

    hd_buf_z(b, "{\"id\":");
    v = hd_pg_value(res, 0, hd_pg_is_null(res, 0, 3) ? 0 : 3);
    hd_jw_str(b, &v);
    hd_buf_z(b, ",\"contact_id\":");
    v = hd_pg_value(res, 0, 2);
    hd_jw_str(b, &v);
    hd_buf_z(b, ",\"broadcast_id\":");

    if (click->seq) {
        v = hd_pg_value(res, 0, 0);
        hd_jw_str(b, &v);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_z(b, ",\"url\":");
    hd_jw_str(b, &click->url);
    hd_buf_z(b, hd_pg_value(res, 0, 5).data[0] == 't' ? ",\"first\":true"
                                                      : ",\"first\":false");

    n = hd_time_format(at, hd_now_us());
    hd_buf_printf(b, ",\"at\":\"%.*s\"}", (int) n, at);
}


static void
hd_click_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t     v;
    hd_req_t    *req = u->data;
    hd_click_t  *click;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    click = req->ctx;

    switch (index) {

    case 1:
        (void) hd_pg_value_uuid(res, 0, 0, &click->org);
        break;

    case 2:
        v = hd_pg_value(res, 0, 1);
        (void) hd_str_dup(&req->mem, &v, &click->url);
        break;

    case 4:
        if (click->url.data) {
            hd_click_counted(click, res);
        }

        break;

    default:
        break;
    }
}


static void
hd_click_free(void *data)
{
    hd_click_t *click = data;

    hd_buf_free(&click->event);
}


static void
hd_click_known(hd_req_t *req)
{
    hd_str_t     v;
    hd_click_t  *click = req->ctx;

    if (click->url.data == NULL) {
        hd_link_say(req, NGX_HTTP_NOT_FOUND, "This link leads nowhere.");
        return;
    }

    if (click->counts) {
        hd_publish(&click->org, "message.clicked", &click->event);

        if (click->seq) {
            hd_dirty_mark(hd_api.shm, &click->org, &click->batch);
        }
    }

    (void) hd_req_header(req->r, "Location", &click->url);

    /* where it leads need not know who was led there */
    hd_str_set(&v, "no-referrer");
    (void) hd_req_header(req->r, "Referrer-Policy", &v);
    hd_str_set(&v, "noindex, nofollow");
    (void) hd_req_header(req->r, "X-Robots-Tag", &v);

    hd_link_say(req, NGX_HTTP_MOVED_TEMPORARILY, "This link leads further.");
}


void
hd_click(hd_req_t *req, const hd_str_t *token)
{
    hd_click_t          *click;
    hd_pg_unit_t        *u;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(hd_click_t));

    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    click = cln->data;
    ngx_memzero(click, sizeof(hd_click_t));
    hd_buf_init(&click->event);
    cln->handler = hd_click_free;
    req->ctx = click;

    if (hd_link_parse(hd_api.secret_key, token, click->key, &click->seq)
        != HD_OK)
    {
        hd_link_say(req, NGX_HTTP_NOT_FOUND, "This link leads nowhere.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_DIRECTORY_FIND);
    hd_pg_z(u, "link");
    hd_pg_bytea(u, click->key, HD_LINK_KEY);

    hd_pg_stmt(u, HD_Q_LINK_FIND);
    hd_pg_bytea(u, click->key, HD_LINK_KEY);

    if (hd_click_person(req->r)) {
        hd_pg_stmt(u, HD_Q_CLICK_LOCK);
        hd_pg_bytea(u, click->key, HD_LINK_KEY);
        hd_pg_int(u, click->seq);

        hd_pg_stmt(u, HD_Q_CLICK_COUNT);
        hd_pg_bytea(u, click->key, HD_LINK_KEY);
        hd_pg_int(u, click->seq);
        hd_pg_int(u, (hd_api.slot * 2 + 1) & 0x7fff);
    }

    u->on_result = hd_click_result;
    req->done = hd_click_known;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}

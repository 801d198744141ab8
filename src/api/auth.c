/*
 * Who asks: an opaque token (session "hs_...", API key "hk_...") from the
 * cookie or the Authorization header.  Only SHA-256 of it is looked up; the
 * directory says the organisation, the row behind it says who and what for.
 *
 * Each worker keeps what it learnt for a few seconds.  Signing out and
 * deleting a key raise the epoch in shared memory, and every worker drops its
 * cache before it answers the next request.
 */

#include "frame.h"


#define HD_AUTH_CACHE  1024            /* a power of two */
#define HD_AUTH_WAYS   4               /* entries that a token may be in */
#define HD_AUTH_TTL    5               /* seconds: bound for other nodes */


typedef struct {
    u_char          hash[32];
    time_t          until;             /* 0: empty */
    hd_identity_t   who;
} hd_auth_entry_t;


static hd_auth_entry_t  *hd_auth_cache;
static uint32_t          hd_auth_cache_epoch;


static void hd_auth_look_up(hd_req_t *req);
static void hd_auth_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_auth_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


void
hd_auth_hash(const char *kind, const hd_str_t *text, u_char out[32])
{
    u_char  lower[256];

    if (ngx_strcmp(kind, "email") == 0 && text->len <= sizeof(lower)) {
        ngx_strlow(lower, text->data, text->len);
        hd_sha256(lower, text->len, out);
        return;
    }

    hd_sha256(text->data, text->len, out);
}


void
hd_auth_forget(void)
{
    if (hd_auth_cache) {
        ngx_explicit_memzero(hd_auth_cache,
                             HD_AUTH_CACHE * sizeof(hd_auth_entry_t));
        ngx_free(hd_auth_cache);
        hd_auth_cache = NULL;
    }
}


/* the token's entry, else the one of its set that ends first */
static hd_auth_entry_t *
hd_auth_entry(const u_char hash[32])
{
    uint32_t          epoch, i, way;
    hd_auth_entry_t  *set, *oldest;

    epoch = hd_auth_epoch(hd_api.shm);

    if (hd_auth_cache && epoch != hd_auth_cache_epoch) {
        hd_auth_forget();
    }

    if (hd_auth_cache == NULL) {
        hd_auth_cache = ngx_calloc(HD_AUTH_CACHE * sizeof(hd_auth_entry_t),
                                   hd_api.log);
        if (hd_auth_cache == NULL) {
            return NULL;
        }

        hd_auth_cache_epoch = epoch;
    }

    ngx_memcpy(&i, hash, sizeof(uint32_t));

    set = &hd_auth_cache[i & (HD_AUTH_CACHE - HD_AUTH_WAYS)];
    oldest = set;

    for (way = 0; way < HD_AUTH_WAYS; way++) {
        if (ngx_memcmp(set[way].hash, hash, 32) == 0) {
            return &set[way];
        }

        if (set[way].until < oldest->until) {
            oldest = &set[way];
        }
    }

    return oldest;
}


ngx_int_t
hd_auth_token(ngx_http_request_t *r, hd_str_t *token, ngx_uint_t *by_cookie)
{
    ngx_int_t         rc;
    ngx_str_t         value, name = ngx_string("herald_session");
    ngx_table_elt_t  *h;

    *by_cookie = 0;
    h = r->headers_in.authorization;

    if (h && h->value.len > 7
        && ngx_strncasecmp(h->value.data, (u_char *) "Bearer ", 7) == 0)
    {
        token->data = h->value.data + 7;
        token->len = h->value.len - 7;
        return NGX_OK;
    }

#if (nginx_version >= 1023000)
    rc = ngx_http_parse_multi_header_lines(r, r->headers_in.cookie, &name,
                                           &value)
         ? NGX_OK : NGX_DECLINED;
#else
    rc = ngx_http_parse_multi_header_lines(&r->headers_in.cookies, &name,
                                           &value);
#endif

    if (rc == NGX_DECLINED || value.len == 0) {
        return NGX_DECLINED;
    }

    token->data = value.data;
    token->len = value.len;
    *by_cookie = 1;

    return NGX_OK;
}


/*
 * A cookie comes along by itself, so what it may change must come from our own
 * pages.  Every browser of today says so in Sec-Fetch-Site, older ones in
 * Origin.
 */
static ngx_uint_t
hd_auth_same_site(ngx_http_request_t *r)
{
    ngx_str_t         *host;
    ngx_table_elt_t  *h;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return 1;
    }

    h = hd_req_find_header(r, "sec-fetch-site", 14);

    if (h) {
        return (h->value.len == 11
                && ngx_strncmp(h->value.data, "same-origin", 11) == 0)
               || (h->value.len == 4
                   && ngx_strncmp(h->value.data, "none", 4) == 0);
    }

    h = hd_req_find_header(r, "origin", 6);

    if (h == NULL || r->headers_in.host == NULL) {
        return 0;
    }

    host = &r->headers_in.host->value;

    return h->value.len > host->len + 3
           && ngx_strncmp(h->value.data + h->value.len - host->len - 3, "://",
                          3) == 0
           && ngx_strncasecmp(h->value.data + h->value.len - host->len,
                              host->data, host->len) == 0;
}


static void
hd_auth_refuse(hd_req_t *req)
{
    hd_str_t  value;

    hd_str_set(&value, "Bearer realm=\"herald\"");
    (void) hd_req_header(req->r, "WWW-Authenticate", &value);

    hd_problem(req, NGX_HTTP_UNAUTHORIZED, "unauthenticated",
               "Sign in, or send \"Authorization: Bearer\" with an API key "
               "that is valid.");
}


void
hd_auth(hd_req_t *req)
{
    hd_auth_entry_t  *e;

    if (req->route->scope == HD_SCOPE_PUBLIC) {
        hd_req_run(req);
        return;
    }

    if (hd_auth_token(req->r, &req->token, &req->by_cookie) != NGX_OK
        || req->token.len < 20 || req->token.len > 200)
    {
        hd_auth_refuse(req);
        return;
    }

    if (req->by_cookie && !hd_auth_same_site(req->r)) {
        hd_problem(req, NGX_HTTP_FORBIDDEN, "cross_site",
                   "A change by cookie must come from our own pages. "
                   "Programs use an API key.");
        return;
    }

    hd_auth_hash("token", &req->token, req->token_hash);

    e = hd_auth_entry(req->token_hash);

    if (e && e->until > ngx_time()
        && ngx_memcmp(e->hash, req->token_hash, 32) == 0
        && (e->who.expires == 0 || e->who.expires > ngx_time()))
    {
        req->who = e->who;
        hd_req_run(req);
        return;
    }

    hd_auth_look_up(req);
}


static void
hd_auth_look_up(hd_req_t *req)
{
    hd_str_t       kind;
    hd_pg_unit_t  *u;

    req->who.is_key = (req->token.data[0] == 'h' && req->token.data[1] == 'k');

    u = hd_pg_unit(hd_api.pg, hd_auth_result, hd_auth_done, req);
    if (u == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return;
    }

    if (req->who.is_key) {
        hd_str_set(&kind, "api_key");

    } else {
        hd_str_set(&kind, "session");
    }

    hd_pg_stmt(u, HD_Q_DIRECTORY_FIND);
    hd_pg_text(u, &kind);
    hd_pg_bytea(u, req->token_hash, 32);

    hd_pg_stmt(u, req->who.is_key ? HD_Q_API_KEY_FIND : HD_Q_SESSION_FIND);
    hd_pg_bytea(u, req->token_hash, 32);

    req->auth_epoch = hd_auth_epoch(hd_api.shm);

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_auth_copy(u_char *dst, size_t size, hd_pg_res_t *res, ngx_uint_t col)
{
    hd_str_t  v;

    v = hd_pg_value(res, 0, col);

    /* cut at a character's start */
    if (v.len >= size) {
        v.len = size - 1;

        while (v.len && (v.data[v.len] & 0xc0) == 0x80) {
            v.len--;
        }
    }

    ngx_memcpy(dst, v.data, v.len);
    dst[v.len] = '\0';
}


static void
hd_auth_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t        v;
    hd_req_t       *req = u->data;
    hd_identity_t  *who;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    who = &req->who;
    req->found = 1;

    if (who->is_key) {
        (void) hd_pg_value_uuid(res, 0, 0, &who->id);
        (void) hd_pg_value_uuid(res, 0, 2, &who->org);
        hd_auth_copy(who->org_name, sizeof(who->org_name), res, 3);
        who->expires = (time_t) hd_pg_value_int(res, 0, 4);

        v = hd_pg_value(res, 0, 1);

        if (ngx_strnstr(v.data, "read", v.len)) {
            who->scopes |= HD_SCOPE_READ;
        }

        if (ngx_strnstr(v.data, "send", v.len)) {
            who->scopes |= HD_SCOPE_SEND;
        }

        if (ngx_strnstr(v.data, "admin", v.len)) {
            who->scopes |= HD_SCOPE_READ|HD_SCOPE_SEND|HD_SCOPE_ADMIN;
        }

        return;
    }

    (void) hd_pg_value_uuid(res, 0, 0, &who->session);
    (void) hd_pg_value_uuid(res, 0, 1, &who->id);
    hd_auth_copy(who->email, sizeof(who->email), res, 2);
    hd_auth_copy(who->name, sizeof(who->name), res, 3);
    hd_auth_copy(who->role, sizeof(who->role), res, 4);
    (void) hd_pg_value_uuid(res, 0, 5, &who->org);
    hd_auth_copy(who->org_name, sizeof(who->org_name), res, 6);
    who->expires = (time_t) hd_pg_value_int(res, 0, 8);

    who->scopes = HD_SCOPE_READ|HD_SCOPE_SEND;

    if (who->role[0] == 'o' || ngx_strcmp(who->role, "admin") == 0) {
        who->scopes |= HD_SCOPE_ADMIN;
    }
}


static void
hd_auth_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_req_t          *req = u->data;
    hd_auth_entry_t   *e;
    ngx_connection_t  *c;

    if (req == NULL) {
        return;
    }

    c = req->r->connection;
    req->unit = NULL;
    req->db_us += hd_mono_us() - u->sent_us;

    if (outcome != HD_PG_OK) {
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                         "The database cannot be reached. Nothing was done; "
                         "try again.", 2);

    } else if (!req->found) {
        hd_auth_refuse(req);

    } else {
        e = hd_auth_entry(req->token_hash);

        /* what was read before it was withdrawn must not be kept */
        if (e && req->auth_epoch == hd_auth_cache_epoch) {
            ngx_memcpy(e->hash, req->token_hash, 32);
            e->who = req->who;
            e->until = ngx_time() + HD_AUTH_TTL;
        }

        hd_req_run(req);
    }

    ngx_http_run_posted_requests(c);
}

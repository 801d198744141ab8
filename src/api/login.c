/*
 * Sign in, sign out, who am I.
 *
 *   POST /login:  unit (throttle, user by e-mail) -> thread (argon2id) -> unit
 *                 (session and forgiveness, or one failure more) -> answer
 *
 * argon2id takes 19 MiB and tens of milliseconds: never on the loop, and at
 * most two at once in a worker; the others wait in line.  An unknown e-mail
 * costs the same time as a wrong password.
 */

#include "frame.h"


#define HD_LOGIN_AT_ONCE   2
#define HD_LOGIN_LINE      32
#define HD_SESSION_DAYS    14
#define HD_FREE_EMAIL      5
#define HD_FREE_ADDRESS    30


typedef struct {
    ngx_queue_t         queue;
    hd_req_t           *req;
    ngx_uint_t          queued;
    hd_str_t            password;
    char                hash[HD_PASSWORD_HASH];
    u_char              email_key[32];
    u_char              address_key[32];
    int64_t             blocked;
    ngx_uint_t          known;
    hd_uuid_t           user;
    hd_uuid_t           org;
    u_char              token[3 + 43];
    int                 passed;
} hd_login_t;


static void hd_login_found(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_login_known(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_login_next(void);
static void hd_login_thread(void *data, ngx_log_t *log);
static void hd_login_verified(ngx_event_t *ev);
static void hd_login_pass(hd_req_t *req, hd_login_t *login);
static void hd_login_fail(hd_req_t *req, hd_login_t *login);
static void hd_login_end(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


static ngx_queue_t  hd_login_line;
static ngx_uint_t   hd_login_waiting;
static ngx_uint_t   hd_login_running;


static void
hd_login_gone(void *data)
{
    hd_login_t *login = data;

    if (login->queued) {
        ngx_queue_remove(&login->queue);
        login->queued = 0;
        hd_login_waiting--;
    }
}


static ngx_int_t
hd_login_unit(hd_req_t *req, hd_pg_unit_t *u)
{
    if (hd_pg_submit(u) == NGX_OK) {
        req->unit = u;
        req->r->read_event_handler = ngx_http_test_reading;
        return NGX_OK;
    }

    hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                     "The database cannot be reached; try again.", 2);
    return NGX_ERROR;
}


void
hd_login(hd_req_t *req)
{
    hd_str_t             email, kind, address;
    hd_login_t          *login;
    hd_pg_unit_t        *u;
    ngx_http_cleanup_t  *cln;

    /* the request stays while a thread works for it: r->main->blocked */
    login = ngx_pcalloc(req->r->pool, sizeof(hd_login_t));
    cln = ngx_http_cleanup_add(req->r, 0);

    if (login == NULL || cln == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return;
    }

    cln->handler = hd_login_gone;
    cln->data = login;

    login->req = req;
    login->password = hd_body_str(req, "password");
    req->ctx = login;

    email = hd_body_str(req, "email");
    address.len = req->r->connection->addr_text.len;
    address.data = req->r->connection->addr_text.data;

    hd_auth_hash("email", &email, login->email_key);
    hd_auth_hash("address", &address, login->address_key);

    u = hd_pg_unit(hd_api.pg, hd_login_found, hd_login_known, req);
    if (u == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return;
    }

    hd_str_set(&kind, "email");

    hd_pg_stmt(u, HD_Q_LOGIN_BLOCKED);
    hd_pg_bytea(u, login->address_key, 32);
    hd_pg_bytea(u, login->email_key, 32);

    hd_pg_stmt(u, HD_Q_DIRECTORY_FIND);
    hd_pg_text(u, &kind);
    hd_pg_bytea(u, login->email_key, 32);

    hd_pg_stmt(u, HD_Q_USER_BY_EMAIL);
    hd_pg_bytea(u, login->email_key, 32);

    (void) hd_login_unit(req, u);
}


static void
hd_login_found(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t     v;
    hd_req_t    *req = u->data;
    hd_login_t  *login;

    if (req == NULL) {
        return;
    }

    login = req->ctx;

    if (index == 0) {
        login->blocked = hd_pg_value_int(res, 0, 0);
        return;
    }

    if (index != 2 || hd_pg_rows(res) == 0) {
        return;
    }

    login->known = 1;

    (void) hd_pg_value_uuid(res, 0, 0, &login->user);
    (void) hd_pg_value_uuid(res, 0, 4, &login->org);

    v = hd_pg_value(res, 0, 6);

    if (v.len < HD_PASSWORD_HASH) {
        ngx_memcpy(login->hash, v.data, v.len);
    }

    req->who.id = login->user;
    req->who.org = login->org;

    hd_buf_reset(&req->out);
    hd_buf_z(&req->out, ",\"user\":");
    hd_answer_row(&req->out, (hd_column_t[]) {
                      { "id", 'u', NULL }, { "email", 's', NULL },
                      { "name", 's', NULL }, { "role", 's', NULL },
                      { "org_id", 'u', NULL }, { "org_name", 's', NULL },
                      { NULL, 0, NULL } }, res, 0);
    hd_buf_char(&req->out, '}');
}


static void
hd_login_known(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    char              text[96];
    hd_req_t         *req = u->data;
    hd_login_t       *login;
    ngx_connection_t *c;

    if (req == NULL) {
        return;
    }

    c = req->r->connection;
    login = req->ctx;
    req->unit = NULL;

    if (outcome != HD_PG_OK) {
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                         "The database cannot be reached; try again.", 2);

    } else if (login->blocked) {
        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_logins_refused, 1);
        snprintf(text, sizeof(text), "Too many failed attempts. Try again in "
                 "%d seconds.", (int) login->blocked);
        hd_problem_retry(req, 429, "too_many_attempts", text,
                         login->blocked);

    } else if (hd_login_waiting >= HD_LOGIN_LINE) {
        hd_problem_retry(req, 429, "too_many_attempts", "Too many people "
                         "sign in at this moment. Try again.", 2);

    } else {
        if (hd_login_line.next == NULL) {
            ngx_queue_init(&hd_login_line);
        }

        ngx_queue_insert_tail(&hd_login_line, &login->queue);
        login->queued = 1;
        hd_login_waiting++;
        hd_login_next();
    }

    ngx_http_run_posted_requests(c);
}


static void
hd_login_next(void)
{
    hd_login_t         *login;
    ngx_queue_t        *q;
    ngx_thread_task_t  *task;

    while (hd_login_running < HD_LOGIN_AT_ONCE && hd_login_waiting) {

        q = ngx_queue_head(&hd_login_line);
        ngx_queue_remove(q);
        hd_login_waiting--;

        login = ngx_queue_data(q, hd_login_t, queue);
        login->queued = 0;

        task = ngx_thread_task_alloc(login->req->r->pool, 0);

        if (task) {
            task->ctx = login;
            task->handler = hd_login_thread;
            task->event.handler = hd_login_verified;
            task->event.data = login;
        }

        if (task == NULL
            || ngx_thread_task_post(hd_api.threads, task) != NGX_OK)
        {
            hd_problem(login->req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                       "Out of memory.");
            continue;
        }

        login->req->r->main->blocked++;
        login->req->r->aio = 1;
        hd_login_running++;

        /* no timer runs meanwhile: a quitting worker would leave */
        hd_hold_take(hd_api.log);
    }
}


static void
hd_login_thread(void *data, ngx_log_t *log)
{
    char        *password;
    hd_login_t  *login = data;

    password = (char *) login->password.data;

    if (login->known) {
        login->passed = hd_password_verify(login->hash, password,
                                           login->password.len)
                        == HD_OK;

    } else {
        /* costs the same */
        (void) hd_password_hash(login->hash, password, login->password.len);
    }
}


static void
hd_login_verified(ngx_event_t *ev)
{
    hd_req_t            *req;
    hd_login_t          *login = ev->data;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    hd_login_running--;

    req = login->req;
    r = req->r;
    c = r->connection;

    r->main->blocked--;
    r->aio = 0;

    if (c->error) {
        /* the client went while the thread worked; its cleanup has run */
        ngx_http_finalize_request(r, NGX_ERROR);

    } else if (login->known && login->passed) {
        hd_login_pass(req, login);

    } else {
        hd_login_fail(req, login);
    }

    hd_login_next();

    ngx_http_run_posted_requests(c);

    hd_hold_release();
}


static void
hd_login_pass(hd_req_t *req, hd_login_t *login)
{
    u_char         hash[32], random[32], time[HD_RFC3339_LEN + 8];
    size_t         n;
    int64_t        expires;
    hd_buf_t       b;
    hd_str_t       token;
    hd_uuid_t      id;
    hd_pg_unit_t  *u;

    ngx_memcpy(login->token, "hs_", 3);
    hd_random(random, sizeof(random));
    (void) hd_base64url(login->token + 3, random, sizeof(random));

    token.data = login->token;
    token.len = sizeof(login->token);
    hd_auth_hash("token", &token, hash);

    expires = hd_now_us() + (int64_t) HD_SESSION_DAYS * 86400 * 1000000;
    n = hd_time_format(time, expires);

    /* token and expires_at in front of the user, who is there already */

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"token\":");
    hd_jw_str(&b, &token);
    hd_buf_z(&b, ",\"expires_at\":\"");
    hd_buf_add(&b, time, n);
    hd_buf_char(&b, '"');
    hd_buf_add(&b, req->out.data, req->out.len);

    hd_buf_free(&req->out);
    req->out = b;

    u = hd_pg_unit(hd_api.pg, NULL, hd_login_end, req);
    if (u == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return;
    }

    hd_req_new_id(&id);

    hd_pg_org(u, &login->org);
    hd_pg_stmt(u, HD_Q_SESSION_INSERT);
    hd_pg_uuid(u, &id);
    hd_pg_uuid(u, &login->user);
    hd_pg_bytea(u, hash, 32);
    hd_pg_time(u, expires);

    hd_pg_stmt(u, HD_Q_LOGIN_PASSED);
    hd_pg_bytea(u, login->email_key, 32);

    (void) hd_login_unit(req, u);
}


static void
hd_login_fail(hd_req_t *req, hd_login_t *login)
{
    hd_pg_unit_t  *u;

    login->passed = 0;

    u = hd_pg_unit(hd_api.pg, NULL, hd_login_end, req);
    if (u == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return;
    }

    hd_pg_stmt(u, HD_Q_LOGIN_FAILED);
    hd_pg_bytea(u, login->email_key, 32);
    hd_pg_int(u, HD_FREE_EMAIL);

    hd_pg_stmt(u, HD_Q_LOGIN_FAILED);
    hd_pg_bytea(u, login->address_key, 32);
    hd_pg_int(u, HD_FREE_ADDRESS);

    (void) hd_login_unit(req, u);
}


static void
hd_login_cookie(hd_req_t *req, const hd_str_t *token, ngx_uint_t seconds)
{
    u_char     *p;
    hd_str_t    value;
    ngx_uint_t  secure;

#if (NGX_HTTP_SSL)
    secure = req->r->connection->ssl != NULL;
#else
    secure = 0;
#endif

    p = ngx_pnalloc(req->r->pool, token->len + 128);
    if (p == NULL) {
        return;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "herald_session=%*s; Path=/; HttpOnly; "
                            "SameSite=Strict; Max-Age=%ui%s", token->len,
                            token->data, seconds, secure ? "; Secure" : "")
                - p;

    (void) hd_req_header(req->r, "Set-Cookie", &value);
}


static void
hd_login_end(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_str_t           token;
    hd_req_t          *req = u->data;
    hd_login_t        *login;
    ngx_connection_t  *c;

    if (req == NULL) {
        return;
    }

    c = req->r->connection;
    login = req->ctx;
    req->unit = NULL;

    if (outcome != HD_PG_OK) {
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                         "The database cannot be reached; try again.", 2);

    } else if (login->passed) {
        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_logins, 1);

        token.data = login->token;
        token.len = sizeof(login->token);
        hd_login_cookie(req, &token, HD_SESSION_DAYS * 86400);
        hd_req_send(req, NGX_HTTP_OK, "application/json");

    } else {
        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_logins_refused, 1);
        hd_problem(req, NGX_HTTP_UNAUTHORIZED, "wrong_credentials",
                   "This e-mail address and this password do not belong "
                   "together.");
    }

    ngx_http_run_posted_requests(c);
}


static void
hd_logout_done(hd_req_t *req)
{
    hd_str_t  none;

    hd_auth_bump(hd_api.shm);

    none.data = (u_char *) "";
    none.len = 0;
    hd_login_cookie(req, &none, 0);
    hd_req_empty(req);
}


void
hd_logout(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    if (req->who.is_key) {
        hd_problem(req, NGX_HTTP_CONFLICT, "no_session",
                   "This is an API key, not a session; delete the key "
                   "instead.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_SESSION_DELETE);
    hd_pg_bytea(u, req->token_hash, 32);

    req->done = hd_logout_done;
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_me_text(hd_buf_t *b, const char *name, const u_char *text)
{
    hd_buf_printf(b, ",\"%s\":", name);

    if (text[0]) {
        hd_jw_z(b, (char *) text);

    } else {
        hd_buf_z(b, "null");
    }
}


void
hd_me(hd_req_t *req)
{
    u_char     id[36];
    hd_buf_t  *b;

    b = &req->out;

    hd_buf_z(b, "{\"id\":\"");
    hd_uuid_format(&req->who.id, id);
    hd_buf_add(b, id, 36);
    hd_buf_char(b, '"');
    hd_me_text(b, "email", req->who.email);
    hd_me_text(b, "name", req->who.name);
    hd_me_text(b, "role", req->who.role);
    hd_buf_z(b, ",\"org_id\":\"");
    hd_uuid_format(&req->who.org, id);
    hd_buf_add(b, id, 36);
    hd_buf_char(b, '"');
    hd_me_text(b, "org_name", req->who.org_name);

    hd_buf_z(b, ",\"scopes\":[");

    if (req->who.scopes & HD_SCOPE_READ) {
        hd_buf_z(b, "\"read\"");
    }

    if (req->who.scopes & HD_SCOPE_SEND) {
        hd_buf_z(b, (req->who.scopes & HD_SCOPE_READ) ? ",\"send\""
                                                      : "\"send\"");
    }

    if (req->who.scopes & HD_SCOPE_ADMIN) {
        hd_buf_z(b, ",\"admin\"");
    }

    hd_buf_printf(b, "],\"credential\":\"%s\"}",
                  req->who.is_key ? "api_key" : "session");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}

/*
 * What a forecast says: counts, money, times, and in words what is worth a
 * look before it begins.
 */

#include "forecast.h"
#include "reason.h"


#define HD_FORECAST_NAMED  10          /* countries that a warning names */


static void
hd_forecast_money(hd_buf_t *b, const char *name, int64_t millionths)
{
    u_char  text[HD_DECIMAL_LEN];
    size_t  n;

    n = hd_decimal_format(text, millionths);

    hd_buf_printf(b, ",\"%s\":\"%.*s\"", name, (int) n, (char *) text);
}


static void
hd_forecast_string(hd_buf_t *b, const char *name, const hd_str_t *s)
{
    hd_buf_printf(b, "\"%s\":", name);

    if (s->data) {
        hd_jw_str(b, s);

    } else {
        hd_buf_z(b, "null");
    }
}


static void
hd_forecast_time(hd_buf_t *b, const char *name, int64_t us)
{
    u_char  text[HD_RFC3339_LEN];
    size_t  n;

    if (us == 0) {
        hd_buf_printf(b, ",\"%s\":null", name);
        return;
    }

    n = hd_time_format(text, us);
    hd_buf_printf(b, ",\"%s\":\"%.*s\"", name, (int) n, (char *) text);
}


static void
hd_forecast_people(hd_buf_t *b, hd_forecast_t *f)
{
    int64_t             n;
    hd_str_t            s;
    ngx_uint_t          i;
    const hd_reason_t  *r;

    n = f->reachable;

    for (i = 0; i < HD_FORECAST_REASONS; i++) {
        n += f->excluded[i];
    }

    hd_buf_printf(b, "{\"audience\":%lld,\"frozen\":%s,\"excluded\":[",
                  (long long) n, f->frozen ? "true" : "false");

    f->l->somebody = n > 0;

    for (i = 0; i < HD_FORECAST_REASONS; i++) {
        s.data = (u_char *) hd_forecast_reasons[i];
        s.len = ngx_strlen(s.data);
        r = hd_reason_find(&s);

        hd_buf_printf(b, "%s{\"reason\":\"%s\",\"count\":%lld,\"words\":",
                      i ? "," : "", hd_forecast_reasons[i],
                      (long long) f->excluded[i]);
        hd_jw_z(b, r->words);
        hd_buf_char(b, '}');
    }

    hd_buf_printf(b, "],\"reachable\":%lld,\"deferred\":[",
                  (long long) f->reachable);

    if (f->asleep) {
        hd_str_set(&s, "quiet_hours");

        hd_buf_printf(b, "{\"reason\":\"quiet_hours\",\"count\":%lld,"
                      "\"words\":", (long long) f->asleep);
        hd_jw_z(b, hd_reason_find(&s)->words);
        hd_buf_char(b, '}');
    }

    hd_buf_char(b, ']');
}


/* ── money ── */

static void
hd_forecast_no_price(hd_forecast_t *f, int64_t people, const char *names)
{
    char  text[400];

    if (hd_api.prices == NULL) {
        hd_launch_warn(f->l, "no_prices", "There is no price table: what it "
                       "costs is not known.");
        return;
    }

    snprintf(text, sizeof(text), "There is no price for %s: %lld of the "
             "messages are counted as free.", names, (long long) people);
    hd_launch_warn(f->l, "no_price", text);
}


/* inside 24 hours of what they wrote a utility template is free, as it is when
 * it is sent (send/limits.c); the prices are those of the day it begins */
static int64_t
hd_forecast_country_cost(hd_buf_t *b, hd_forecast_t *f,
    hd_forecast_country_t *c)
{
    int64_t  price, paid;

    price = hd_api.prices
            ? hd_price(hd_api.prices, &c->country, (char) f->category,
                       (int32_t) (f->start / 1000000 / 86400))
            : -1;

    paid = f->category == 'u' ? c->count - c->in_window : c->count;

    hd_buf_char(b, '{');
    hd_forecast_string(b, "country", &c->country);
    hd_buf_printf(b, ",\"category\":\"%s\",\"count\":%lld,\"in_window\":%lld",
                  hd_category_name((char) f->category),
                  (long long) c->count, (long long) c->in_window);

    if (price < 0) {
        hd_buf_z(b, ",\"price\":null,\"amount\":null}");
        return -1;
    }

    hd_forecast_money(b, "price", price);
    hd_forecast_money(b, "amount", price * paid);
    hd_buf_char(b, '}');

    return price * paid;
}


static int64_t
hd_forecast_cost(hd_buf_t *b, hd_forecast_t *f)
{
    char                    names[160];
    size_t                  n;
    int64_t                 total, cost, free;
    hd_buf_t                by;
    hd_str_t                currency;
    ngx_uint_t              i, named;
    hd_forecast_country_t  *c;

    total = 0;
    free = 0;
    named = 0;
    n = 0;
    c = f->countries.elts;
    hd_buf_init(&by);

    for (i = 0; i < f->countries.nelts; i++, c++) {

        if (i) {
            hd_buf_char(&by, ',');
        }

        cost = hd_forecast_country_cost(&by, f, c);

        if (cost >= 0) {
            total += cost;
            continue;
        }

        free += c->count;

        if (named++ < HD_FORECAST_NAMED) {
            n += snprintf(names + n, sizeof(names) - n, "%s%.*s",
                          named > 1 ? ", " : "",
                          c->country.len ? (int) c->country.len : 23,
                          c->country.len ? (char *) c->country.data
                                         : "phones of no country");
        }
    }

    if (named > HD_FORECAST_NAMED) {
        snprintf(names + n, sizeof(names) - n, " and %d more",
                 (int) named - HD_FORECAST_NAMED);
    }

    if (named) {
        hd_forecast_no_price(f, free, names);
    }

    hd_prices_name(&currency);

    hd_buf_z(b, ",\"cost\":{");
    hd_forecast_string(b, "currency", &currency);

    if (hd_api.prices) {
        hd_forecast_money(b, "total", total);

    } else {
        hd_buf_z(b, ",\"total\":null");
    }

    hd_buf_z(b, ",\"by\":[");
    hd_buf_add(b, by.data, by.len);
    hd_buf_z(b, "]}");

    b->failed |= by.failed;
    hd_buf_free(&by);

    return total;
}


static void
hd_forecast_spend(hd_buf_t *b, hd_forecast_t *f, int64_t total)
{
    int64_t     left;
    ngx_uint_t  exceeded;

    if (f->spend_limit < 0) {
        hd_buf_z(b, ",\"spend\":null");
        return;
    }

    left = ngx_max(f->spend_limit - f->spend_used, 0);
    exceeded = total > left;

    hd_buf_z(b, ",\"spend\":{");
    hd_forecast_string(b, "period", &f->spend_period);
    hd_forecast_money(b, "limit", f->spend_limit);
    hd_forecast_money(b, "used", ngx_max(f->spend_used, 0));
    hd_forecast_money(b, "left", left);
    hd_buf_printf(b, ",\"exceeded\":%s}", exceeded ? "true" : "false");

    if (exceeded) {
        hd_launch_warn(f->l, "spend_limit", "It costs more than the spend "
                       "limit leaves: it will be paused when that is used "
                       "up. Raise the limit, or make the audience smaller.");
    }
}


/* ── time and room ── */

static void
hd_forecast_end(hd_buf_t *b, hd_forecast_t *f)
{
    double       interval;
    int64_t      finish;
    const char  *by;

    interval = hd_forecast_interval(f, &by);
    finish = hd_forecast_finish(f);

    hd_forecast_time(b, "start_at", f->start);
    hd_forecast_time(b, "finish_at", finish);
    hd_buf_printf(b, ",\"ahead\":%lld", (long long) f->ahead);

    if (by) {
        hd_buf_printf(b, ",\"rate\":%.6g,\"rate_by\":\"%s\"",
                      60000000.0 / interval, by);

    } else {
        hd_buf_z(b, ",\"rate\":null,\"rate_by\":null");
    }

    if (finish == 0) {
        hd_launch_warn(f->l, "no_end", "Under its present limits the number "
                       "cannot send this within a year.");
    }

    if (f->l->expires_at
        && (finish == 0 || finish > f->l->expires_at))
    {
        hd_launch_warn(f->l, "expires_before_end", "Its time (expires_at) is "
                       "over before everybody can have it: who was not sent "
                       "to by then is skipped.");
    }
}


static void
hd_forecast_portfolio(hd_buf_t *b, hd_forecast_t *f)
{
    int64_t     left;
    ngx_uint_t  enough;

    if (f->portfolio.data == NULL) {
        hd_buf_z(b, ",\"portfolio\":null");
        return;
    }

    left = f->portfolio_limit - ngx_min(f->portfolio_used,
                                        f->portfolio_limit);
    enough = f->portfolio_limit < 0 || f->needed <= left;

    hd_buf_z(b, ",\"portfolio\":{");
    hd_forecast_string(b, "id", &f->portfolio);

    if (f->portfolio_limit < 0) {
        hd_buf_printf(b, ",\"limit\":null,\"used_24h\":%lld,\"left\":null",
                      (long long) f->portfolio_used);

    } else {
        hd_buf_printf(b, ",\"limit\":%lld,\"used_24h\":%lld,\"left\":%lld",
                      (long long) f->portfolio_limit,
                      (long long) f->portfolio_used, (long long) left);
    }

    hd_buf_printf(b, ",\"needed\":%lld,\"enough\":%s}",
                  (long long) f->needed, enough ? "true" : "false");

    if (!enough) {
        hd_launch_warn(f->l, "portfolio_limit", "The portfolio has room for "
                       "fewer new people than this reaches: the others wait "
                       "until there is room, up to 24 hours each time.");
    }
}


static void
hd_forecast_warnings(hd_forecast_t *f)
{
    hd_launch_warnings(f->l);

    if (f->l->somebody && f->reachable == 0) {
        hd_launch_warn(f->l, "nobody_reachable", "Nobody of this audience "
                       "can be sent to: see why under excluded.");
    }

    if (f->excluded[4]) {
        hd_launch_warn(f->l, "missing_variable", "Some lack a value that the "
                       "template cannot do without: the launch is refused "
                       "until they have it or the variable has a fallback.");
    }
}


void
hd_forecast_answer(hd_req_t *req, hd_forecast_t *f)
{
    int64_t    total;
    hd_buf_t  *b;

    b = &req->out;

    hd_forecast_people(b, f);
    hd_forecast_warnings(f);

    total = hd_forecast_cost(b, f);
    hd_forecast_spend(b, f, total);
    hd_forecast_end(b, f);
    hd_forecast_portfolio(b, f);

    hd_buf_z(b, ",\"warnings\":[");
    hd_buf_add(b, f->l->warnings.data, f->l->warnings.len);
    hd_buf_z(b, "]}");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}

/*
 * The price table as the API shows it: what holds on one day.
 */

#include "frame.h"


void
hd_prices_name(hd_str_t *currency)
{
    ngx_memzero(currency, sizeof(hd_str_t));

    if (hd_api.prices) {
        currency->data = (u_char *) hd_prices_currency(hd_api.prices);
        currency->len = ngx_strlen(currency->data);
    }
}


/* today in UTC, or ?date= */
static int32_t
hd_price_day(hd_req_t *req)
{
    int32_t   day;
    hd_str_t  date;

    date = hd_query(req, "date");

    if (date.len && hd_day_parse(date.data, date.len, &day) == HD_OK) {
        return day;
    }

    return (int32_t) (hd_now_us() / 1000000 / 86400);
}


static void
hd_price_json(hd_buf_t *b, const hd_price_row_t *row)
{
    u_char  text[HD_DECIMAL_LEN];
    size_t  n;

    hd_buf_printf(b, "{\"country\":\"%.2s\",\"category\":\"%s\",\"price\":\"",
                  row->country, hd_category_name(row->category));

    n = hd_decimal_format(text, row->price);
    hd_buf_add(b, text, n);

    hd_buf_z(b, "\",\"valid_from\":\"");
    hd_day_format(text, row->valid_from);
    hd_buf_add(b, text, 10);
    hd_buf_z(b, "\"}");
}


void
hd_price_list(hd_req_t *req)
{
    size_t                 i, n;
    u_char                 text[10];
    int32_t                day;
    hd_buf_t              *b;
    hd_str_t               country;
    ngx_uint_t             first;
    const hd_price_row_t  *rows;

    b = &req->out;
    day = hd_price_day(req);
    hd_day_format(text, day);

    hd_buf_printf(b, "{\"date\":\"%.10s\",\"currency\":", (char *) text);

    rows = NULL;
    n = 0;

    if (hd_api.prices) {
        hd_jw_z(b, hd_prices_currency(hd_api.prices));
        rows = hd_prices_rows(hd_api.prices, &n);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_z(b, ",\"prices\":[");

    for (i = 0, first = 1; i < n; i++) {
        country.data = (u_char *) rows[i].country;
        country.len = rows[i].country[1] ? 2 : 1;

        if (hd_price_row(hd_api.prices, &country, rows[i].category, day)
            != &rows[i])
        {
            continue;
        }

        if (!first) {
            hd_buf_char(b, ',');
        }

        hd_price_json(b, &rows[i]);
        first = 0;
    }

    hd_buf_z(b, "]}");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}

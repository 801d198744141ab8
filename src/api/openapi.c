/*
 * The OpenAPI 3.1 document, made from the route table: what is served is what
 * is checked.
 */

#include "frame.h"


static void hd_openapi_object(hd_buf_t *b, const hd_field_t *fields,
    ngx_uint_t nullable);


static void
hd_openapi_enum(hd_buf_t *b, const hd_field_t *f)
{
    const char *const  *v;

    hd_buf_z(b, ",\"enum\":[");

    for (v = f->values; *v; v++) {
        hd_buf_printf(b, "%s\"%s\"",
                      v == (const char *const *) f->values ? "" : ",", *v);
    }

    hd_buf_char(b, ']');
}


/* what differs between the kinds of string */
static void
hd_openapi_string(hd_buf_t *b, const hd_field_t *f)
{
    hd_buf_z(b, f->nullable ? "\"type\":[\"string\",\"null\"]"
                            : "\"type\":\"string\"");

    switch (f->type) {

    case HD_FIELD_UUID:
        hd_buf_z(b, ",\"format\":\"uuid\"");
        break;

    case HD_FIELD_TIME:
        hd_buf_z(b, ",\"format\":\"date-time\"");
        break;

    case HD_FIELD_DATE:
        hd_buf_z(b, ",\"format\":\"date\"");
        break;

    case HD_FIELD_EMAIL:
        hd_buf_z(b, ",\"format\":\"email\"");
        break;

    case HD_FIELD_URL:
        hd_buf_z(b, ",\"format\":\"uri\"");
        break;

    case HD_FIELD_NAME:
        hd_buf_z(b, ",\"pattern\":\"^[a-z0-9_]+$\"");
        break;

    case HD_FIELD_CLOCK:
        hd_buf_z(b, ",\"pattern\":\"^([01][0-9]|2[0-3]):[0-5][0-9]$\"");
        break;

    case HD_FIELD_COLOR:
        hd_buf_z(b, ",\"pattern\":\"^#[0-9A-Fa-f]{6}$\"");
        break;

    case HD_FIELD_MONEY:
        hd_buf_z(b, ",\"pattern\":\"^[0-9]+(\\\\.[0-9]{1,6})?$\"");
        return;

    default:
        break;
    }

    if (f->values) {
        hd_openapi_enum(b, f);
    }

    if (f->min > 0) {
        hd_buf_printf(b, ",\"minLength\":%lld", (long long) f->min);
    }

    if (f->max > 0) {
        hd_buf_printf(b, ",\"maxLength\":%lld", (long long) f->max);
    }
}


static void
hd_openapi_field(hd_buf_t *b, const hd_field_t *f)
{
    hd_buf_char(b, '{');

    switch (f->type) {

    case HD_FIELD_INT:
        hd_buf_printf(b, "\"type\":\"integer\",\"minimum\":%lld,"
                      "\"maximum\":%lld", (long long) f->min,
                      (long long) f->max);
        break;

    case HD_FIELD_BOOL:
        hd_buf_z(b, "\"type\":\"boolean\"");
        break;

    case HD_FIELD_MAP:
        hd_buf_z(b, "\"type\":\"object\","
                 "\"additionalProperties\":{\"type\":\"string\"}");
        break;

    case HD_FIELD_OBJECT:
        hd_buf_z(b, f->nullable ? "\"type\":[\"object\",\"null\"]"
                                : "\"type\":\"object\"");
        break;

    case HD_FIELD_ARRAY:
        hd_buf_printf(b, f->nullable
                      ? "\"type\":[\"array\",\"null\"],\"maxItems\":%lld"
                      : "\"type\":\"array\",\"maxItems\":%lld",
                      (long long) f->max);
        break;

    case HD_FIELD_STRINGS:
    case HD_FIELD_ENUMS:
        hd_buf_printf(b, "\"type\":\"array\",\"maxItems\":%lld,"
                      "\"uniqueItems\":true,\"items\":{\"type\":\"string\"",
                      (long long) f->max);

        if (f->values) {
            hd_openapi_enum(b, f);
        }

        hd_buf_char(b, '}');
        break;

    case HD_FIELD_PHONES:
        hd_buf_printf(b, "\"type\":\"array\",\"maxItems\":%lld,\"items\":"
                      "{\"type\":\"string\"}", (long long) f->max);
        break;

    case HD_FIELD_GROUP:
        hd_openapi_object(b, f->values, f->nullable);
        break;

    default:
        hd_openapi_string(b, f);
    }

    if (f->help) {
        hd_buf_z(b, ",\"description\":");
        hd_jw_z(b, f->help);
    }

    hd_buf_char(b, '}');
}


/* the members of a schema, without its braces */
static void
hd_openapi_object(hd_buf_t *b, const hd_field_t *fields, ngx_uint_t nullable)
{
    ngx_uint_t         n;
    const hd_field_t  *f;

    hd_buf_z(b, nullable ? "\"type\":[\"object\",\"null\"]"
                         : "\"type\":\"object\"");
    hd_buf_z(b, ",\"additionalProperties\":false,\"properties\":{");

    for (f = fields; f->name; f++) {
        hd_buf_printf(b, "%s\"%s\":", f == fields ? "" : ",", f->name);
        hd_openapi_field(b, f);
    }

    hd_buf_char(b, '}');

    for (f = fields, n = 0; f->name; f++) {
        if (f->required) {
            hd_buf_printf(b, "%s\"%s\"", n++ ? "," : ",\"required\":[",
                          f->name);
        }
    }

    if (n) {
        hd_buf_char(b, ']');
    }
}


static void
hd_openapi_body(hd_buf_t *b, const hd_route_t *route)
{
    hd_buf_printf(b, ",\"requestBody\":{\"required\":%s,\"content\":{"
                  "\"application/json\":{\"schema\":{",
                  (route->flags & HD_ROUTE_BARE) ? "false" : "true");
    hd_openapi_object(b, route->body, 0);
    hd_buf_z(b, "}}}}");
}


static void
hd_openapi_column(hd_buf_t *b, const hd_column_t *c)
{
    const char  *type, *format;

    format = NULL;

    switch (c->type | 0x20) {
    case 'i': type = "integer"; break;
    case 'b': type = "boolean"; break;
    case 'u': type = "string"; format = "uuid"; break;
    case 't': type = "string"; format = "date-time"; break;
    case 'j': type = NULL; break;
    case 'a': type = "array"; break;
    default:  type = "string"; break;
    }

    hd_buf_char(b, '{');

    if (type) {
        hd_buf_printf(b, c->type < 'a' ? "\"type\":[\"%s\",\"null\"]"
                                       : "\"type\":\"%s\"", type);
    }

    if (format) {
        hd_buf_printf(b, ",\"format\":\"%s\"", format);
    }

    if ((c->type | 0x20) == 'a') {
        hd_buf_z(b, ",\"items\":{\"type\":\"string\"}");
    }

    if (c->help) {
        hd_buf_printf(b, "%s\"description\":", type ? "," : "");
        hd_jw_z(b, c->help);
    }

    hd_buf_char(b, '}');
}


/* columns "a.b" make the nested object a */
static void
hd_openapi_schema(hd_buf_t *b, const hd_column_t *columns)
{
    size_t              open;
    const char         *dot, *object;
    const hd_column_t  *c;

    open = 0;
    object = NULL;

    hd_buf_z(b, "{\"type\":\"object\",\"properties\":{");

    for (c = columns; c->name; c++) {
        dot = strchr(c->name, '.');

        if (open && (dot == NULL || (size_t) (dot - c->name) != open
                     || strncmp(c->name, object, open) != 0))
        {
            hd_buf_z(b, "}}");
            open = 0;
        }

        if (b->failed) {
            return;
        }

        if (b->data[b->len - 1] != '{') {
            hd_buf_char(b, ',');
        }

        if (dot && !open) {
            open = dot - c->name;
            object = c->name;
            hd_buf_char(b, '"');
            hd_buf_add(b, object, open);
            hd_buf_z(b, "\":{\"type\":\"object\",\"properties\":{");
        }

        hd_buf_printf(b, "\"%s\":", dot ? dot + 1 : c->name);
        hd_openapi_column(b, c);
    }

    hd_buf_z(b, open ? "}}}}" : "}}");
}


static void
hd_openapi_answer(hd_buf_t *b, const hd_route_t *route)
{
    ngx_uint_t  status;

    status = (route->flags & HD_ROUTE_CREATED) ? 201
             : (route->flags & HD_ROUTE_ACCEPTED) ? 202
             : (route->flags & HD_ROUTE_EMPTY) ? 204 : 200;

    hd_buf_printf(b, ",\"responses\":{\"%d\":{\"description\":\"%s\"",
                  (int) status, status == 204 ? "Done" : "The answer");

    if (route->answer) {
        hd_buf_z(b, ",\"content\":{\"application/json\":{\"schema\":");

        if (route->flags & (HD_ROUTE_LIST|HD_ROUTE_WHOLE)) {
            hd_buf_z(b, "{\"type\":\"object\",\"properties\":{\"data\":"
                     "{\"type\":\"array\",\"items\":");
            hd_openapi_schema(b, route->answer);
            hd_buf_z(b, "},\"next_cursor\":{\"type\":[\"string\",\"null\"]}"
                     "}}");

        } else {
            hd_openapi_schema(b, route->answer);
        }

        hd_buf_z(b, "}}");

    } else if (route->flags & HD_ROUTE_CSV) {
        hd_buf_z(b, ",\"content\":{\"text/csv\":{}}");

    } else if (ngx_strcmp(route->path, "/events") == 0) {
        hd_buf_z(b, ",\"content\":{\"text/event-stream\":{}}");
    }

    hd_buf_z(b, "},\"default\":{\"description\":\"A problem (RFC 9457)\","
             "\"content\":{\"application/problem+json\":{\"schema\":"
             "{\"$ref\":\"#/components/schemas/Problem\"}}}}}");
}


static void
hd_openapi_parameters(hd_buf_t *b, const hd_route_t *route)
{
    ngx_uint_t         n;
    const char        *p, *end;
    const hd_field_t  *f;

    n = 0;
    hd_buf_z(b, ",\"parameters\":[");

    for (p = strchr(route->path, '{'); p; p = strchr(end, '{')) {
        end = strchr(p, '}');
        hd_buf_printf(b, "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\""
                      ":true,\"schema\":{\"type\":\"string\"%s}}",
                      n++ ? "," : "", (int) (end - p - 1), p + 1,
                      ngx_strncmp(end - 2, "id", 2) == 0
                      ? ",\"format\":\"uuid\"" : "");
    }

    if ((route->flags & HD_ROUTE_ETAG) && route->method == NGX_HTTP_PATCH) {
        hd_buf_printf(b, "%s{\"name\":\"If-Match\",\"in\":\"header\","
                      "\"schema\":{\"type\":\"string\"},\"description\":"
                      "\"The ETag that was read: 412 if it is another by "
                      "now\"}", n++ ? "," : "");
    }

    if (route->flags & HD_ROUTE_LIST) {
        hd_buf_printf(b, "%s{\"name\":\"limit\",\"in\":\"query\",\"schema\":"
                      "{\"type\":\"integer\",\"minimum\":1,\"maximum\":200,"
                      "\"default\":50}},{\"name\":\"cursor\",\"in\":\"query\""
                      ",\"schema\":{\"type\":\"string\"}}", n ? "," : "");
        n++;
    }

    for (f = route->query; f && f->name; f++) {
        hd_buf_printf(b, "%s{\"name\":\"%s\",\"in\":\"query\",\"schema\":",
                      n++ ? "," : "", f->name);
        hd_openapi_field(b, f);
        hd_buf_char(b, '}');
    }

    hd_buf_char(b, ']');
}


static void
hd_openapi_operation(hd_buf_t *b, const hd_route_t *route)
{
    hd_buf_printf(b, "\"%s\":{\"tags\":[\"%s\"],\"summary\":",
                  route->method == NGX_HTTP_GET ? "get"
                  : route->method == NGX_HTTP_POST ? "post"
                  : route->method == NGX_HTTP_PATCH ? "patch"
                  : route->method == NGX_HTTP_PUT ? "put" : "delete",
                  route->tag);
    hd_jw_z(b, route->summary);

    if (route->scope == HD_SCOPE_PUBLIC) {
        hd_buf_z(b, ",\"security\":[]");

    } else if (route->scope) {
        hd_buf_printf(b, ",\"x-scope\":\"%s\"",
                      route->scope == HD_SCOPE_READ ? "read"
                      : route->scope == HD_SCOPE_SEND ? "send" : "admin");
    }

    hd_openapi_parameters(b, route);

    if (route->body) {
        hd_openapi_body(b, route);

    } else if ((route->flags & HD_ROUTE_STREAM)
               && route->method == NGX_HTTP_POST)
    {
        hd_buf_z(b, ",\"requestBody\":{\"required\":true,\"content\":"
                 "{\"text/csv\":{}}}");
    }

    hd_openapi_answer(b, route);
    hd_buf_char(b, '}');
}


/* of all routes with its path */
static ngx_uint_t
hd_openapi_first(const hd_route_t *route)
{
    const hd_route_t         *r;
    const hd_route_t *const  *part;

    for (part = hd_routes; *part; part++) {
        for (r = *part; r->path; r++) {
            if (ngx_strcmp(r->path, route->path) == 0) {
                return r == route;
            }
        }
    }

    return 0;
}


static void
hd_openapi_path(hd_buf_t *b, const hd_route_t *first, ngx_uint_t n)
{
    ngx_uint_t                m;
    const hd_route_t         *r;
    const hd_route_t *const  *part;

    hd_buf_printf(b, "%s\"%s\":{", n ? "," : "", first->path);

    for (m = 0, part = hd_routes; *part; part++) {
        for (r = *part; r->path; r++) {
            if (ngx_strcmp(r->path, first->path) == 0) {
                if (m++) {
                    hd_buf_char(b, ',');
                }

                hd_openapi_operation(b, r);
            }
        }
    }

    hd_buf_char(b, '}');
}


void
hd_openapi(hd_req_t *req)
{
    hd_buf_t                 *b;
    ngx_uint_t                n;
    const hd_route_t         *route;
    const hd_route_t *const  *part;

    b = &req->out;

    hd_buf_z(b, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Herald\","
             "\"version\":\"1.0.0\",\"description\":\"WhatsApp automation CRM "
             "and gateway inside nginx\"},\"servers\":[{\"url\":"
             "\"/api/v1\"}],\"security\":[{\"bearer\":[]},{\"cookie\":[]}],"
             "\"paths\":{");

    for (n = 0, part = hd_routes; *part; part++) {
        for (route = *part; route->path; route++) {
            if (hd_openapi_first(route)) {
                hd_openapi_path(b, route, n++);
            }
        }
    }

    hd_buf_z(b, "},\"components\":{\"securitySchemes\":{\"bearer\":{\"type\":"
             "\"http\",\"scheme\":\"bearer\"},\"cookie\":{\"type\":\"apiKey\","
             "\"in\":\"cookie\",\"name\":\"herald_session\"}},\"schemas\":{"
             "\"Problem\":{\"type\":\"object\",\"properties\":{\"type\":"
             "{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
             "\"status\":{\"type\":\"integer\"},\"code\":{\"type\":\"string\"}"
             ",\"detail\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\""
             ",\"items\":{\"type\":\"object\",\"properties\":{\"pointer\":"
             "{\"type\":\"string\"},\"code\":{\"type\":\"string\"},\"detail\":"
             "{\"type\":\"string\"}}}},\"request_id\":{\"type\":\"string\"}}"
             "}}}}");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}

/*
 * twilio_content: Twilio's content types as our template document, as far as
 * that can say them; and what became of a request for approval.
 */

#include "twilio.h"


static void
hd_twilio_lower(hd_buf_t *b, const hd_str_t *s)
{
    size_t  i;

    i = b->len;
    hd_jw_str(b, s);

    for ( /* void */ ; !b->failed && i < b->len; i++) {
        if (b->data[i] >= 'A' && b->data[i] <= 'Z') {
            b->data[i] |= 0x20;
        }
    }
}


void
hd_twilio_put_approval(hd_buf_t *b, const hd_json_t *approval)
{
    hd_str_t  s;

    s = hd_json_str(approval, "status");
    hd_buf_z(b, "\"status\":");

    if (hd_str_eq(&s, "received") || s.len == 0) {
        hd_buf_z(b, "\"pending\"");

    } else if (hd_str_eq(&s, "unsubmitted")) {
        hd_buf_z(b, "\"draft\"");

    } else {
        hd_twilio_lower(b, &s);
    }

    s = hd_json_str(approval, "category");
    hd_buf_z(b, ",\"category\":");

    if (s.len != 0) {
        hd_twilio_lower(b, &s);

    } else {
        hd_buf_z(b, "null");
    }

    s = hd_json_str(approval, "rejection_reason");
    hd_buf_char(b, ',');
    hd_twilio_put(b, "reason", &s);
}


static void
hd_twilio_put_buttons(hd_buf_t *b, const hd_json_t *content, int *partial)
{
    size_t      i;
    hd_str_t    type, s;
    hd_json_t  *list, *v;

    list = hd_json_get(content, "actions");

    if (list == NULL || list->type != HD_JSON_ARRAY) {
        return;
    }

    hd_buf_z(b, ",\"buttons\":[");

    for (v = list->child; v != NULL; v = v->next) {
        type = hd_json_str(v, "type");

        for (i = 0; i < HD_TWILIO_NBUTTONS; i++) {
            if (type.len == strlen(hd_twilio_buttons[i].type)
                && memcmp(hd_twilio_buttons[i].type, type.data, type.len) == 0)
            {
                break;
            }
        }

        if (i == HD_TWILIO_NBUTTONS) {
            /* a quick reply need not say that it is one */
            i = 0;
            *partial |= type.len != 0;
        }

        hd_buf_printf(b, "%s{\"type\":\"%s\",", v == list->child ? "" : ",",
                      hd_twilio_buttons[i].ours);
        s = hd_json_str(v, "title");
        hd_twilio_put(b, "text", &s);

        s = hd_json_str(v, i == 1 ? "url" : i == 2 ? "phone" : "code");

        if (s.len != 0 && i >= 1 && i <= 3) {
            hd_buf_char(b, ',');
            hd_twilio_put(b, i == 1 ? "url" : i == 2 ? "phone_number"
                                            : "example", &s);
        }

        hd_buf_char(b, '}');
    }

    hd_buf_char(b, ']');
}


static void
hd_twilio_put_header(hd_buf_t *b, const hd_json_t *content)
{
    hd_str_t     s;
    hd_json_t   *media;
    const char  *format;

    s = hd_json_str(content, "header_text");

    if (s.len != 0) {
        hd_buf_z(b, "\"header\":{\"format\":\"text\",");
        hd_twilio_put(b, "text", &s);
        hd_buf_z(b, "},");
        return;
    }

    media = hd_json_get(content, "media");
    media = (media && media->type == HD_JSON_ARRAY) ? media->child : NULL;

    if (media == NULL || media->type != HD_JSON_STRING) {
        return;
    }

    /* it says of no file what it is: the name tells, or it is a picture */
    s = media->str;
    format = "image";

    if (s.len > 4 && memcmp(s.data + s.len - 4, ".mp4", 4) == 0) {
        format = "video";

    } else if (s.len > 4 && memcmp(s.data + s.len - 4, ".pdf", 4) == 0) {
        format = "document";
    }

    hd_buf_printf(b, "\"header\":{\"format\":\"%s\",", format);
    hd_twilio_put(b, "link", &s);
    hd_buf_z(b, "},");
}


static void
hd_twilio_put_document(hd_buf_t *b, const hd_json_t *v)
{
    int               partial;
    hd_str_t          s;
    hd_json_t        *types, *content, *x;

    types = hd_json_get(v, "types");
    content = types ? types->child : NULL;
    partial = content == NULL || types->count != 1;

    hd_buf_z(b, "\"document\":{");

    if (content != NULL) {
        s = content->key;

        if (!hd_str_eq(&s, "twilio/text") && !hd_str_eq(&s, "twilio/media")
            && !hd_str_eq(&s, "twilio/quick-reply")
            && !hd_str_eq(&s, "twilio/call-to-action")
            && !hd_str_eq(&s, "whatsapp/card"))
        {
            partial = 1;
        }
    }

    hd_twilio_put_header(b, content);

    s = hd_json_str(content, "body");

    if (s.len == 0) {
        s = hd_json_str(content, "title");
    }

    hd_buf_z(b, "\"body\":");
    hd_jw_str(b, &s);

    s = hd_json_str(content, "footer");

    if (s.len != 0) {
        hd_buf_char(b, ',');
        hd_twilio_put(b, "footer", &s);
    }

    hd_twilio_put_buttons(b, content, &partial);

    hd_buf_z(b, ",\"variables\":{");
    x = hd_json_get(v, "variables");

    for (x = x ? x->child : NULL; x != NULL; x = x->next) {
        hd_jw_str(b, &x->key);
        hd_buf_z(b, ":{\"sample\":");
        hd_jw_str(b, &x->str);
        hd_buf_z(b, x->next ? "}," : "}");
    }

    hd_buf_printf(b, "}},\"partial\":%s,\"components\":",
                  partial ? "true" : "false");

    if (types != NULL) {
        hd_json_write(b, types);

    } else {
        hd_buf_z(b, "null");
    }
}


void
hd_twilio_put_template(hd_buf_t *b, const hd_json_t *v)
{
    hd_str_t    s;
    hd_json_t  *approval;

    hd_buf_char(b, '{');

    s = hd_json_str(v, "sid");
    hd_twilio_put(b, "id", &s);

    approval = hd_json_get(v, "approval_requests");
    s = hd_json_str(approval, "name");

    if (s.len == 0) {
        s = hd_json_str(v, "friendly_name");
    }

    hd_buf_char(b, ',');
    hd_twilio_put(b, "name", &s);

    s = hd_json_str(v, "language");
    hd_buf_char(b, ',');
    hd_twilio_put(b, "language", &s);

    hd_buf_char(b, ',');

    if (approval != NULL) {
        hd_twilio_put_approval(b, approval);

    } else {
        hd_buf_z(b, "\"status\":\"draft\",\"category\":null,\"reason\":null");
    }

    hd_buf_z(b, ",\"previous_category\":null,\"quality\":null,"
             "\"rejected_reason\":null,\"parameter_format\":\"positional\",");
    hd_twilio_put_document(b, v);
    hd_buf_char(b, '}');
}

/*
 * waha_message: the request for one message.
 *
 * WAHA has no templates: a template goes as the text that m->body is, with
 * its header's file when it has one.  It has no buttons that every engine
 * sends either, so they go as a numbered text.  What it cannot say in any
 * words (a product, a flow) is declined.
 */

#include "waha.h"


void
hd_waha_member(hd_buf_t *b, const char *name, const hd_str_t *value)
{
    if (b->len != 0 && b->data[b->len - 1] != '{') {
        hd_buf_char(b, ',');
    }

    hd_jw_z(b, name);
    hd_buf_char(b, ':');
    hd_jw_str(b, value);
}


void
hd_waha_session(hd_buf_t *b, const hd_account_t *account)
{
    hd_waha_member(b, "session", &account->number_id);
}


/* what WAHA takes for a chat, into text without its quotes */
static void
hd_waha_chat_id(hd_buf_t *b, const hd_str_t *to)
{
    size_t         i;
    unsigned char  c;

    if (to->len != 0 && memchr(to->data, '@', to->len) != NULL) {

        for (i = 0; i < to->len; i++) {
            c = to->data[i];

            if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z') || c == '@' || c == '.' || c == '-'
                || c == '_' || c == ':')
            {
                hd_buf_char(b, c);
            }
        }

        return;
    }

    for (i = 0; i < to->len; i++) {
        if (to->data[i] >= '0' && to->data[i] <= '9') {
            hd_buf_char(b, to->data[i]);
        }
    }

    hd_buf_z(b, "@c.us");
}


void
hd_waha_chat(hd_buf_t *b, const hd_str_t *to)
{
    hd_buf_char(b, '"');
    hd_waha_chat_id(b, to);
    hd_buf_char(b, '"');
}


void
hd_waha_name(hd_buf_t *b, const hd_str_t *id, const hd_str_t *to)
{
    hd_str_t  name;
    hd_buf_t  t;

    if (id->len == 0 || memchr(id->data, '_', id->len) != NULL) {
        hd_jw_str(b, id);
        return;
    }

    /* a key alone: we sent it */

    hd_buf_init(&t);
    hd_buf_z(&t, "true_");
    hd_waha_chat_id(&t, to);
    hd_buf_char(&t, '_');
    hd_buf_str(&t, id);

    name.data = t.data;
    name.len = t.len;

    if (t.failed) {
        b->failed = 1;

    } else {
        hd_jw_str(b, &name);
    }

    hd_buf_free(&t);
}


void
hd_waha_file(hd_buf_t *b, const hd_media_ref_t *media, const char *mime)
{
    hd_str_t  type;

    type = media->mime;

    if (type.len == 0) {
        type.data = (unsigned char *) mime;
        type.len = strlen(mime);
    }

    hd_buf_z(b, (b->len != 0 && b->data[b->len - 1] != '{')
                ? ",\"file\":{" : "\"file\":{");
    hd_waha_member(b, "mimetype", &type);
    hd_waha_member(b, "url", &media->link);

    if (media->filename.len != 0) {
        hd_waha_member(b, "filename", &media->filename);
    }

    hd_buf_char(b, '}');
}


/* what most requests begin with; the object stays open */
static void
hd_waha_head(hd_buf_t *b, const hd_account_t *account, const hd_message_t *m)
{
    const hd_str_t  *to;

    to = (m->to.len != 0) ? &m->to : &m->to_user_id;

    hd_buf_char(b, '{');
    hd_waha_session(b, account);
    hd_buf_z(b, ",\"chatId\":");
    hd_waha_chat(b, to);

    if (m->reply_to.len != 0 && m->type != HD_MESSAGE_REACTION) {
        hd_buf_z(b, ",\"reply_to\":");
        hd_waha_name(b, &m->reply_to, to);
    }
}


/*
 * The key that the message shall have: with our reference in it, a receipt or
 * the echo of the message says whose it is, also when no answer came.
 */
static void
hd_waha_key_of(hd_buf_t *b, const hd_message_t *m)
{
    size_t         i;
    uint32_t       seq;
    hd_uuid_t      batch;
    unsigned char  raw[20], hex[40];

    if (hd_reference_parse(&m->reference, &batch, &seq) != HD_OK) {
        return;
    }

    memcpy(raw, batch.b, 16);
    raw[16] = (unsigned char) (seq >> 24);
    raw[17] = (unsigned char) (seq >> 16);
    raw[18] = (unsigned char) (seq >> 8);
    raw[19] = (unsigned char) seq;

    hd_hex(hex, raw, sizeof(raw));

    for (i = 0; i < sizeof(hex); i++) {
        if (hex[i] >= 'a') {
            hex[i] &= (unsigned char) ~0x20;
        }
    }

    hd_buf_z(b, ",\"id\":\"3EB0");
    hd_buf_add(b, hex, sizeof(hex));
    hd_buf_char(b, '"');
}


static const char *
hd_waha_text(hd_buf_t *b, const hd_account_t *account, const hd_message_t *m,
    const hd_str_t *text)
{
    hd_waha_head(b, account, m);
    hd_waha_key_of(b, m);
    hd_waha_member(b, "text", text);
    hd_buf_z(b, ",\"linkPreview\":false}");

    return "/api/sendText";
}


static int
hd_waha_starts(const hd_str_t *s, const char *z)
{
    size_t  n;

    n = strlen(z);

    return s->len >= n && memcmp(s->data, z, n) == 0;
}


/* a file with its caption */
static const char *
hd_waha_media(hd_buf_t *b, const hd_account_t *account, const hd_message_t *m,
    hd_message_type_e type, const hd_str_t *caption)
{
    hd_json_t       *voice;
    const hd_str_t  *mime;

    mime = &m->media.mime;

    hd_waha_head(b, account, m);

    switch (type) {

    case HD_MESSAGE_IMAGE:
        hd_waha_file(b, &m->media, "image/jpeg");
        break;

    case HD_MESSAGE_VIDEO:
        hd_waha_file(b, &m->media, "video/mp4");
        hd_buf_z(b, (mime->len == 0 || hd_str_eq(mime, "video/mp4"))
                    ? ",\"asNote\":false,\"convert\":false"
                    : ",\"asNote\":false,\"convert\":true");
        break;

    case HD_MESSAGE_AUDIO:
        voice = hd_json_get(m->content, "voice");

        if ((voice != NULL && voice->type == HD_JSON_TRUE)
            || hd_waha_starts(mime, "audio/ogg") || mime->len == 0)
        {
            hd_waha_file(b, &m->media, "audio/ogg; codecs=opus");
            hd_buf_z(b, hd_waha_starts(mime, "audio/ogg")
                        ? ",\"convert\":false}" : ",\"convert\":true}");
            return "/api/sendVoice";
        }

        hd_waha_file(b, &m->media, "audio/mpeg");
        hd_buf_char(b, '}');
        return "/api/sendFile";

    default:
        hd_waha_file(b, &m->media, "application/octet-stream");
        break;
    }

    if (caption->len != 0) {
        hd_waha_member(b, "caption", caption);
    }

    hd_buf_char(b, '}');

    return type == HD_MESSAGE_IMAGE ? "/api/sendImage"
           : type == HD_MESSAGE_VIDEO ? "/api/sendVideo" : "/api/sendFile";
}


static void
hd_waha_number(hd_buf_t *b, const char *name, const hd_json_t *v)
{
    hd_buf_char(b, ',');
    hd_jw_z(b, name);
    hd_buf_char(b, ':');

    if (v != NULL && v->str.len != 0
        && (v->type == HD_JSON_NUMBER || v->type == HD_JSON_STRING))
    {
        hd_buf_str(b, &v->str);

    } else {
        hd_buf_char(b, '0');
    }
}


static const char *
hd_waha_location(hd_buf_t *b, const hd_account_t *account,
    const hd_message_t *m)
{
    size_t    n;
    hd_buf_t  t;
    hd_str_t  name, address, title;

    name = hd_json_str(m->content, "name");
    address = hd_json_str(m->content, "address");

    hd_buf_init(&t);
    hd_buf_str(&t, &name);

    if (address.len != 0) {
        n = t.len;
        hd_buf_z(&t, n ? ", " : "");
        hd_buf_str(&t, &address);
    }

    title.data = t.data;
    title.len = t.len;

    hd_waha_head(b, account, m);
    hd_waha_key_of(b, m);
    hd_waha_number(b, "latitude", hd_json_get(m->content, "latitude"));
    hd_waha_number(b, "longitude", hd_json_get(m->content, "longitude"));
    hd_waha_member(b, "title", &title);
    hd_buf_char(b, '}');

    b->failed |= t.failed;
    hd_buf_free(&t);

    return "/api/sendLocation";
}


static const char *
hd_waha_contacts(hd_buf_t *b, const hd_account_t *account,
    const hd_message_t *m)
{
    hd_json_t  *list, *c;

    list = hd_json_get(m->content, "contacts");

    hd_waha_head(b, account, m);
    hd_waha_key_of(b, m);
    hd_buf_z(b, ",\"contacts\":[");

    for (c = (list != NULL) ? list->child : NULL; c != NULL; c = c->next) {
        hd_buf_z(b, "{\"vcard\":");
        hd_waha_vcard(b, c);
        hd_buf_z(b, c->next != NULL ? "}," : "}");
    }

    hd_buf_z(b, "]}");

    return "/api/sendContactVcard";
}


static const char *
hd_waha_poll(hd_buf_t *b, const hd_account_t *account, const hd_message_t *m)
{
    hd_str_t    name;
    hd_json_t  *v, *o;

    name = hd_json_str(m->content, "name");

    hd_waha_head(b, account, m);
    hd_waha_key_of(b, m);
    hd_buf_z(b, ",\"poll\":{");
    hd_waha_member(b, "name", &name);
    hd_buf_z(b, ",\"options\":[");

    v = hd_json_get(m->content, "options");

    for (o = (v != NULL) ? v->child : NULL; o != NULL; o = o->next) {
        hd_jw_str(b, &o->str);

        if (o->next != NULL) {
            hd_buf_char(b, ',');
        }
    }

    v = hd_json_get(m->content, "multiple");

    hd_buf_z(b, (v != NULL && v->type == HD_JSON_TRUE)
                ? "],\"multipleAnswers\":true}}"
                : "],\"multipleAnswers\":false}}");

    return "/api/sendPoll";
}


static const char *
hd_waha_reaction(hd_buf_t *b, const hd_account_t *account,
    const hd_message_t *m)
{
    hd_str_t  emoji;

    emoji = hd_json_str(m->content, "emoji");

    hd_buf_char(b, '{');
    hd_waha_session(b, account);
    hd_buf_z(b, ",\"messageId\":");
    hd_waha_name(b, &m->reply_to, &m->to);
    hd_waha_member(b, "reaction", &emoji);
    hd_buf_char(b, '}');

    return "/api/reaction";
}


/* NULL: WAHA cannot say it */
static const char *
hd_waha_interactive(hd_buf_t *b, const hd_account_t *account,
    const hd_message_t *m)
{
    hd_buf_t     t;
    hd_str_t     words;
    hd_json_t   *v;
    const char  *path;

    v = hd_json_get(m->content, "interactive");

    hd_waha_head(b, account, m);

    if (hd_waha_list(b, v) == HD_OK) {
        hd_buf_char(b, '}');
        return "/api/sendList";
    }

    hd_buf_reset(b);
    hd_buf_init(&t);
    path = NULL;

    if (hd_waha_words(&t, v) == HD_OK) {
        words.data = t.data;
        words.len = t.len;

        path = (m->media.link.len == 0)
               ? hd_waha_text(b, account, m, &words)
               : hd_waha_media(b, account, m,
                     hd_json_path(v, "header.video") ? HD_MESSAGE_VIDEO
                     : hd_json_path(v, "header.document")
                       ? HD_MESSAGE_DOCUMENT : HD_MESSAGE_IMAGE, &words);
    }

    b->failed |= t.failed;
    hd_buf_free(&t);

    return path;
}


static const char *
hd_waha_template(hd_buf_t *b, const hd_account_t *account,
    const hd_message_t *m)
{
    if (m->header_format == NULL || m->media.link.len == 0) {
        return hd_waha_text(b, account, m, &m->body);
    }

    return hd_waha_media(b, account, m,
                         strcmp(m->header_format, "video") == 0
                         ? HD_MESSAGE_VIDEO
                         : strcmp(m->header_format, "document") == 0
                           ? HD_MESSAGE_DOCUMENT : HD_MESSAGE_IMAGE,
                         &m->body);
}


static const char *
hd_waha_message(hd_buf_t *b, const hd_account_t *account,
    const hd_message_t *m)
{
    hd_str_t  caption;

    switch (m->type) {

    case HD_MESSAGE_TEXT:
        return hd_waha_text(b, account, m, &m->body);

    case HD_MESSAGE_TEMPLATE:
        return hd_waha_template(b, account, m);

    case HD_MESSAGE_IMAGE:
    case HD_MESSAGE_VIDEO:
    case HD_MESSAGE_AUDIO:
    case HD_MESSAGE_DOCUMENT:
        caption = hd_json_str(m->content, "caption");
        return hd_waha_media(b, account, m, m->type, &caption);

    case HD_MESSAGE_LOCATION:
        return hd_waha_location(b, account, m);

    case HD_MESSAGE_CONTACTS:
        return hd_waha_contacts(b, account, m);

    case HD_MESSAGE_REACTION:
        return hd_waha_reaction(b, account, m);

    case HD_MESSAGE_INTERACTIVE:
        return hd_waha_interactive(b, account, m);

    case HD_MESSAGE_POLL:
        return hd_waha_poll(b, account, m);

    default:
        return NULL;
    }
}


int
hd_waha_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_message_t *message, hd_provider_request_t *out)
{
    int          rc;
    hd_buf_t     b;
    const char  *path;

    hd_buf_init(&b);

    path = hd_waha_message(&b, account, message);

    if (path == NULL) {
        hd_buf_free(&b);
        return HD_DECLINED;
    }

    rc = hd_waha_request(mem, account,
                         message->type == HD_MESSAGE_REACTION ? "PUT" : "POST",
                         path, NULL, out);

    if (rc == HD_OK) {
        rc = hd_waha_body(mem, &b, out);
    }

    hd_buf_free(&b);

    return rc;
}

/*
 * waha_inbound: what somebody wrote to us, or we by the phone (an echo).
 *
 *     payload { id, timestamp, from, fromMe, to, participant, body, hasMedia,
 *               media: { url, mimetype, filename }, location, vCards,
 *               replyTo: { id }, reaction: { text, messageId }, _data }
 *
 * `_data` is the engine's own, and differs: what only it knows (the phone
 * behind a LID, the name, the row chosen from a list) is looked for where each
 * engine has it.  The person is `participant` in a group and `from`
 * elsewhere; of an echo the other one is `to`.
 */

#include "waha.h"


static const char *const  hd_waha_message_ids[] = {
    "id._serialized", "id", "key.id", "vote.id", NULL
};

static const char *const  hd_waha_names[] = {
    "_data.notifyName", "_data.pushName", "_data.Info.PushName",
    "notifyName", "pushName", NULL
};

/* the phone, where the address is a LID */
static const char *const  hd_waha_phones[] = {
    "_data.key.senderPn", "_data.key.participantPn",
    "_data.key.participantAlt", "_data.key.remoteJidAlt",
    "_data.Info.SenderAlt", "_data.senderPn", NULL
};

static const char *const  hd_waha_choices[] = {
    "_data.listResponse.singleSelectReply.selectedRowId",
    "_data.message.listResponseMessage.singleSelectReply.selectedRowId",
    "_data.Message.listResponseMessage.singleSelectReply.selectedRowID",
    "_data.selectedButtonId",
    "_data.message.buttonsResponseMessage.selectedButtonId",
    "_data.Message.buttonsResponseMessage.selectedButtonID",
    "_data.message.templateButtonReplyMessage.selectedId", NULL
};

static const char *const  hd_waha_titles[] = {
    "_data.message.listResponseMessage.title",
    "_data.Message.listResponseMessage.title",
    "_data.listResponse.title",
    "_data.message.buttonsResponseMessage.selectedDisplayText", NULL
};


static int
hd_waha_is_true(const hd_json_t *obj, const char *key)
{
    hd_json_t  *v;

    v = hd_json_get(obj, key);

    return v != NULL && v->type == HD_JSON_TRUE;
}


static int
hd_waha_named(const hd_str_t *s, const char *z)
{
    return s->len >= strlen(z) && memcmp(s->data, z, strlen(z)) == 0;
}


/* ── what kind it is ── */

static const char *
hd_waha_media_type(const hd_str_t *mime)
{
    if (hd_waha_named(mime, "image/webp")) {
        return "sticker";
    }

    if (hd_waha_named(mime, "image/")) {
        return "image";
    }

    if (hd_waha_named(mime, "video/")) {
        return "video";
    }

    return hd_waha_named(mime, "audio/") ? "audio" : "document";
}


static const char *
hd_waha_type(const hd_json_t *p, hd_inbound_event_t *in)
{
    hd_str_t    type;
    hd_json_t  *v;

    if (in->choice.len != 0) {
        return "interactive";
    }

    v = hd_json_get(p, "media");

    if ((v != NULL && v->type == HD_JSON_OBJECT)
        || hd_waha_is_true(p, "hasMedia") || in->media_ref.len != 0)
    {
        if (in->media_mime.len != 0) {
            return hd_waha_media_type(&in->media_mime);
        }

        type = hd_json_str(hd_json_get(p, "_data"), "type");

        return hd_str_eq(&type, "image") ? "image"
               : hd_str_eq(&type, "video") ? "video"
               : hd_str_eq(&type, "sticker") ? "sticker"
               : (hd_str_eq(&type, "ptt") || hd_str_eq(&type, "audio"))
                 ? "audio" : "document";
    }

    v = hd_json_get(p, "location");

    if (v != NULL && v->type == HD_JSON_OBJECT) {
        return "location";
    }

    v = hd_json_get(p, "vCards");

    if (v != NULL && v->type == HD_JSON_ARRAY && v->count != 0) {
        return "contacts";
    }

    return "text";
}


static void
hd_waha_media(const hd_json_t *p, hd_inbound_event_t *in)
{
    hd_json_t  *media;

    media = hd_json_get(p, "media");

    in->media_ref = hd_json_str(media, "url");

    if (in->media_ref.len == 0) {
        in->media_ref = hd_json_str(p, "mediaUrl");
    }

    in->media_mime = hd_json_str(media, "mimetype");
    in->media_name = hd_json_str(media, "filename");
}


/* the titles of a poll's options that were chosen: "Good, Not bad" */
static hd_str_t
hd_waha_voted(hd_waha_event_t *e, const hd_json_t *vote)
{
    hd_buf_t    b;
    hd_str_t    s, out;
    hd_json_t  *v;

    hd_str_set(&out, "");
    hd_buf_init(&b);

    v = hd_json_get(vote, "selectedOptions");

    for (v = (v != NULL && v->type == HD_JSON_ARRAY) ? v->child : NULL;
         v != NULL; v = v->next)
    {
        hd_buf_z(&b, b.len ? ", " : "");
        hd_buf_str(&b, &v->str);
    }

    s.data = b.data;
    s.len = b.len;

    if (b.failed || hd_str_dup(e->mem, &s, &out) != HD_OK) {
        e->failed = 1;
        hd_str_set(&out, "");
    }

    hd_buf_free(&b);

    return out;
}


/* ── whose it is ── */

/* "12:3@lid" is the same person's, by one of their devices */
static void
hd_waha_lid(hd_waha_event_t *e, const hd_str_t *jid, hd_str_t *lid)
{
    hd_buf_t        b;
    unsigned char  *colon;

    *lid = *jid;

    colon = memchr(jid->data, ':', jid->len);
    if (colon == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_buf_add(&b, jid->data, (size_t) (colon - jid->data));
    hd_buf_z(&b, "@lid");

    if (hd_waha_take(e->mem, &b, lid) != HD_OK) {
        e->failed = 1;
    }

    hd_buf_free(&b);
}


static int
hd_waha_who(hd_waha_event_t *e, const hd_json_t *p,
    hd_inbound_event_t *in)
{
    hd_str_t  chat, person;

    static const char *const  authors[] = { "participant", "author", NULL };

    in->outbound = hd_waha_is_true(p, "fromMe") ? 1 : 0;

    chat = hd_json_str(p, in->outbound ? "to" : "from");

    if (hd_str_eq(&chat, "me")) {
        chat = hd_json_str(p, "to");
    }

    if (chat.len == 0 || (in->outbound && hd_waha_ends(&chat, "@c.us") == 0
                          && hd_waha_ends(&chat, "@lid") == 0
                          && hd_waha_ends(&chat, "@g.us") == 0
                          && hd_waha_ends(&chat, "@s.whatsapp.net") == 0))
    {
        /* some engines leave `to` out: the chat is in the message's name */
        chat = hd_json_str(p, "from");
    }

    person = chat;

    if (hd_waha_ends(&chat, "@g.us")) {
        in->group = chat;
        person = hd_waha_first(p, authors);

    } else if (!in->outbound) {
        /* a vote names the group in `to` */
        chat = hd_json_str(p, "to");

        if (hd_waha_ends(&chat, "@g.us")) {
            in->group = chat;
        }
    }

    in->from = hd_waha_phone(&person);

    if (in->outbound && in->group.len != 0) {
        /* we are the person */
        hd_str_set(&in->from, "");
        return HD_OK;
    }

    if (hd_waha_ends(&person, "@lid")) {
        hd_waha_lid(e, &person, &in->lid);
        person = hd_waha_first(p, hd_waha_phones);
        in->from = hd_waha_phone(&person);
    }

    return (in->from.len != 0 || in->lid.len != 0 || in->group.len != 0)
           ? HD_OK : HD_DECLINED;
}


/* ── events that are of a message, and none themselves ── */

/* the payload that has the sender in it */
static const hd_json_t *
hd_waha_part(hd_waha_event_t *e, hd_inbound_event_t *in)
{
    hd_str_t    s;
    hd_json_t  *v;
    const hd_json_t  *p;

    p = e->payload;

    if (hd_str_eq(&e->event, "message.reaction")) {
        v = hd_json_get(p, "reaction");
        hd_str_set(&in->type, "reaction");
        in->text = hd_json_str(v, "text");
        s = hd_json_str(v, "messageId");
        in->context_id = hd_waha_key(&s);

    } else if (hd_str_eq(&e->event, "message.edited")) {
        hd_str_set(&in->type, "edit");
        s = hd_json_str(p, "editedMessageId");
        in->context_id = hd_waha_key(&s);

    } else if (hd_str_eq(&e->event, "message.revoked")) {
        hd_str_set(&in->type, "revoke");
        s = hd_json_str(p, "revokedMessageId");
        in->context_id = hd_waha_key(&s);

        v = hd_json_get(p, "after");
        p = (v != NULL && v->type == HD_JSON_OBJECT) ? v
            : hd_json_get(p, "before");

        if (in->context_id.len == 0) {
            s = hd_json_str(p, "id");
            in->context_id = hd_waha_key(&s);
        }

    } else if (hd_str_eq(&e->event, "poll.vote")) {
        v = hd_json_get(p, "vote");
        hd_str_set(&in->type, "poll_vote");
        in->text = hd_waha_voted(e, v);
        s = hd_json_str(hd_json_get(p, "poll"), "id");
        in->context_id = hd_waha_key(&s);
        p = v;
    }

    return p;
}


/*
 * Its id: an edit and a revocation often carry the id of what they change, so
 * these have that of their event, or one made of both.
 */
static void
hd_waha_id(hd_waha_event_t *e, const hd_json_t *p, hd_inbound_event_t *in)
{
    hd_buf_t  b;
    hd_str_t  name, key;

    name = hd_waha_first(p, hd_waha_message_ids);
    key = hd_waha_key(&name);

    if (!hd_str_eq(&in->type, "edit") && !hd_str_eq(&in->type, "revoke")) {
        in->provider_id = in->outbound ? key : name;
        in->key = key;
        return;
    }

    if (name.len == 0 && in->context_id.len == 0) {
        return;
    }

    hd_buf_init(&b);
    hd_buf_str(&b, &in->type);
    hd_buf_char(&b, ':');
    hd_buf_str(&b, key.len ? &key : &in->context_id);

    if (hd_str_eq(&in->type, "edit")) {
        hd_buf_char(&b, ':');

        if (e->id.len != 0) {
            hd_buf_str(&b, &e->id);

        } else {
            hd_buf_int(&b, in->at);
        }
    }

    if (hd_waha_take(e->mem, &b, &in->provider_id) != HD_OK) {
        e->failed = 1;
    }

    hd_buf_free(&b);
    in->key = in->provider_id;
}


static void
hd_waha_words_of(const hd_json_t *p, hd_inbound_event_t *in)
{
    hd_str_t  s;

    static const char *const  places[] = {
        "location.description", "location.name", "location.address", NULL
    };

    in->text = hd_json_str(p, "body");

    if (in->choice.len != 0 && in->text.len == 0) {
        in->text = hd_waha_first(p, hd_waha_titles);
    }

    if (in->text.len == 0 && hd_str_eq(&in->type, "location")) {
        in->text = hd_waha_first(p, places);
    }

    if (in->text.len == 0 && hd_str_eq(&in->type, "document")) {
        s = in->media_name;
        in->text = s;
    }
}


/* the echo of what was sent by the API is known: it was sent */
static void
hd_waha_sent(hd_waha_event_t *e, const hd_inbound_event_t *in)
{
    hd_status_event_t  s;

    memset(&s, 0, sizeof(s));

    s.status = HD_STATUS_SENT;
    s.provider_id = in->provider_id;
    s.reference = in->reference;
    s.at = in->at;
    hd_str_set(&s.detail, "");

    e->sink->status(e->sink->ctx, &e->session, &s);
}


/* no text of an event is without its bytes */
static void
hd_waha_empty(hd_inbound_event_t *in)
{
    size_t     i;
    hd_str_t  *all[] = {
        &in->provider_id, &in->from, &in->user_id, &in->name, &in->type,
        &in->text, &in->context_id, &in->raw, &in->media_ref,
        &in->media_mime, &in->media_name, &in->choice, &in->group, &in->lid,
        &in->group_name, &in->key, &in->reference
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        hd_str_set(all[i], "");
    }
}


int
hd_waha_inbound(hd_waha_event_t *e)
{
    hd_str_t             s;
    const char          *type;
    hd_inbound_event_t   in;
    const hd_json_t     *p;

    memset(&in, 0, sizeof(in));

    hd_waha_empty(&in);

    p = hd_waha_part(e, &in);

    if (e->failed || p == NULL || hd_waha_who(e, p, &in) != HD_OK) {
        return HD_DECLINED;
    }

    in.at = hd_waha_time(hd_json_get(p, "timestamp"));

    if (in.at == 0) {
        in.at = e->at;
    }

    hd_waha_id(e, p, &in);

    if (in.provider_id.len == 0) {
        return HD_DECLINED;
    }

    in.name = hd_waha_first(p, hd_waha_names);

    if (in.type.len == 0) {
        hd_waha_media(p, &in);
        in.choice = hd_waha_first(p, hd_waha_choices);

        type = hd_waha_type(p, &in);
        in.type.data = (unsigned char *) type;
        in.type.len = strlen(type);

        hd_waha_words_of(p, &in);

        s = hd_json_str(hd_json_get(p, "replyTo"), "id");
        in.context_id = hd_waha_key(&s);

    } else if (hd_str_eq(&in.type, "edit")) {
        in.text = hd_json_str(p, "body");
    }

    if (in.outbound) {
        (void) hd_waha_reference(e->mem, &in.key, &in.reference);
        s = hd_json_str(p, "source");

        if (in.reference.len != 0 || hd_str_eq(&s, "api")) {
            hd_waha_sent(e, &in);
            return HD_OK;
        }
    }

    in.raw = hd_waha_raw(e, e->payload);

    if (!e->failed) {
        e->sink->inbound(e->sink->ctx, &e->session, &in);
    }

    return HD_OK;
}

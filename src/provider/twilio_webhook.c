/*
 * twilio_webhook: a callback of Twilio's, an urlencoded form.  One with a
 * Direction of its own or SmsStatus "received" is a person's message; one with
 * another MessageStatus says what became of one of ours.
 *
 * Parameters grow over time, and what is not known here is kept in `raw`, the
 * form as a JSON object.  Twilio tells no time: it is now.
 */

#include "twilio.h"


/* "whatsapp:+254712345678" to "254712345678" */
static hd_str_t
hd_twilio_digits(const hd_str_t *address)
{
    hd_str_t  s;

    s = *address;

    if (s.len > 9 && memcmp(s.data, "whatsapp:", 9) == 0) {
        s.data += 9;
        s.len -= 9;
    }

    if (s.len != 0 && s.data[0] == '+') {
        s.data++;
        s.len--;
    }

    return s;
}


static int
hd_twilio_number(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }
    }

    return s->len != 0;
}


static int
hd_twilio_raw(hd_mem_t *mem, const hd_twilio_param_t *p, size_t n,
    hd_str_t *out)
{
    int             rc;
    size_t          i, j;
    hd_buf_t        b;
    hd_str_t        s;

    hd_buf_init(&b);
    hd_buf_char(&b, '{');

    for (i = 0, j = 0; i < n; i++) {
        if (!hd_utf8_valid(p[i].key.data, p[i].key.len)) {
            continue;
        }

        s = p[i].value;

        if (!hd_utf8_valid(s.data, s.len)
            && hd_latin1_to_utf8(mem, &p[i].value, &s) != HD_OK)
        {
            continue;
        }

        if (j++ != 0) {
            hd_buf_char(&b, ',');
        }

        hd_jw_str(&b, &p[i].key);
        hd_buf_char(&b, ':');
        hd_jw_str(&b, &s);
    }

    hd_buf_char(&b, '}');
    rc = hd_twilio_take(mem, &b, out);
    hd_buf_free(&b);

    return rc;
}


static int
hd_twilio_status_word(const hd_str_t *word, hd_status_e *status)
{
    size_t  i;

    static const struct {
        const char   *word;
        hd_status_e   status;
    } words[] = {
        { "sent", HD_STATUS_SENT },
        { "delivered", HD_STATUS_DELIVERED },
        { "read", HD_STATUS_READ },
        { "undelivered", HD_STATUS_FAILED },
        { "failed", HD_STATUS_FAILED },
        { "canceled", HD_STATUS_FAILED }
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (word->len == strlen(words[i].word)
            && memcmp(word->data, words[i].word, word->len) == 0)
        {
            *status = words[i].status;
            return HD_OK;
        }
    }

    return HD_ERROR;
}


/* queued, sending, accepted, scheduled: it has not risen yet */
static int
hd_twilio_status_early(const hd_str_t *word)
{
    return hd_str_eq(word, "queued") || hd_str_eq(word, "sending")
           || hd_str_eq(word, "accepted") || hd_str_eq(word, "scheduled");
}


static void
hd_twilio_status(hd_mem_t *mem, hd_twilio_param_t *p, size_t n,
    const hd_str_t *word, hd_status_e status, hd_webhook_sink_t *sink)
{
    int                 code;
    size_t              i, nargs;
    hd_str_t            text, none = hd_str("");
    hd_status_event_t   e;
    hd_twilio_param_t  *args;

    memset(&e, 0, sizeof(e));

    e.status = status;
    e.provider_id = hd_twilio_param(p, n, "MessageSid");
    e.reference = none;
    e.detail = none;

    if (hd_twilio_form(mem, &sink->args, &args, &nargs) == HD_OK) {
        e.reference = hd_twilio_param(args, nargs, "ref");
    }

    if (status == HD_STATUS_FAILED) {
        text = hd_twilio_param(p, n, "ErrorCode");
        code = 0;

        for (i = 0; i < text.len && i < 7 && hd_twilio_number(&text); i++) {
            code = code * 10 + (text.data[i] - '0');
        }

        e.code = code ? code : -1;
        e.detail = hd_twilio_param(p, n, "ErrorMessage");

        if (e.detail.len == 0) {
            e.detail = hd_twilio_param(p, n, "ChannelStatusMessage");
        }

        if (e.detail.len == 0 && hd_str_eq(word, "canceled")) {
            hd_str_set(&e.detail, "It was cancelled at Twilio.");
        }
    }

    sink->status(sink->ctx, &none, &e);
}


/* an e-mail address of kinds: image, audio, video, document */
static const char *
hd_twilio_kind(const hd_str_t *mime)
{
    if (mime->len > 6 && memcmp(mime->data, "image/", 6) == 0) {
        return hd_str_eq(mime, "image/webp") ? "sticker" : "image";
    }

    if (mime->len > 6 && memcmp(mime->data, "audio/", 6) == 0) {
        return "audio";
    }

    if (mime->len > 6 && memcmp(mime->data, "video/", 6) == 0) {
        return "video";
    }

    return "document";
}


static void
hd_twilio_type(hd_twilio_param_t *p, size_t n, hd_inbound_event_t *e)
{
    const char  *kind;

    e->media_ref = hd_twilio_param(p, n, "MediaUrl0");
    e->media_mime = hd_twilio_param(p, n, "MediaContentType0");
    e->choice = hd_twilio_param(p, n, "ButtonPayload");

    if (e->choice.len == 0) {
        e->choice = hd_twilio_param(p, n, "ListId");
    }

    if (e->media_ref.len != 0) {
        kind = hd_twilio_kind(&e->media_mime);

    } else if (hd_twilio_param(p, n, "Latitude").len != 0) {
        kind = "location";

        if (e->text.len == 0) {
            e->text = hd_twilio_param(p, n, "Label");
        }

    } else if (hd_twilio_param(p, n, "ButtonText").len != 0) {
        kind = "button";

        if (e->text.len == 0) {
            e->text = hd_twilio_param(p, n, "ButtonText");
        }

    } else {
        kind = "text";
    }

    e->type.data = (unsigned char *) kind;
    e->type.len = strlen(kind);
}


static int
hd_twilio_word(const hd_str_t *s, const char *word)
{
    size_t  i;

    for (i = 0; i < s->len && word[i] != '\0'; i++) {
        if ((s->data[i] >= 'a' && s->data[i] <= 'z' ? s->data[i] & ~0x20
                                                    : s->data[i])
            != (unsigned char) word[i])
        {
            return 0;
        }
    }

    return i == s->len && word[i] == '\0';
}


/*
 * Of SMS: a word alone stops or resumes what is sent from this number (Twilio
 * refuses it by itself then, with 21610).  OptOutType says so where Twilio's
 * advanced opt-out knows other words.
 */
static hd_effect_e
hd_twilio_wish(hd_twilio_param_t *p, size_t n, const hd_inbound_event_t *e)
{
    size_t    i;
    hd_str_t  s;

    static const char  *stop[] = {
        "STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE",
        "OPTOUT"
    };
    static const char  *start[] = { "START", "UNSTOP", "YES" };

    s = hd_twilio_param(p, n, "From");

    if (s.len == 0 || s.data[0] != '+') {
        return HD_EFFECT_NONE;
    }

    s = hd_twilio_param(p, n, "OptOutType");

    if (s.len == 0) {
        s = e->text;

        while (s.len != 0 && s.data[s.len - 1] <= ' ') {
            s.len--;
        }

        while (s.len != 0 && s.data[0] <= ' ') {
            s.data++;
            s.len--;
        }
    }

    for (i = 0; i < sizeof(stop) / sizeof(stop[0]); i++) {
        if (hd_twilio_word(&s, stop[i])) {
            return HD_EFFECT_PAUSE;
        }
    }

    for (i = 0; i < sizeof(start) / sizeof(start[0]); i++) {
        if (hd_twilio_word(&s, start[i])) {
            return HD_EFFECT_CLEAR;
        }
    }

    return HD_EFFECT_NONE;
}


static void
hd_twilio_preference(hd_mem_t *mem, const hd_inbound_event_t *e,
    hd_effect_e effect, hd_webhook_sink_t *sink)
{
    hd_fact_t         *f;
    hd_other_event_t   o;

    f = hd_calloc(mem, sizeof(hd_fact_t));

    if (f == NULL) {
        sink->bad(sink->ctx, "out of memory");
        return;
    }

    f->kind = HD_FACT_PREFERENCE;
    f->effect = effect;
    f->limit = HD_FACT_UNSAID;
    f->rate = HD_FACT_UNSAID;
    hd_str_set(&f->status, "stop");
    f->from = e->from;
    hd_str_set(&f->number, "");
    hd_str_set(&f->quality, "");
    hd_str_set(&f->name, "");
    hd_str_set(&f->language, "");
    hd_str_set(&f->category, "");
    hd_str_set(&f->reason, "");
    hd_str_set(&f->user_id, "");

    if (effect == HD_EFFECT_CLEAR) {
        hd_str_set(&f->status, "resume");
    }

    memset(&o, 0, sizeof(o));
    hd_str_set(&o.number_id, "");
    hd_str_set(&o.business_id, "");
    hd_str_set(&o.field, "opt_out");
    o.raw = e->raw;
    o.facts = f;

    sink->other(sink->ctx, &o);
}


static void
hd_twilio_inbound(hd_mem_t *mem, hd_twilio_param_t *p, size_t n,
    hd_webhook_sink_t *sink)
{
    hd_effect_e         wish;
    hd_str_t            from, user, none = hd_str("");
    hd_inbound_event_t  e;

    memset(&e, 0, sizeof(e));

    e.provider_id = hd_twilio_param(p, n, "MessageSid");

    if (e.provider_id.len == 0) {
        e.provider_id = hd_twilio_param(p, n, "SmsSid");
    }

    from = hd_twilio_param(p, n, "From");
    from = hd_twilio_digits(&from);
    user = hd_twilio_param(p, n, "ExternalUserId");
    user = hd_twilio_digits(&user);

    e.from = none;
    e.user_id = none;

    if (hd_twilio_number(&from)) {
        e.from = from;

    } else if (from.len != 0) {
        /* a person without a phone: "US.1234" */
        user = from;
    }

    if (user.len > 3 && user.data[2] == '.') {
        e.user_id = user;
    }

    e.name = hd_twilio_param(p, n, "ProfileName");
    e.text = hd_twilio_param(p, n, "Body");
    e.context_id = hd_twilio_param(p, n, "OriginalRepliedMessageSid");
    e.media_name = none;
    e.group = none;
    e.lid = none;

    hd_twilio_type(p, n, &e);

    if (hd_twilio_raw(mem, p, n, &e.raw) != HD_OK) {
        sink->bad(sink->ctx, "out of memory");
        return;
    }

    if (e.provider_id.len == 0 || (e.from.len == 0 && e.user_id.len == 0)) {
        sink->bad(sink->ctx, "a message without MessageSid or From");
        return;
    }

    sink->inbound(sink->ctx, &none, &e);

    wish = e.from.len ? hd_twilio_wish(p, n, &e) : HD_EFFECT_NONE;

    if (wish != HD_EFFECT_NONE) {
        hd_twilio_preference(mem, &e, wish, sink);
    }
}


/* whatever else: a JSON body, or a form that is no message's */
static int
hd_twilio_other(hd_mem_t *mem, const hd_str_t *body, hd_twilio_param_t *p,
    size_t n, hd_webhook_sink_t *sink)
{
    hd_json_error_t   err;
    hd_other_event_t  e;

    memset(&e, 0, sizeof(e));

    hd_str_set(&e.number_id, "");
    hd_str_set(&e.business_id, "");
    hd_str_set(&e.field, "twilio");

    if (body != NULL
        && hd_json_parse_foreign(mem, body->data, body->len, 32, &err))
    {
        e.raw = *body;

    } else if (hd_twilio_raw(mem, p, n, &e.raw) != HD_OK) {
        return HD_ERROR;
    }

    sink->other(sink->ctx, &e);

    return HD_OK;
}


int
hd_twilio_webhook(hd_mem_t *mem, const hd_str_t *body,
    hd_webhook_sink_t *sink, hd_json_error_t *err)
{
    size_t              n;
    hd_str_t            word, sms;
    hd_status_e         status;
    hd_twilio_param_t  *p;

    if (body->len != 0 && (body->data[0] == '{' || body->data[0] == '[')) {
        return hd_twilio_other(mem, body, NULL, 0, sink);
    }

    if (hd_twilio_form(mem, body, &p, &n) != HD_OK || n == 0) {
        err->offset = 0;
        strcpy(err->text, "this is no form of Twilio's");
        return HD_ERROR;
    }

    word = hd_twilio_param(p, n, "MessageStatus");
    sms = hd_twilio_param(p, n, "SmsStatus");

    if (word.len == 0) {
        word = sms;
    }

    if (hd_str_eq(&word, "received") || hd_str_eq(&word, "receiving")) {
        hd_twilio_inbound(mem, p, n, sink);
        return HD_OK;
    }

    if (hd_twilio_param(p, n, "MessageSid").len != 0 && word.len != 0) {

        if (hd_twilio_status_word(&word, &status) == HD_OK) {
            hd_twilio_status(mem, p, n, &word, status, sink);
            return HD_OK;
        }

        if (hd_twilio_status_early(&word)) {
            return HD_OK;
        }
    }

    return hd_twilio_other(mem, NULL, p, n, sink);
}

/*
 * A person's story in order and in plain words.
 *
 * Lines are sorted by an order of their own: the provider's times have whole
 * seconds, so "sent" would stand before the answer that it follows.  What has
 * no time, because it is so now, stands at the end.
 */

#include "story.h"

#include <stdarg.h>


hd_line_t *
hd_tell(hd_teller_t *t, int64_t at, const char *event, const char *fmt, ...)
{
    char          text[1024];
    int           n;
    va_list       args;
    hd_str_t      s;
    hd_line_t    *l;

    static hd_line_t  nowhere;

    if (t->n == HD_STORY_LINES) {
        return &nowhere;
    }

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    l = &t->lines[t->n];

    s.data = (u_char *) text;
    s.len = ngx_min((size_t) (n > 0 ? n : 0), sizeof(text) - 1);

    if (hd_str_dup(&t->req->mem, &s, &l->words) != HD_OK) {
        t->failed = 1;
        return &nowhere;
    }

    l->at = at;
    l->order = at ? at : HD_STORY_NOW;
    l->event = event;
    t->n++;

    return l;
}


/* ── before anything is sent ── */

static void
hd_story_begin(hd_teller_t *t)
{
    hd_story_t  *s = t->s;

    if (!s->broadcast) {
        (void) hd_tell(t, s->created, "submitted", "The message was taken.");

        if (s->send_at) {
            (void) hd_tell(t, s->created, "scheduled",
                           "It was given a time of its own.");
        }

        return;
    }

    (void) hd_tell(t, s->created, "created", "The broadcast \"%s\" was made.",
                   hd_story_z(&s->name));

    if (s->launched > s->created) {
        (void) hd_tell(t, s->launched, "launched", "It was launched.");
    }

    if (hd_str_eq(&s->status, "draft")) {
        (void) hd_tell(t, 0, "draft", "It is a draft: nothing is sent before "
                       "it is launched.");
        return;
    }

    if (s->started == 0) {
        (void) hd_tell(t, s->send_at, "scheduled", "It begins, and its "
                       "audience is fixed%s%s%s.",
                       s->tag.len ? ": everybody with the tag \"" : "",
                       hd_story_z(&s->tag), s->tag.len ? "\"" : "");
        return;
    }

    if (s->delivery) {
        (void) hd_tell(t, s->started, "frozen", "The audience was fixed: %lld "
                       "people, of whom this is number %lld.",
                       (long long) s->total, (long long) s->seq);

    } else {
        (void) hd_tell(t, s->started, "frozen", "The audience was fixed: %lld "
                       "people, and not this one.", (long long) s->total);
    }
}


/* no row of the ledger: why not */
static const char *
hd_story_absent(hd_teller_t *t, const char **state)
{
    hd_line_t   *l;
    hd_story_t  *s = t->s;

    *state = hd_str_eq(&s->status, "draft") ? "not_launched"
             : s->started == 0 ? "not_begun" : "not_in_audience";

    if (!s->known) {
        l = hd_tell(t, 0, "not_in_audience", "There is no such contact: it "
                    "was deleted, or never was there.");
        return hd_story_z(&l->words);
    }

    if (s->started == 0) {
        if (!s->tagged) {
            l = hd_tell(t, 0, "not_in_audience", "The person has not the tag "
                        "\"%s\" now, and would not be in the audience.",
                        hd_story_z(&s->tag));
            l->fix = "Add the tag before the broadcast begins.";

        } else {
            l = hd_tell(t, 0, "in_audience", "The person would be in the "
                        "audience now.");
        }

        return hd_str_eq(&s->status, "draft")
               ? "Nothing was sent: the broadcast is a draft."
               : hd_str_eq(&s->status, "cancelled")
               ? "Nothing was sent: the broadcast was cancelled before it "
                 "began."
               : "Nothing was sent yet: the broadcast has not begun.";
    }

    if (s->contact_created > s->started) {
        l = hd_tell(t, s->contact_created, "not_in_audience", "The contact "
                    "was made after the audience had been fixed.");

    } else if (!s->tagged) {
        l = hd_tell(t, 0, "not_in_audience", "The person has not the tag "
                    "\"%s\".", hd_story_z(&s->tag));

    } else if (s->tag.len) {
        l = hd_tell(t, 0, "not_in_audience", "The person has the tag \"%s\" "
                    "now, and had not when the audience was fixed.",
                    hd_story_z(&s->tag));

    } else {
        l = hd_tell(t, 0, "not_in_audience", "The person was not in the "
                    "audience when it was fixed.");
    }

    l->fix = "Send to them in another broadcast.";

    return hd_story_z(&l->words);
}


static void
hd_story_share(hd_teller_t *t)
{
    hd_story_t  *s = t->s;

    if (!s->broadcast) {
        return;
    }

    if (s->variant < 0 || hd_str_eq(&s->reason, "holdout")) {
        (void) hd_tell(t, s->started, "holdout", "One of the holdout group, "
                       "%lld %% of the audience, who get nothing so that the "
                       "effect can be compared.", (long long) s->holdout);
        return;
    }

    if (s->variants > 1) {
        (void) hd_tell(t, s->started, "variant", "Gets variant %c, the "
                       "template \"%s\"%s.", 'A' + (int) s->variant,
                       hd_story_z(&s->template),
                       s->winner == s->variant ? ", which won the test" : "");
    }

    if (hd_str_eq(&s->stage, "wave")) {
        (void) hd_tell(t, s->started, "stage", "Goes with the wave of %s "
                       "(%s).", hd_story_z(&s->stage_opens_local),
                       hd_story_z(&s->zone));

    } else if (hd_str_eq(&s->stage, "test")) {
        (void) hd_tell(t, s->started, "stage", "Is one of the first %lld, "
                       "with whom the variants are tested.",
                       (long long) s->stage_to);

    } else if (hd_str_eq(&s->stage, "ramp")) {
        (void) hd_tell(t, s->started, "stage", "Belongs to the step of the "
                       "ramp that goes to number %lld.",
                       (long long) s->stage_to);
    }
}


/* ── how it ended, or what it waits for ── */

static void
hd_story_end(hd_teller_t *t)
{
    int64_t      at;
    hd_line_t   *l;
    hd_story_t  *s = t->s;

    if (t->told_end) {
        return;
    }

    if (hd_str_eq(&s->state, "skipped") && !hd_str_eq(&s->reason, "holdout"))
    {
        at = hd_str_eq(&s->reason, "expired") ? s->expires : s->finished;

        l = hd_tell(t, at, hd_str_eq(&s->reason, "cancelled") ? "cancelled"
                    : hd_str_eq(&s->reason, "expired") ? "expired"
                    : "skipped", "Not sent: %s.",
                    hd_story_clause(&s->reason));
        l->fix = hd_reason_find(&s->reason)->fix;

    } else if (hd_str_eq(&s->state, "failed")) {
        l = hd_tell(t, 0, "failed", "It failed: %s.", s->has_code
                    ? hd_error_find(s->code)->words
                    : hd_story_clause(&s->reason));
        l->fix = hd_reason_find(&s->reason)->fix;

        if (s->has_code) {
            hd_story_code(l, s->code);
        }
    }
}


static void
hd_story_waits(hd_teller_t *t)
{
    hd_line_t          *l;
    hd_story_t         *s = t->s;
    const hd_reason_t  *r;

    if (s->broadcast && hd_str_eq(&s->status, "paused")) {
        r = hd_reason_pause(&s->pause_reason);
        l = hd_tell(t, 0, "paused", "The broadcast is paused: %s.",
                    s->pause_detail.len ? hd_story_z(&s->pause_detail)
                                        : r->words);
        l->fix = r->fix;
    }

    if (s->account_status.len && !hd_str_eq(&s->account_status, "connected"))
    {
        l = hd_tell(t, 0, "number", "The number \"%s\" is %s: nothing is "
                    "sent from it.", hd_story_z(&s->account),
                    hd_story_z(&s->account_status));
        l->fix = "See the number's page for what to do.";
    }

    if (s->stage.len && s->stage_opened == 0) {
        (void) hd_tell(t, 0, "stage", hd_str_eq(&s->stage, "wave")
                       ? "Its wave has not begun." : "Its step of the "
                       "broadcast is not open: the one before it is still "
                       "being sent, or judged.");
    }

    if (s->next_try) {
        (void) hd_tell(t, s->next_try, "next_try", "It is tried not before "
                       "this: %s (%s).", hd_story_z(&s->next_try_local),
                       hd_story_z(&s->zone));
    }

    if (s->expires) {
        (void) hd_tell(t, s->expires, "expires", "After this it is not sent "
                       "any more.");
    }
}


/* ── as JSON ── */

static void
hd_story_str(hd_buf_t *b, const char *name, const hd_str_t *s)
{
    hd_buf_z(b, name);

    if (s->len) {
        hd_jw_str(b, s);

    } else {
        hd_buf_z(b, "null");
    }
}


static void
hd_story_time(hd_buf_t *b, const char *name, int64_t at)
{
    u_char  text[HD_RFC3339_LEN + 8];
    size_t  n;

    hd_buf_z(b, name);

    if (at == 0) {
        hd_buf_z(b, "null");
        return;
    }

    n = hd_time_format(text, at);
    hd_buf_char(b, '"');
    hd_buf_add(b, text, n);
    hd_buf_char(b, '"');
}


static void
hd_story_line(hd_buf_t *b, hd_line_t *l)
{
    hd_story_time(b, "{\"at\":", l->at);
    hd_buf_z(b, ",\"event\":");
    hd_jw_z(b, l->event);
    hd_buf_z(b, ",\"words\":");
    hd_jw_str(b, &l->words);

    if (l->has_code) {
        hd_buf_printf(b, ",\"code\":%d", l->code);
    }

    if (l->fix) {
        hd_buf_z(b, ",\"fix\":");
        hd_jw_z(b, l->fix);
    }

    if (l->detail.len) {
        hd_story_str(b, ",\"detail\":", &l->detail);
    }

    hd_buf_char(b, '}');
}


/* few lines, nearly in order, and equal ones stay as they were told */
static void
hd_story_sort(hd_teller_t *t)
{
    hd_line_t   l;
    ngx_uint_t  i, j;

    for (i = 1; i < t->n; i++) {
        l = t->lines[i];

        for (j = i; j > 0 && t->lines[j - 1].order > l.order; j--) {
            t->lines[j] = t->lines[j - 1];
        }

        t->lines[j] = l;
    }
}


static void
hd_story_tell(hd_teller_t *t, const char **state, char *summary, size_t size)
{
    ngx_uint_t   i;
    hd_story_t  *s = t->s;

    hd_story_begin(t);

    if (!s->delivery) {
        snprintf(summary, size, "%s", hd_story_absent(t, state));
        return;
    }

    *state = hd_str_eq(&s->state, "played") ? "read" : hd_story_z(&s->state);

    hd_story_share(t);

    for (i = 0; i < s->nevents; i++) {
        hd_story_event(t, &s->events[i]);
    }

    hd_story_ticks(t);
    hd_story_end(t);

    if (hd_str_eq(&s->state, "queued")
        || (hd_str_eq(&s->state, "unknown") && s->next_try))
    {
        hd_story_waits(t);
    }

    hd_story_summary(s, summary, size);
}


void
hd_story_write(hd_req_t *req, hd_story_t *s, hd_buf_t *b)
{
    char          summary[512];
    hd_str_t      text;
    ngx_uint_t    i;
    const char   *state;
    hd_teller_t   t;

    ngx_memzero(&t, sizeof(hd_teller_t));

    t.req = req;
    t.s = s;
    t.lines = hd_calloc(&req->mem, HD_STORY_LINES * sizeof(hd_line_t));

    if (t.lines == NULL) {
        b->failed = 1;
        return;
    }

    hd_story_tell(&t, &state, summary, sizeof(summary));
    hd_story_sort(&t);

    if (s->contact.len) {
        hd_story_str(b, "{\"contact\":{\"id\":", &s->contact);
        hd_story_str(b, ",\"name\":", &s->contact_name);
        hd_story_str(b, ",\"phone\":", &s->phone);
        hd_story_str(b, ",\"time_zone\":", &s->zone);
        hd_buf_char(b, '}');

    } else {
        hd_buf_z(b, "{\"contact\":null");
    }

    hd_buf_z(b, ",\"state\":");
    hd_jw_z(b, state);

    text.data = (u_char *) summary;
    text.len = ngx_strlen(summary);

    hd_buf_z(b, ",\"summary\":");
    hd_jw_str(b, &text);

    hd_story_time(b, ",\"next_try_at\":", s->delivery ? s->next_try : 0);
    hd_buf_z(b, ",\"story\":[");

    for (i = 0; i < t.n; i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        hd_story_line(b, &t.lines[i]);
    }

    hd_buf_z(b, "]}");

    b->failed |= t.failed;
}

/*
 * What happened to one message, line by line: the events that were kept
 * because something did not go straight, and the ticks of the straight way,
 * which the delivery itself remembers.
 */

#include "story.h"


/* the gates that this message had to pass, by what is set up now */
static void
hd_story_gates(hd_story_t *s, char *text, size_t size)
{
    size_t      n;
    ngx_uint_t  marketing;

    marketing = hd_str_eq(&s->category, "m");
    n = 0;
    text[0] = '\0';

#define HD_GATE(cond, ...)                                                    \
    if ((cond) && n + 64 < size) {                                            \
        n += snprintf(text + n, size - n, "%s", n ? ", " : "");               \
        n += snprintf(text + n, size - n, __VA_ARGS__);                       \
    }

    HD_GATE(marketing, "opt-out");
    HD_GATE(1, "suppression list");
    HD_GATE(marketing && s->cap, "frequency cap (%lld in %lld days)",
            (long long) s->cap, (long long) s->cap_days);
    HD_GATE(marketing && s->quiet, "quiet hours");
    HD_GATE(s->templated, "state of the template");
    HD_GATE(!s->templated, "24-hour window");
    HD_GATE(s->portfolio, "portfolio's people a day");
    HD_GATE(s->spend, "spend limit");
    HD_GATE(1, "limits of the number and of the pair");

#undef HD_GATE
}


/* a code in words, with its fix; the detail is the provider's */
void
hd_story_code(hd_line_t *l, int code)
{
    l->has_code = 1;
    l->code = code;
    l->fix = hd_error_find(code)->fix;
}


static void
hd_story_until(hd_story_event_t *e, const char *before, char *text,
    size_t size)
{
    text[0] = '\0';

    if (e->next_try.len) {
        snprintf(text, size, "%s%s (%s)", before, hd_story_z(&e->next_try),
                 hd_story_z(&e->zone));
    }
}


static void
hd_story_limits(hd_story_t *s, hd_story_event_t *e, char *text, size_t size)
{
    text[0] = '\0';

    if (hd_str_eq(&e->reason, "frequency_cap") && s->cap) {
        snprintf(text, size, " (%lld in %lld days)", (long long) s->cap,
                 (long long) s->cap_days);
    }
}


/* refused, or a status that says it failed */
static void
hd_story_refused(hd_teller_t *t, hd_story_event_t *e, ngx_uint_t status)
{
    char         again[160], who[64];
    hd_line_t   *l;
    const char  *words;

    hd_story_until(e, "; it is tried again, not before ", again,
                   sizeof(again));

    if (status) {
        snprintf(who, sizeof(who), "WhatsApp reported that it failed");

    } else if (e->attempt) {
        snprintf(who, sizeof(who), "Attempt %d failed", (int) e->attempt);

    } else {
        snprintf(who, sizeof(who), "The attempt failed");
    }

    words = e->has_code ? hd_error_find(e->code)->words
                        : hd_story_clause(&e->reason);

    l = hd_tell(t, e->at, status ? "failed_status" : "rejected", "%s: %s%s.",
                who, words, again);
    l->detail = e->detail;
    l->fix = hd_reason_find(&e->reason)->fix;

    if (e->has_code) {
        hd_story_code(l, e->code);
    }

    if (e->next_try.len == 0) {
        t->told_end = 1;
    }
}


void
hd_story_event(hd_teller_t *t, hd_story_event_t *e)
{
    char         until[160], limit[64];
    hd_line_t   *l;
    hd_story_t  *s = t->s;

    hd_story_limits(s, e, limit, sizeof(limit));

    if (hd_str_eq(&e->event, "deferred")) {
        hd_story_until(e, ", so it waits until ", until, sizeof(until));
        l = hd_tell(t, e->at, "deferred", "Held back: %s%s%s.",
                    hd_story_clause(&e->reason), limit, until);
        l->fix = hd_reason_find(&e->reason)->fix;

    } else if (hd_str_eq(&e->event, "skipped")) {
        l = hd_tell(t, e->at, hd_str_eq(&e->reason, "cancelled") ? "cancelled"
                    : hd_str_eq(&e->reason, "expired") ? "expired"
                    : "skipped", "Not sent: %s%s.",
                    hd_story_clause(&e->reason), limit);
        l->fix = hd_reason_find(&e->reason)->fix;
        t->told_end = 1;

    } else if (hd_str_eq(&e->event, "rejected")) {
        hd_story_refused(t, e, 0);
        return;

    } else if (hd_str_eq(&e->event, "status")) {
        hd_story_refused(t, e, 1);
        return;

    } else if (hd_str_eq(&e->event, "unknown")) {
        hd_story_until(e, "; the account's policy tries it again after ",
                       until, sizeof(until));
        l = hd_tell(t, e->at, "unknown", "It is not known whether it "
                    "arrived: %s%s.", hd_story_clause(&e->reason),
                    until[0] ? until : "; it is held, so that nobody gets it "
                    "twice");
        l->fix = hd_reason_find(&e->reason)->fix;

    } else if (hd_str_eq(&e->event, "returned")) {
        l = hd_tell(t, e->at, "returned", "Taken back before it was written: "
                    "%s. The attempt does not count.",
                    hd_story_clause(&e->reason));

    } else if (hd_str_eq(&e->event, "resend")) {
        l = hd_tell(t, e->at, "resend", "Somebody sent it again: it went "
                    "back to the queue%s.", e->reason.len
                    ? ", though it may have arrived before" : "");
        t->told_end = 0;

    } else if (hd_str_eq(&e->event, "fallback")) {
        l = hd_tell(t, e->at, "fallback", "More than 24 hours had passed "
                    "since the person last wrote: the fallback goes instead "
                    "of the text.");

    } else {
        l = hd_tell(t, e->at, "note", "%s.", hd_story_clause(&e->reason));
    }

    l->detail = e->detail;
}


/* a tick: never before the one that it follows */
static void
hd_story_tick(hd_teller_t *t, int64_t at, const char *event,
    const char *words, const hd_str_t *detail)
{
    hd_line_t  *l;

    if (at == 0) {
        return;
    }

    l = hd_tell(t, at, event, "%s", words);

    t->last = ngx_max(t->last, at);
    l->order = t->last;

    if (detail && detail->len) {
        l->detail = *detail;
    }
}


void
hd_story_ticks(hd_teller_t *t)
{
    char         gates[400];
    hd_line_t   *l;
    hd_story_t  *s = t->s;

    if (s->claimed) {
        hd_story_gates(s, gates, sizeof(gates));

        if (s->attempts) {
            l = hd_tell(t, s->claimed, "attempt", "Attempt %lld was made: "
                        "every gate let it pass (%s).",
                        (long long) s->attempts, gates);

        } else {
            l = hd_tell(t, s->claimed, "attempt", "An attempt was made: every "
                        "gate let it pass (%s).", gates);
        }

        t->last = l->order;
    }

    hd_story_tick(t, s->accepted, "accepted", "WhatsApp took it.",
                  &s->provider_id);
    hd_story_tick(t, s->sent, "sent", "WhatsApp sent it on.",
                  s->accepted ? NULL : &s->provider_id);
    hd_story_tick(t, s->delivered, "delivered", "It reached their phone.",
                  NULL);
    hd_story_tick(t, s->read, "read", "They read it.", NULL);
    hd_story_tick(t, s->replied, "replied", "They answered.", NULL);
}

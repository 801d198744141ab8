/*
 * A person's story in one sentence: what somebody reads who reads no more.
 */

#include "story.h"


static void
hd_story_summary_queued(hd_story_t *s, char *text, size_t size)
{
    if (s->broadcast && hd_str_eq(&s->status, "paused")) {
        snprintf(text, size, "Not sent yet: the broadcast is paused (%s).",
                 s->pause_detail.len
                 ? hd_story_z(&s->pause_detail)
                 : hd_reason_pause(&s->pause_reason)->words);

    } else if (s->account_status.len
               && !hd_str_eq(&s->account_status, "connected"))
    {
        snprintf(text, size, "Not sent yet: the number \"%s\" is %s.",
                 hd_story_z(&s->account), hd_story_z(&s->account_status));

    } else if (s->next_try && s->reason.len) {
        snprintf(text, size, "Not sent yet: %s. It is tried not before %s "
                 "(%s).", hd_story_clause(&s->reason),
                 hd_story_z(&s->next_try_local), hd_story_z(&s->zone));

    } else if (s->next_try) {
        snprintf(text, size, "Not sent yet: it goes at %s (%s).",
                 hd_story_z(&s->next_try_local), hd_story_z(&s->zone));

    } else if (hd_str_eq(&s->stage, "wave") && s->stage_opened == 0) {
        snprintf(text, size, "Not sent yet: its wave begins at %s (%s).",
                 hd_story_z(&s->stage_opens_local), hd_story_z(&s->zone));

    } else if (s->stage.len && s->stage_opened == 0) {
        snprintf(text, size, "Not sent yet: its step of the broadcast is not "
                 "open.");

    } else {
        snprintf(text, size, "Not sent yet: it is in the queue, and its turn "
                 "comes.");
    }
}


void
hd_story_summary(hd_story_t *s, char *text, size_t size)
{
    size_t       n;
    const char  *verb;

    if (hd_str_eq(&s->state, "queued")) {
        hd_story_summary_queued(s, text, size);
        return;
    }

    if (hd_str_eq(&s->state, "sending")) {
        snprintf(text, size, "It is being sent at this moment.");
        return;
    }

    if (hd_str_eq(&s->state, "unknown")) {
        snprintf(text, size, "It is not known whether it arrived: %s. It is "
                 "%s.", hd_story_clause(&s->reason), s->next_try
                 ? "tried again, as the account's policy says"
                 : "held, so that nobody gets it twice");
        return;
    }

    if (hd_str_eq(&s->state, "skipped")) {
        snprintf(text, size, "It was not sent: %s.",
                 hd_story_clause(&s->reason));
        return;
    }

    if (hd_str_eq(&s->state, "failed")) {
        snprintf(text, size, "It failed: %s.", s->has_code
                 ? hd_error_find(s->code)->words
                 : hd_story_clause(&s->reason));
        return;
    }

    verb = hd_str_eq(&s->state, "accepted") ? "WhatsApp took it, and has not "
                                              "said more:"
           : hd_str_eq(&s->state, "sent") ? "WhatsApp sent it, and their "
                                            "phone has not taken it yet:"
           : hd_str_eq(&s->state, "delivered") ? "They got it, and have not "
                                                 "read it as far as is known:"
           : hd_str_eq(&s->state, "played") ? "They played it:"
           : "They read it:";

    n = snprintf(text, size, "%s %s (%s)", verb, hd_story_z(&s->state_local),
                 hd_story_z(&s->zone));

    if (n < size && s->replied) {
        snprintf(text + n, size - n, ", and answered at %s.",
                 hd_story_z(&s->replied_local));

    } else if (n + 1 < size) {
        text[n] = '.';
        text[n + 1] = '\0';
    }
}

/*
 * Reasons in plain words: data, not code.  Whoever writes a new reason into a
 * delivery adds a line here; until then people read that it is not known.
 */

#include "reason.h"


static const hd_reason_t  hd_reasons[] = {

    /* gates that say no */

    { "opted_out", "the person stopped marketing",
      "Respect it: only other kinds of message may be sent." },
    { "suppressed", "the phone is on the list of suppressed numbers",
      "Take it off the list, if it stands there by mistake." },
    { "no_phone", "the contact has no phone", "Add a phone to the contact." },
    { "missing_variable", "a value that the template needs is missing",
      "Fill it in, or give the variable a fallback." },
    { "frequency_cap", "the person had as much marketing as the frequency "
      "cap allows", "Send later, or raise the cap in the settings." },
    { "holdout", "the person is in the holdout group, which gets nothing so "
      "that the effect can be compared", NULL },
    { "expired", "its time had passed before it could be sent",
      "Send it again with a later expires_at." },
    { "cancelled", "it was cancelled", NULL },
    { "window_closed", "more than 24 hours had passed since the person last "
      "wrote, and there was no fallback",
      "Send an approved template instead." },
    { "template_disabled", "the template is disabled",
      "Make a new template." },
    { "template_rejected", "the template was rejected",
      "Edit the template and have it approved." },
    { "template_gone", "the template is not there any more",
      "Choose another template." },
    { "media_gone", "the file is not there any more", "Upload it again, and "
      "send a new message." },
    { "media_refused", "the provider did not take the file",
      "Look at its type and size; the log of the server has the provider's "
      "words." },
    { "no_public_url", "the provider fetches files from this server, which "
      "does not know its own address", "The operator sets "
      "herald_public_url." },
    { "no_price", "there is no price for this country, and a spend limit is "
      "set", "Add the country to the price table." },

    /* gates that say later */

    { "media_upload", "the file could not be given to the provider yet",
      "Nothing to do: it is tried again every quarter of a minute." },
    { "quiet_hours", "it is quiet hours where the person lives",
      "Nothing to do: it goes when they end." },
    { "template_paused", "the template is paused for low quality",
      "Wait until the pause ends, or edit the template." },
    { "portfolio_limit", "the portfolio has written first to as many people "
      "as Meta allows in 24 hours",
      "Nothing to do: it goes when there is room; a better quality raises "
      "the limit." },
    { "spend_limit", "the spend limit is reached",
      "Raise the limit and resume, or wait for its next period." },
    { "daily_cap", "the number has sent as many messages as it may in a day",
      "Nothing to do: it goes on the next day, or raise the cap." },
    { "hours", "it is outside the hours in which the number sends",
      "Nothing to do: it goes when they begin." },
    { "sending_hours", "it is outside the hours in which the number sends",
      "Nothing to do: it goes when they begin." },
    { "pair_limit", "too many messages to this one person in a short time",
      "Nothing to do: it waits, the others go on." },
    { "breaker", "WhatsApp does not answer for this number",
      "Nothing to do: one message at a time finds out when it does." },

    /* what came of an attempt; classes of the provider's errors */

    { "transient", "WhatsApp had a problem of its own",
      "Nothing to do: it is tried again." },
    { "throttle", "the number sent faster than WhatsApp allows",
      "Nothing to do: sending slows down and goes on." },
    { "throttled", "the number sent faster than WhatsApp allows",
      "Nothing to do: sending slows down and goes on." },
    { "pair_throttle", "too many messages to this one person in a short time",
      "Nothing to do: it waits, the others go on." },
    { "ecosystem", "Meta held it back: the person gets enough marketing "
      "already", "Nothing to do: it is tried again after a day." },
    { "experiment", "Meta keeps this person out of marketing for an "
      "experiment", NULL },
    { "recipient", "the person cannot be reached on WhatsApp",
      "Check the number." },
    { "window", "more than 24 hours had passed since the person last wrote",
      "Send an approved template instead." },
    { "identity", "the person's identity changed",
      "Confirm with them who they are." },
    { "payload", "WhatsApp refused what the message says",
      "Read the detail, and mend the message or template." },
    { "template", "the template cannot be used now",
      "See the template's state." },
    { "media", "the media could not be read",
      "Check the file." },
    { "flow", "the flow cannot be used now", "Mend it in WhatsApp Manager." },
    { "number_risk", "the number is limited because of reports or blocks",
      "Stop marketing from it, and see its quality." },
    { "account", "Meta has restricted the account",
      "See the number's page for what to do." },
    { "auth", "WhatsApp refused the access token",
      "Put a new token into the account's settings." },
    { "unknown_code", "WhatsApp refused it with a code that is not known "
      "here", "Read the detail, and look the code up in Meta's list." },
    { "fallback", "the template was sent in place of the text",  NULL },

    { "provider_unreachable", "WhatsApp could not be reached",
      "Nothing to do: it is tried again." },
    { "address_forbidden", "the account's address is not allowed",
      "Put the provider's public address into the account's settings." },
    { "connection_lost", "the connection broke before the message was "
      "written", "Nothing to do: it is tried again." },

    /* why an outcome is not known */

    { "no_answer", "the message was written, and no answer came",
      "A status of the provider settles it by itself; else send again, and "
      "they may get it twice." },
    { "unreadable_answer", "the message was written, and the answer could "
      "not be read",
      "A status of the provider settles it by itself; else send again, and "
      "they may get it twice." },
    { "timed_out", "the message was written, and no answer came in time",
      "A status of the provider settles it by itself; else send again, and "
      "they may get it twice." },
    { "worker_died", "the process that was sending it ended",
      "A status of the provider settles it by itself; else send again, and "
      "they may get it twice." },
    { "restart", "the server restarted while it was being sent",
      "A status of the provider settles it by itself; else send again, and "
      "they may get it twice." },
    { "attempt_lost", "nobody remembers what came of the attempt",
      "A status of the provider settles it by itself; else send again, and "
      "they may get it twice." },
    { "unknown", "it was not known whether it was sent", NULL }
};

static const hd_reason_t  hd_reason_strange = {
    NULL, "for a reason that has no words here", NULL
};


static const hd_reason_t  hd_pauses[] = {
    { "failure_rate", "too many messages failed",
      "See the failures, mend the cause, then resume." },
    { "opt_out_rate", "too many people stopped marketing",
      "Think over whom you write to and what, before you resume." },
    { "quality", "the number's quality is low",
      "Wait until it has recovered, or send from another number." },
    { "template_paused", "the template is paused for low quality",
      "Wait until the pause ends, or edit the template." },
    { "template_disabled", "the template is disabled",
      "Make a new template and a new broadcast." },
    { "template_rejected", "the template was rejected",
      "Edit the template and have it approved." },
    { "account", "the number may not send now",
      "See the number's page for what to do, then resume." },
    { "spend_limit", "the spend limit is reached",
      "Raise the limit and resume, or wait for its next period." },
    { "ramp", "a step of the ramp went badly",
      "See the failures, mend the cause, then resume." }
};

static const hd_reason_t  hd_pause_somebody = {
    NULL, "somebody paused it", "Resume it when it should go on."
};


/* by hd_class_e; those that are not listed may not */
static const hd_resend_rule_t  hd_resend_classes[] = {
    [HD_CLASS_NONE] = { 0, "nothing is known of it" },
    [HD_CLASS_TRANSIENT] = { 1, "the problem was WhatsApp's own" },
    [HD_CLASS_THROTTLE] = { 1, "the limit has room again" },
    [HD_CLASS_PAIR_THROTTLE] = { 1, "the limit has room again" },
    [HD_CLASS_ECOSYSTEM] = { 1, "Meta decides anew each time" },
    [HD_CLASS_EXPERIMENT] = { 0, "Meta keeps them out of all marketing" },
    [HD_CLASS_RECIPIENT] = { 0, "the number would not be reached again" },
    [HD_CLASS_OPTED_OUT] = { 0, "they stopped marketing" },
    [HD_CLASS_WINDOW] = { 0, "only a template can be sent" },
    [HD_CLASS_IDENTITY] = { 0, "first confirm who they are" },
    [HD_CLASS_PAYLOAD] = { 0, "the same message would be refused again: mend "
                              "it in a new broadcast" },
    [HD_CLASS_TEMPLATE] = { 1, "the template may be usable again" },
    [HD_CLASS_MEDIA] = { 1, "the file may be there again" },
    [HD_CLASS_FLOW] = { 1, "the flow may be mended" },
    [HD_CLASS_NUMBER_RISK] = { 0, "more marketing makes the number's quality "
                                  "worse" },
    [HD_CLASS_ACCOUNT] = { 1, "the account may be in order again" },
    [HD_CLASS_AUTH] = { 1, "the token may be mended" },
    [HD_CLASS_UNKNOWN_CODE] = { 0, "it is not known what the code means" }
};

static const hd_resend_rule_t  hd_resend_unreached = {
    1, "it never reached WhatsApp"
};

static const hd_resend_rule_t  hd_resend_strange = {
    0, "it is not known why it failed"
};


static const hd_reason_t *
hd_reason_look(const hd_reason_t *rows, size_t n, const hd_str_t *reason)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (reason->len == ngx_strlen(rows[i].reason)
            && ngx_memcmp(reason->data, rows[i].reason, reason->len) == 0)
        {
            return &rows[i];
        }
    }

    return NULL;
}


const hd_reason_t *
hd_reason_find(const hd_str_t *reason)
{
    const hd_reason_t  *r;

    r = hd_reason_look(hd_reasons,
                       sizeof(hd_reasons) / sizeof(hd_reasons[0]), reason);

    return r ? r : &hd_reason_strange;
}


const hd_reason_t *
hd_reason_pause(const hd_str_t *reason)
{
    const hd_reason_t  *r;

    if (reason->len == 0) {
        return &hd_pause_somebody;
    }

    r = hd_reason_look(hd_pauses, sizeof(hd_pauses) / sizeof(hd_pauses[0]),
                       reason);

    return r ? r : hd_reason_find(reason);
}


const hd_resend_rule_t *
hd_resend_class(hd_class_e class)
{
    return &hd_resend_classes[class];
}


const hd_resend_rule_t *
hd_resend_reason(const hd_str_t *reason)
{
    if (hd_str_eq(reason, "provider_unreachable")
        || hd_str_eq(reason, "address_forbidden")
        || hd_str_eq(reason, "connection_lost")
        || hd_str_eq(reason, "breaker"))
    {
        return &hd_resend_unreached;
    }

    return &hd_resend_strange;
}

/*
 * notice: what an e-mail says of an event.  A subject that tells the whole
 * thing, what happened, why, and what to do next.
 *
 * "{name}" is a member of what the event told, "" when it told none; a line
 * that has nothing but such is left out when they are all empty.
 */

#include "mail.h"


static const struct {
    const char  *event;
    const char  *subject;
    const char  *body;
} hd_notices[] = {

    { "number.disconnected", "{name}: the number is {status}",
      "The number {phone} ({name}) does not send any more: it is {status}.\n"
      "\n{reason}\n\n"
      "What to do: mend what is said above, then resume the number. Messages "
      "wait meanwhile; broadcasts that stopped with it are resumed one by "
      "one.\n" },

    { "template.rejected", "Template {name} ({language}) was rejected",
      "WhatsApp rejected the template {name} ({language}).\n\n{reason}\n\n"
      "What to do: change it as the reason says, and submit it again.\n" },

    { "template.paused", "Template {name} ({language}) is {status}",
      "WhatsApp set the template {name} ({language}) to {status}: people "
      "blocked or reported it too often. What uses it waits.\n\n{reason}\n\n"
      "What to do: write another one for the same purpose, to fewer people "
      "who asked for it.\n" },

    { "broadcast.paused", "Broadcast {name} was paused",
      "The broadcast {name} was paused by itself ({reason}).\n\n{detail}\n\n"
      "What to do: see what happened, then resume or cancel it.\n" },

    { "broadcast.finished", "Broadcast {name} has finished",
      "The broadcast {name} to {total} people has finished.\n\n"
      "What to do: nothing. Deliveries and answers go on to come in.\n" },

    { "schedule.missed", "{name}: one time was missed",
      "What was planned as {name} for {due_at} was not sent: it was too late "
      "for it.\n\n{reason}\n\n"
      "What to do: send it by hand if it is still wanted.\n" },

    { "spend_limit.reached", "The spend limit is reached",
      "The broadcast {name} would cost more than the spend limit allows, and "
      "waits.\n\n{detail}\n\n"
      "What to do: raise the limit in the settings, or let it go on with the "
      "next period.\n" },

    { "test", "Herald can send e-mail",
      "This is the test that somebody asked for: notices will arrive at this "
      "address.\n" }
};

#define HD_NOTICES  (sizeof(hd_notices) / sizeof(hd_notices[0]))


static void
hd_notice_text(hd_buf_t *b, const char *text, const hd_json_t *said)
{
    char         name[32];
    size_t       n;
    hd_json_t   *v;
    const char  *end;

    for ( /* void */ ; *text != '\0'; text++) {
        end = (*text == '{') ? strchr(text, '}') : NULL;
        n = end ? (size_t) (end - text - 1) : 0;

        if (n == 0 || n >= sizeof(name)) {
            hd_buf_char(b, *text);
            continue;
        }

        memcpy(name, text + 1, n);
        name[n] = '\0';
        v = hd_json_get(said, name);

        if (v != NULL && (v->type == HD_JSON_STRING
                          || v->type == HD_JSON_NUMBER))
        {
            hd_buf_str(b, &v->str);
        }

        text = end;
    }
}


/* three line ends in a row: something was not told */
static void
hd_notice_close(hd_buf_t *b)
{
    size_t  i, n, run;

    if (b->failed) {
        return;
    }

    run = 0;

    for (i = 0, n = 0; i < b->len; i++) {
        run = (b->data[i] == '\n') ? run + 1 : 0;

        if (run <= 2) {
            b->data[n++] = b->data[i];
        }
    }

    b->len = n;
}


int
hd_notice_words(const char *event, const hd_json_t *said,
    const hd_str_t *public_url, hd_buf_t *subject, hd_buf_t *body)
{
    size_t  i;

    for (i = 0; i < HD_NOTICES; i++) {
        if (strcmp(hd_notices[i].event, event) == 0) {
            break;
        }
    }

    if (i == HD_NOTICES) {
        return HD_ERROR;
    }

    hd_notice_text(subject, hd_notices[i].subject, said);
    hd_notice_text(body, hd_notices[i].body, said);
    hd_notice_close(body);

    if (public_url->len != 0) {
        hd_buf_char(body, '\n');
        hd_buf_str(body, public_url);
        hd_buf_char(body, '\n');
    }

    return (subject->failed || body->failed) ? HD_ERROR : HD_OK;
}

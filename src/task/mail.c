/*
 * mail: one notice to one address: {to, event, said}.
 *
 *   not now (no connection, 4xx, our own password is refused)  again
 *   never (5xx: there is no such address)                      failed
 *
 * When the connection breaks after the text was given it may have gone, and it
 * goes again: with the same Message-ID, by which a reader's program knows it.
 */

#include "private.h"
#include "../base/mail.h"


typedef struct {
    hd_task_t    *task;
    hd_timer_t    busy;
    hd_buf_t      text;
    hd_str_t      to;
} hd_task_mail_t;


#define HD_TASK_MAIL_BUSY  200         /* ms until a connection is free */


static void hd_task_mail_send(hd_task_mail_t *m);


static void
hd_task_mail_done(void *data, const hd_egress_answer_t *a)
{
    char             detail[192];
    hd_task_t       *task;
    hd_task_mail_t  *m = data;

    task = m->task;

    if (a->outcome == HD_EGRESS_ANSWERED && a->status < 400) {
        hd_task_done(task, NULL);
        return;
    }

    if (a->outcome == HD_EGRESS_ANSWERED) {
        snprintf(detail, sizeof(detail), "The mail server said %d.",
                 a->status);

    } else {
        snprintf(detail, sizeof(detail), "The mail server: %.*s",
                 (int) sizeof(a->error), a->error);
    }

    /* 530 to 538 are about us, not about the address */
    if (a->outcome == HD_EGRESS_ANSWERED && a->status >= 500
        && (a->status < 530 || a->status > 538))
    {
        hd_task_failed(task, detail);
        return;
    }

    hd_task_again(task, 0, detail);
}


static void
hd_task_mail_busy(hd_timer_t *t, void *data)
{
    hd_task_mail_send(data);
}


static void
hd_task_mail_send(hd_task_mail_t *m)
{
    ngx_int_t          rc;
    hd_egress_mail_t   mail;

    mail.url = hd_task.smtp->url;
    mail.user = hd_task.smtp->user;
    mail.password = hd_task.smtp->password;
    mail.from = hd_task.smtp->from;
    mail.to = m->to;
    mail.message.data = m->text.data;
    mail.message.len = m->text.len;

    rc = hd_egress_mail(&mail, hd_task_mail_done, m);

    if (rc == NGX_BUSY && !hd_tasks.quitting) {
        hd_timer_set(&m->busy, HD_TASK_MAIL_BUSY);
        return;
    }

    if (rc != NGX_OK) {
        hd_task_again(m->task, 0, "The e-mail could not be sent from here.");
    }
}


static void
hd_task_mail_cleanup(void *data)
{
    hd_task_mail_t *m = data;

    hd_buf_free(&m->text);
}


static ngx_int_t
hd_task_mail_write(hd_task_mail_t *m, const char *event)
{
    int        rc;
    hd_buf_t   subject, body;
    hd_str_t   url;
    hd_email_t  mail;

    hd_buf_init(&subject);
    hd_buf_init(&body);

    url.data = hd_task.public_url.data;
    url.len = hd_task.public_url.len;

    rc = hd_notice_words(event, hd_json_get(m->task->args, "said"), &url,
                         &subject, &body);

    if (rc == HD_OK) {
        mail.from = hd_task.smtp->from;
        mail.to = m->to;
        mail.subject.data = subject.data;
        mail.subject.len = subject.len;
        mail.body.data = body.data;
        mail.body.len = body.len;
        mail.id = m->task->id;
        mail.at = hd_now_us();

        hd_email_write(&m->text, &mail);
    }

    hd_buf_free(&subject);
    hd_buf_free(&body);

    return (rc == HD_OK && !m->text.failed) ? NGX_OK : NGX_ERROR;
}


void
hd_task_mail(hd_task_t *task)
{
    char                *name;
    hd_str_t             event;
    hd_task_mail_t      *m;
    ngx_pool_cleanup_t  *cln;

    if (hd_task.smtp == NULL) {
        hd_task_failed(task, "This server sends no e-mail any more.");
        return;
    }

    m = ngx_pcalloc(task->pool, sizeof(hd_task_mail_t));
    cln = ngx_pool_cleanup_add(task->pool, 0);

    if (m == NULL || cln == NULL) {
        hd_task_again(task, 0, "Out of memory.");
        return;
    }

    m->task = task;
    m->to = hd_json_str(task->args, "to");
    hd_buf_init(&m->text);
    hd_timer_init(&m->busy, hd_task_mail_busy, m, 0, hd_task.log);

    cln->handler = hd_task_mail_cleanup;
    cln->data = m;

    event = hd_json_str(task->args, "event");
    name = hd_cstr(&task->mem, &event);

    if (name == NULL || !hd_email_valid(&m->to)
        || hd_task_mail_write(m, name) != NGX_OK)
    {
        hd_task_failed(task, "This version of Herald does not know the event, "
                       "or the address is none.");
        return;
    }

    hd_task_mail_send(m);
}

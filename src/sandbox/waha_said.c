/*
 * waha_said: what was said in a session's chats, for those who ask after it
 * because they were away.  Kept in the zone, the newest HD_SB_SAID.
 */

#include "waha.h"


static hd_str_t
hd_sb_said_part(const hd_sb_said_t *m, ngx_uint_t part)
{
    hd_str_t    s;
    size_t      at;
    ngx_uint_t  i;
    uint16_t    len[4];

    len[0] = m->chat_len;
    len[1] = m->key_len;
    len[2] = m->who_len;
    len[3] = m->text_len;

    for (i = 0, at = 0; i < part; i++) {
        at += len[i];
    }

    s.data = (u_char *) m->data + at;
    s.len = len[part];

    return s;
}


void
hd_sb_said_add(hd_sb_session_t *s, const hd_sb_words_t *w)
{
    size_t          text, len;
    u_char         *p;
    hd_sb_said_t   *m, **last;

    text = ngx_min(w->text.len, HD_SB_SAID_MAX);

    while (text < w->text.len && text > 0
           && (w->text.data[text] & 0xc0) == 0x80)
    {
        text--;
    }

    len = w->chat.len + w->key.len + w->who.len + text;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    m = ngx_slab_alloc_locked(hd_sb.shpool, sizeof(hd_sb_said_t) + len);

    if (m != NULL) {
        m->at = w->at;
        m->mine = w->mine;
        m->app = w->app;
        m->chat_len = (uint16_t) w->chat.len;
        m->key_len = (uint16_t) w->key.len;
        m->who_len = (uint16_t) w->who.len;
        m->text_len = (uint16_t) text;

        p = ngx_cpymem(m->data, w->chat.data, w->chat.len);
        p = ngx_cpymem(p, w->key.data, w->key.len);
        p = ngx_cpymem(p, w->who.data, w->who.len);
        (void) ngx_cpymem(p, w->text.data, text);

        m->next = s->said;
        s->said = m;

        if (++s->nsaid > HD_SB_SAID) {
            for (last = &s->said; (*last)->next != NULL;
                 last = &(*last)->next)
            {
                /* void */
            }

            ngx_slab_free_locked(hd_sb.shpool, *last);
            *last = NULL;
            s->nsaid--;
        }
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);
}


void
hd_sb_said_forget(hd_sb_session_t *s)
{
    hd_sb_said_t  *m;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    while ((m = s->said) != NULL) {
        s->said = m->next;
        ngx_slab_free_locked(hd_sb.shpool, m);
    }

    s->nsaid = 0;

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);
}


static ngx_uint_t
hd_sb_said_same(const hd_str_t *a, const hd_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}


/* chats, the one spoken in last first */

void
hd_sb_said_chats(hd_buf_t *b, hd_sb_session_t *s)
{
    hd_str_t       chat, other;
    hd_sb_said_t  *m, *newer;

    hd_buf_char(b, '[');

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    for (m = s->said; m != NULL; m = m->next) {

        chat = hd_sb_said_part(m, 0);

        for (newer = s->said; newer != m; newer = newer->next) {
            other = hd_sb_said_part(newer, 0);

            if (hd_sb_said_same(&chat, &other)) {
                break;
            }
        }

        if (newer == m) {
            hd_buf_z(b, b->len > 1 ? ",{\"id\":" : "{\"id\":");
            hd_jw_str(b, &chat);
            hd_buf_printf(b, ",\"conversationTimestamp\":%lld}",
                          (long long) m->at);
        }
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    hd_buf_char(b, ']');
}


void
hd_sb_said_messages(hd_buf_t *b, hd_sb_session_t *s, const hd_str_t *chat,
    int64_t since, ngx_uint_t offset, ngx_uint_t limit)
{
    hd_str_t        name;
    ngx_uint_t      n;
    hd_sb_said_t   *m;
    hd_sb_words_t   w;

    hd_buf_char(b, '[');
    n = 0;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    for (m = s->said; m != NULL && n < offset + limit; m = m->next) {

        name = hd_sb_said_part(m, 0);

        if (m->at < since || !hd_sb_said_same(&name, chat)
            || n++ < offset)
        {
            continue;
        }

        ngx_memzero(&w, sizeof(hd_sb_words_t));
        w.chat = name;
        w.key = hd_sb_said_part(m, 1);
        w.who = hd_sb_said_part(m, 2);
        w.text = hd_sb_said_part(m, 3);
        w.at = m->at;
        w.mine = m->mine;
        w.app = m->app;

        hd_buf_z(b, b->len > 1 ? "," : "");
        hd_sb_waha_words(b, s, &w);
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    hd_buf_char(b, ']');
}

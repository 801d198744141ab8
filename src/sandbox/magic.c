/*
 * Magic recipients: with `magic` set, the end of a phone number says what
 * happens to its messages.  The table is README.md's.
 *
 *   …0001 to …0007, …9901 to …9912   by the table below
 *   …88CCCCCC                        fails by a status with code CCCCCC
 *   …89CCCCCC                        is refused with code CCCCCC
 */

#include "sandbox.h"


#define HD_SB_HOW(k, code, after, took)                                       \
    { .kind = (k), .rate = 1.0, .status = (code), .retry_after = (after),     \
      .bytes = 1, .taken = (took) }

static const hd_sb_magic_t  hd_sb_magics[] = {
    { .digits = "0001", .status = 131026, .fault = -1 },
    { .digits = "0002", .answer = 130429, .fault = -1, .once = 1 },
    { .digits = "0003", .answer = 131049, .fault = -1 },
    { .digits = "0004", .plan = HD_SB_PLAN_SENT, .fault = -1 },
    { .digits = "0005", .plan = HD_SB_PLAN_DELIVERED, .fault = -1 },
    { .digits = "0006", .fault = 0,
      .how = HD_SB_HOW(HD_SB_FAULT_RESET, 0, 0, 1) },
    { .digits = "0007", .plan = HD_SB_PLAN_REPLIED, .fault = -1 },
    { .digits = "9901", .answer = 131056, .fault = -1, .once = 1 },
    { .digits = "9902", .plan = HD_SB_PLAN_LATE_FAILURE, .fault = -1 },
    { .digits = "9903", .plan = HD_SB_PLAN_THRICE, .fault = -1 },
    { .digits = "9904", .plan = HD_SB_PLAN_REVERSED, .fault = -1 },
    { .digits = "9905", .plan = HD_SB_PLAN_LATE, .fault = -1 },
    { .digits = "9906", .fault = 0, .once = 1,
      .how = HD_SB_HOW(HD_SB_FAULT_HTTP, 503, 0, 0) },
    { .digits = "9907", .fault = 0, .once = 1,
      .how = HD_SB_HOW(HD_SB_FAULT_HTTP, 429, 1, 0) },
    { .digits = "9908", .fault = 0, .once = 1,
      .how = HD_SB_HOW(HD_SB_FAULT_RESET, 0, 0, 0) },
    { .digits = "9909", .fault = 0,
      .how = HD_SB_HOW(HD_SB_FAULT_HANG, 0, 0, 0) },
    { .digits = "9910", .fault = 0,
      .how = HD_SB_HOW(HD_SB_FAULT_TEXT, 200, 0, 1) },
    { .digits = "9911", .fault = 0,
      .how = HD_SB_HOW(HD_SB_FAULT_TRUNCATED, 200, 0, 1) },
    { .digits = "9912", .fault = 0,
      .how = HD_SB_HOW(HD_SB_FAULT_HANG, 0, 0, 1) }
};


/* 1 when this message was refused before, which is then forgotten */

static int
hd_sb_was_refused(hd_sb_number_t *n, hd_sb_message_t *m)
{
    uint32_t       hash;
    ngx_atomic_t  *slot;

    ngx_crc32_init(hash);
    ngx_crc32_update(&hash, n->node->id, n->node->id_len);
    ngx_crc32_update(&hash, m->to.data, m->to.len);
    ngx_crc32_update(&hash, m->reference.data, m->reference.len);
    ngx_crc32_final(hash);
    hash |= 1;

    slot = &hd_sb.sh->refused[hash >> 22];

    if (*slot == hash) {
        *slot = 0;
        return 1;
    }

    *slot = hash;

    return 0;
}


/* …88131049: a code that the provider has, by its six digits */

static const hd_sb_magic_t *
hd_sb_magic_code(hd_sb_message_t *m)
{
    int          code;
    ngx_int_t    n;
    const u_char  *p;

    static hd_sb_magic_t  magic = { .digits = "", .fault = -1 };

    if (m->to.len < 8) {
        return NULL;
    }

    p = m->to.data + m->to.len - 8;

    if (p[0] != '8' || (p[1] != '8' && p[1] != '9')) {
        return NULL;
    }

    n = ngx_atoi((u_char *) p + 2, 6);
    code = (int) n;

    if (code <= 0 || strcmp(hd_sb_error_find(code)->title, "Unknown error")
                     == 0)
    {
        return NULL;
    }

    magic.status = (p[1] == '8') ? code : 0;
    magic.answer = (p[1] == '9') ? code : 0;

    return &magic;
}


const hd_sb_magic_t *
hd_sb_magic(hd_sb_number_t *n, hd_sb_message_t *m)
{
    size_t                i;
    const u_char         *p;
    const hd_sb_magic_t  *magic;

    if (!n->set.magic) {
        return NULL;
    }

    p = m->to.data + m->to.len - 4;

    for (i = 0; i < sizeof(hd_sb_magics) / sizeof(hd_sb_magics[0]); i++) {
        magic = &hd_sb_magics[i];

        if (memcmp(magic->digits, p, 4) != 0) {
            continue;
        }

        if (magic->once && hd_sb_was_refused(n, m)) {

            /* the second try is an ordinary message that cannot fail */

            static const hd_sb_magic_t  done = { .digits = "", .fault = -1 };

            return &done;
        }

        return magic;
    }

    return hd_sb_magic_code(m);
}

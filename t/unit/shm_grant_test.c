/*
 * Grants and attempts: their life, their limits, and what a crash leaves.
 */

#include "shm_unit.h"


#define MB  (1024 * 1024)


typedef struct {
    unit_t     u;
    hd_uuid_t  org, batch, account;
    uint32_t   campaign;
    uint32_t   slot, other;
} fix_t;


static void
fix_open(fix_t *f)
{
    hd_campaign_t  c;

    unit_open(&f->u, 8 * MB, 0);

    f->org = unit_id(1);
    f->batch = unit_id(2);
    f->account = unit_id(3);

    memset(&c, 0, sizeof(c));
    c.org = f->org;
    c.batch = f->batch;
    c.account = f->account;
    c.state = HD_CAMPAIGN_RUNNING;
    c.audience = 1000000;
    c.next = 1;
    c.fence = 7;

    f->campaign = hd_campaign_put(f->u.shm, &c);
    f->slot = hd_slot_take(f->u.shm, 11, 1, 0, 1);
    f->other = hd_slot_take(f->u.shm, 12, 1, 1, 1);
}


static hd_grant_t
fix_grant(fix_t *f, uint32_t from, uint32_t to)
{
    hd_grant_t  g;

    memset(&g, 0, sizeof(g));
    g.org = f->org;
    g.batch = f->batch;
    g.account = f->account;
    g.campaign = f->campaign;
    g.from = from;
    g.to = to;
    g.fence = 7;

    return g;
}


static uint32_t
fix_cursor(fix_t *f, uint32_t *granted)
{
    hd_campaign_t  c;

    assert_int_equal(hd_campaign_read(f->u.shm, f->campaign, &c), 1);
    *granted = c.granted;

    return c.next;
}


static void
test_life(void **state)
{
    fix_t       f;
    uint32_t    granted, old;
    hd_slot_t   s;
    hd_grant_t  g, t, list[8];

    fix_open(&f);

    g = fix_grant(&f, 1, 12);
    assert_int_equal(hd_grant_give(f.u.shm, f.slot, &g), HD_OK);
    assert_int_equal(g.slot, f.slot);
    assert_int_equal(fix_cursor(&f, &granted), 13);
    assert_int_equal(granted, 1);

    /* a stray range: the cursor stays */
    g = fix_grant(&f, 5, 6);
    assert_int_equal(hd_grant_give(f.u.shm, f.slot, &g), HD_OK);
    assert_int_equal(fix_cursor(&f, &granted), 13);

    assert_int_equal(hd_slot_read(f.u.shm, f.slot, &s), 1);
    assert_int_equal(s.grants, 2);

    assert_int_equal(hd_grant_take(f.u.shm, f.other, &t), 0);
    assert_int_equal(hd_grant_take(f.u.shm, f.slot, &t), 1);
    assert_int_equal(t.from, 1);
    assert_int_equal(t.to, 12);
    assert_int_equal(t.fence, 7);
    assert_true(hd_uuid_eq(&t.batch, &f.batch));

    assert_int_equal(hd_grant_list(f.u.shm, f.slot, list, 8), 2);
    assert_int_equal(hd_grant_list(f.u.shm, HD_NONE, list, 1), 1);
    assert_int_equal(hd_grant_list(f.u.shm, f.other, list, 8), 0);

    old = t.id;
    hd_grant_end(f.u.shm, old);
    assert_int_equal(hd_grant_list(f.u.shm, f.slot, list, 8), 1);
    assert_int_equal(fix_cursor(&f, &granted), 13);
    assert_int_equal(granted, 1);

    /* the entry is used again: its old id ends nothing */
    t = fix_grant(&f, 13, 20);
    assert_int_equal(hd_grant_give(f.u.shm, f.other, &t), HD_OK);
    assert_int_equal(t.id & (HD_GRANTS - 1), old & (HD_GRANTS - 1));
    assert_int_not_equal(t.id, old);
    hd_grant_end(f.u.shm, old);
    hd_grant_end(f.u.shm, HD_NONE);
    assert_int_equal(hd_grant_list(f.u.shm, HD_NONE, list, 8), 2);

    /* ended before it was taken: reaped from a dead worker */
    hd_grant_end(f.u.shm, g.id);
    assert_int_equal(hd_grant_take(f.u.shm, f.slot, &t), 0);
    assert_int_equal(hd_slot_read(f.u.shm, f.slot, &s), 1);
    assert_int_equal(s.grants, 0);

    unit_close(&f.u);
}


static void
test_refused(void **state)
{
    fix_t       f;
    uint32_t    i, slot, granted, next;
    hd_grant_t  g, t, *list;

    fix_open(&f);
    next = 1;

    /* a full ring */
    for (i = 0; i < HD_GRANT_RING; i++) {
        g = fix_grant(&f, next, next);
        assert_int_equal(hd_grant_give(f.u.shm, f.slot, &g), HD_OK);
        next++;
    }

    g = fix_grant(&f, next, next);
    assert_int_equal(hd_grant_give(f.u.shm, f.slot, &g), HD_ERROR);
    assert_int_equal(fix_cursor(&f, &granted), next);
    assert_int_equal(hd_grant_give(f.u.shm, f.other, &g), HD_OK);
    next++;

    /* nobody there, or leaving */
    g = fix_grant(&f, next, next);
    assert_int_equal(hd_grant_give(f.u.shm, 40, &g), HD_ERROR);
    assert_int_equal(hd_grant_give(f.u.shm, HD_NONE, &g), HD_ERROR);
    hd_slot_quitting(f.u.shm, f.other);
    assert_int_equal(hd_grant_give(f.u.shm, f.other, &g), HD_ERROR);

    /* paused */
    slot = hd_slot_take(f.u.shm, 13, 1, 2, 1);
    hd_campaign_state(f.u.shm, &f.batch, HD_CAMPAIGN_PAUSED);
    assert_int_equal(hd_grant_give(f.u.shm, slot, &g), HD_ERROR);
    hd_campaign_state(f.u.shm, &f.batch, HD_CAMPAIGN_RUNNING);

    /* a full table */
    for ( ;; ) {
        g = fix_grant(&f, next, next);

        if (hd_grant_give(f.u.shm, slot, &g) != HD_OK) {
            break;
        }

        assert_int_equal(hd_grant_take(f.u.shm, slot, &t), 1);
        assert_int_equal(t.id, g.id);
        next++;
    }

    assert_int_equal(next - 1, HD_GRANTS);
    list = calloc(HD_GRANTS, sizeof(hd_grant_t));
    assert_non_null(list);
    assert_int_equal(hd_grant_list(f.u.shm, HD_NONE, list, HD_GRANTS),
                     HD_GRANTS);

    /* without a campaign */
    hd_grant_end(f.u.shm, list[9].id);
    g.campaign = HD_NONE;
    assert_int_equal(hd_grant_give(f.u.shm, slot, &g), HD_OK);

    /* the campaign's place went to another batch: not its count */
    hd_campaign_free(f.u.shm, f.campaign);

    for (i = 0; i < HD_GRANTS; i++) {
        hd_grant_end(f.u.shm, list[i].id);
    }

    hd_grant_end(f.u.shm, g.id);
    assert_int_equal(hd_grant_list(f.u.shm, HD_NONE, list, HD_GRANTS), 0);
    free(list);

    unit_close(&f.u);
}


static void
test_repair(void **state)
{
    fix_t             f;
    uint32_t          i, granted;
    hd_slot_t         s;
    hd_grant_t        g, t;
    hd_grant_node_t  *n;

    fix_open(&f);

    for (i = 0; i < 40; i++) {
        g = fix_grant(&f, 1 + i * 10, 10 + i * 10);
        assert_int_equal(hd_grant_give(f.u.shm, i % 2 ? f.other : f.slot,
                                       &g), HD_OK);

        /* so that the order in the table is not that of giving */
        if (i % 5 == 4) {
            assert_int_equal(hd_grant_take(f.u.shm, f.slot, &t), 1);
            hd_grant_end(f.u.shm, t.id);
        }
    }

    assert_int_equal(fix_cursor(&f, &granted), 401);
    assert_int_equal(granted, 32);

    /* given, and killed before anything was derived from it */
    i = 77;
    n = &f.u.shm->grants->nodes[i];
    n->g = fix_grant(&f, 401, 410);
    n->g.slot = f.slot;
    n->uses = 3;
    n->g.id = 3 * HD_GRANTS | i;
    n->order = f.u.shm->grants->order + 1;
    n->state = HD_GRANT_GIVEN;

    memset(f.u.shm->grants->used, 0xee, sizeof(f.u.shm->grants->used));
    memset(f.u.shm->slots[f.slot].ring, 0x77, HD_GRANT_RING * 4);
    f.u.shm->slots[f.slot].tail = 3333;
    f.u.shm->slots[f.slot].grants = 9;
    f.u.shm->slots[f.other].head = 99;
    f.u.shm->campaigns->nodes[f.campaign].granted = 12345;
    f.u.shm->head->dirty = HD_TORN_GRANTS;

    assert_int_equal(fix_cursor(&f, &granted), 411);
    assert_int_equal(granted, 33);
    assert_int_equal(hd_shm_repaired(f.u.shm), 1);
    assert_int_equal(f.u.shm->head->dirty, 0);

    assert_int_equal(hd_slot_read(f.u.shm, f.slot, &s), 1);
    assert_int_equal(s.grants, 13);
    assert_int_equal(hd_slot_read(f.u.shm, f.other, &s), 1);
    assert_int_equal(s.grants, 20);

    /* in order of giving: the first eight of this slot were ended */
    for (i = 0; i < 13; i++) {
        assert_int_equal(hd_grant_take(f.u.shm, f.slot, &t), 1);
        assert_int_equal(t.from, i == 12 ? 401 : 1 + (8 + i) * 20);
        hd_grant_end(f.u.shm, t.id);
    }

    assert_int_equal(hd_grant_take(f.u.shm, f.slot, &t), 0);

    for (i = 0; i < 20; i++) {
        assert_int_equal(hd_grant_take(f.u.shm, f.other, &t), 1);
        assert_int_equal(t.from, 11 + i * 20);
        hd_grant_end(f.u.shm, t.id);
    }

    assert_int_equal(fix_cursor(&f, &granted), 411);
    assert_int_equal(granted, 0);

    unit_close(&f.u);
}


static void
test_attempts(void **state)
{
    fix_t         f;
    uint32_t      i, id, ids[HD_SLOT_ATTEMPTS];
    hd_attempt_t  out[HD_SLOT_ATTEMPTS + 8];

    fix_open(&f);

    for (i = 0; i < HD_SLOT_ATTEMPTS; i++) {
        ids[i] = hd_attempt_open(f.u.shm, f.slot, &f.org, &f.batch, i, -5);
        assert_int_not_equal(ids[i], HD_NONE);
    }

    assert_int_equal(hd_attempt_open(f.u.shm, f.slot, &f.org, &f.batch, i,
                                     7), HD_NONE);
    assert_int_equal(hd_attempt_open(f.u.shm, HD_NONE, &f.org, &f.batch, i,
                                     7), HD_NONE);

    id = hd_attempt_open(f.u.shm, f.other, &f.org, &f.account, 5, 8);
    hd_attempt_written(f.u.shm, id);
    hd_attempt_written(f.u.shm, ids[3]);
    hd_attempt_written(f.u.shm, HD_NONE);

    assert_int_equal(hd_attempt_list(f.u.shm, f.slot, out,
                                     HD_SLOT_ATTEMPTS + 8),
                     HD_SLOT_ATTEMPTS);
    assert_int_equal(out[3].seq, 3);
    assert_int_equal(out[3].written, 1);
    assert_int_equal(out[4].written, 0);
    assert_int_equal(out[4].fence, -5);
    assert_int_equal(out[4].slot, f.slot);
    assert_int_equal(out[4].id, ids[4]);
    assert_true(hd_uuid_eq(&out[4].org, &f.org));
    assert_true(hd_uuid_eq(&out[4].batch, &f.batch));

    assert_int_equal(hd_attempt_list(f.u.shm, f.other, out, 8), 1);
    assert_int_equal(out[0].written, 1);
    assert_int_equal(hd_attempt_list(f.u.shm, HD_NONE, out,
                                     HD_SLOT_ATTEMPTS + 8),
                     HD_SLOT_ATTEMPTS + 1);
    assert_int_equal(hd_attempt_count(f.u.shm), HD_SLOT_ATTEMPTS + 1);
    assert_int_equal(hd_attempt_list(f.u.shm, HD_NONE, out, 3), 3);
    assert_int_equal(hd_attempt_list(f.u.shm, 64, out, 3), 0);

    assert_int_equal(hd_attempt_known(f.u.shm, &f.batch,
                                      HD_SLOT_ATTEMPTS - 1), 1);
    assert_int_equal(hd_attempt_known(f.u.shm, &f.batch,
                                      HD_SLOT_ATTEMPTS), 0);
    assert_int_equal(hd_attempt_known(f.u.shm, &f.account, 6), 0);

    for (i = 0; i < HD_SLOT_ATTEMPTS; i += 2) {
        hd_attempt_close(f.u.shm, ids[i]);
        hd_attempt_close(f.u.shm, ids[i]);
        hd_attempt_written(f.u.shm, ids[i]);
    }

    hd_attempt_close(f.u.shm, HD_NONE);
    assert_int_equal(hd_attempt_known(f.u.shm, &f.batch, 4), 0);
    assert_int_equal(hd_attempt_known(f.u.shm, &f.batch, 5), 1);
    assert_int_equal(hd_attempt_list(f.u.shm, f.slot, out,
                                     HD_SLOT_ATTEMPTS + 8),
                     HD_SLOT_ATTEMPTS / 2);
    assert_int_equal(hd_attempt_count(f.u.shm), HD_SLOT_ATTEMPTS / 2 + 1);

    /* used again: not written any more */
    id = hd_attempt_open(f.u.shm, f.slot, &f.org, &f.batch, 900, 1);
    assert_int_equal(id, ids[0]);
    assert_int_equal(hd_attempt_list(f.u.shm, f.slot, out, 1), 1);
    assert_int_equal(out[0].seq, 900);
    assert_int_equal(out[0].written, 0);

    unit_close(&f.u);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_attempts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

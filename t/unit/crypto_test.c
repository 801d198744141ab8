/*
 * crypto: digests, base64url, sealing and passwords.
 */

#include "unit.h"


static void
assert_hex(const unsigned char *data, size_t len, const char *hex)
{
    char  text[256];

    hd_hex((unsigned char *) text, data, len);
    text[2 * len] = '\0';
    assert_string_equal(text, hex);
}


static void
test_digest(void **state)
{
    unsigned char  out[32], key[131];

    (void) state;

    hd_sha256("abc", 3, out);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223"
                        "b00361a396177a9cb410ff61f20015ad");
    hd_sha256(NULL, 0, out);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb924"
                        "27ae41e4649b934ca495991b7852b855");

    /* RFC 4231, cases 2 and 6 */
    hd_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c7"
                        "5a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    hd_hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - "
                   "Hash Key First", 54, out);
    assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f"
                        "8e0bc6213728c5140546040f0ee37f54");
    hd_hmac_sha256(NULL, 0, NULL, 0, out);
    assert_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5"
                        "ff1697c493715653c6c712144292c5ad");
}


static void
test_crc32c(void **state)
{
    size_t         i;
    unsigned char  zeros[32];

    (void) state;

    /* RFC 3720, B.4 */
    memset(zeros, 0, sizeof(zeros));
    assert_int_equal(hd_crc32c(zeros, 32), 0x8a9136aa);
    memset(zeros, 0xff, sizeof(zeros));
    assert_int_equal(hd_crc32c(zeros, 32), 0x62a8ab43);

    for (i = 0; i < 32; i++) {
        zeros[i] = (unsigned char) i;
    }

    assert_int_equal(hd_crc32c(zeros, 32), 0x46dd794e);
    assert_int_equal(hd_crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(hd_crc32c("", 0), 0);

    /* any place to begin, any length */
    for (i = 0; i < 8; i++) {
        assert_int_not_equal(hd_crc32c(zeros + i, 9),
                             hd_crc32c(zeros + i, 10));
    }
}


static void
unhex(const hd_json_t *v, const char *key, hd_str_t *out)
{
    hd_str_t  s;

    s = hd_json_str(v, key);
    out->len = s.len / 2;
    out->data = hd_alloc(&mem, out->len + 1);
    assert_int_equal(hd_unhex(out->data, s.data, s.len), HD_OK);
}


static void
test_wycheproof(void **state)
{
    int                same;
    char               path[HD_UNIT_PATH];
    hd_str_t           s, key, msg, tag, result;
    unsigned           n;
    hd_json_t         *v, *group, *test;
    unsigned char      out[32];
    hd_json_error_t    err;

    (void) state;

    fixture(path, "crypto/wycheproof/hmac_sha256_test.json");
    s = slurp(path);
    v = hd_json_parse(&mem, s.data, s.len, 16, &err);
    assert_non_null(v);

    n = 0;
    group = hd_json_get(v, "testGroups");
    assert_non_null(group);

    for (group = group->child; group != NULL; group = group->next) {

        test = hd_json_get(group, "tests");

        for (test = test->child; test != NULL; test = test->next) {
            unhex(test, "key", &key);
            unhex(test, "msg", &msg);
            unhex(test, "tag", &tag);
            result = hd_json_str(test, "result");

            hd_hmac_sha256(key.data, key.len, msg.data, msg.len, out);

            /* some tags are cut short */
            same = tag.len <= 32 && hd_equal_ct(out, tag.data, tag.len);
            assert_int_equal(same, hd_str_eq(&result, "valid"));
            n++;
        }
    }

    printf("# wycheproof: %u vectors\n", n);
    assert_true(n > 100);
}


static void
test_base64url(void **state)
{
    size_t          i, n, len;
    unsigned char   in[64], text[96], out[96];

    static const char  *bad[] = {
        "A", "AAAAA", "AA==", "A+", "A/", "A ", "AB", "AAB", "\xc3\xa9"
    };

    (void) state;

    assert_int_equal(hd_base64url(text, (unsigned char *) "\xfb\xff\xfe", 3),
                     4);
    assert_memory_equal(text, "-__-", 4);
    assert_int_equal(hd_base64url(text, (unsigned char *) "f", 1), 2);
    assert_memory_equal(text, "Zg", 2);

    for (i = 0; i < sizeof(in); i++) {
        hd_random(in, sizeof(in));
        n = hd_base64url(text, in, i);
        assert_true(n <= 4 * ((i + 2) / 3));
        assert_int_equal(hd_base64url_decode(out, &len, text, n), HD_OK);
        assert_int_equal(len, i);
        assert_memory_equal(in, out, i);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(hd_base64url_decode(out, &len,
                                             (unsigned char *) bad[i],
                                             strlen(bad[i])),
                         HD_ERROR);
    }
}


static void
test_hex(void **state)
{
    unsigned char  out[8];

    (void) state;

    assert_int_equal(hd_unhex(out, (unsigned char *) "00fFAb", 6), HD_OK);
    assert_memory_equal(out, "\x00\xff\xab", 3);
    assert_int_equal(hd_unhex(out, (unsigned char *) "0", 1), HD_ERROR);
    assert_int_equal(hd_unhex(out, (unsigned char *) "0g", 2), HD_ERROR);
    assert_int_equal(hd_unhex(out, (unsigned char *) "@0", 2), HD_ERROR);
    assert_int_equal(hd_unhex(out, (unsigned char *) "\x10\x30", 2),
                     HD_ERROR);
    assert_true(hd_equal_ct("abc", "abc", 3));
    assert_false(hd_equal_ct("abc", "abd", 3));
}


static void
test_seal(void **state)
{
    size_t          i;
    hd_str_t        context, other, plain, sealed, again, out;
    unsigned char   key[HD_SEAL_KEY], key2[HD_SEAL_KEY];

    (void) state;

    hd_random(key, sizeof(key));
    hd_random(key2, sizeof(key2));
    context = str("account 1");
    other = str("account 2");
    plain = str("EAAtoken");

    assert_int_equal(hd_seal(&mem, key, &context, &plain, &sealed), HD_OK);
    assert_memory_equal(sealed.data, "v1.", 3);
    assert_int_equal(sealed.data[11], '.');

    assert_int_equal(hd_unseal(&mem, key, &context, &sealed, &out), HD_OK);
    assert_str(&out, "EAAtoken");

    /* never the same text twice */
    assert_int_equal(hd_seal(&mem, key, &context, &plain, &again), HD_OK);
    assert_memory_not_equal(sealed.data, again.data, sealed.len);

    assert_int_equal(hd_unseal(&mem, key, &other, &sealed, &out), HD_ERROR);
    assert_int_equal(hd_unseal(&mem, key2, &context, &sealed, &out),
                     HD_ERROR);

    /* no byte may change, and none may be missing */
    for (i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_int_equal(hd_unseal(&mem, key, &context, &sealed, &out),
                         HD_ERROR);
        sealed.data[i] ^= 1;

        again.data = sealed.data;
        again.len = i;
        assert_int_equal(hd_unseal(&mem, key, &context, &again, &out),
                         HD_ERROR);
    }

    plain = str("");
    assert_int_equal(hd_seal(&mem, key, &context, &plain, &sealed), HD_OK);
    assert_int_equal(hd_unseal(&mem, key, &context, &sealed, &out), HD_OK);
    assert_int_equal(out.len, 0);
}


static void
test_password(void **state)
{
    char  hash[HD_PASSWORD_HASH], long_hash[2 * HD_PASSWORD_HASH];

    (void) state;

    assert_int_equal(hd_password_hash(hash, "correct horse", 13), HD_OK);
    assert_memory_equal(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
    assert_int_equal(hd_password_verify(hash, "correct horse", 13), HD_OK);
    assert_int_equal(hd_password_verify(hash, "correct horsf", 13), HD_ERROR);
    assert_int_equal(hd_password_verify(hash, "", 0), HD_ERROR);
    assert_int_equal(hd_password_verify("", "", 0), HD_ERROR);
    assert_int_equal(hd_password_verify("$argon2id$", "x", 1), HD_ERROR);

    memset(long_hash, 'a', sizeof(long_hash));
    assert_int_equal(hd_password_verify(long_hash, "x", 1), HD_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_digest),
        unit(test_crc32c),
        unit(test_wycheproof),
        unit(test_base64url),
        unit(test_hex),
        unit(test_seal),
        unit(test_password)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

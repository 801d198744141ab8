/*
 * Files: what they are by their bytes, uploads in pieces of any size, and the
 * addresses that work without a sign-in.
 */

#include "unit.h"
#include "../../src/base/filetype.h"
#include "../../src/base/hash.h"
#include "../../src/base/link.h"
#include "../../src/base/multipart.h"


/* ── magic bytes ── */

#define is(bytes, name, expected)  type(bytes, sizeof(bytes) - 1, name, expected)

static void
type(const char *bytes, size_t len, const char *name, const char *expected)
{
    hd_str_t              s;
    const hd_filetype_t  *t;

    s.data = (unsigned char *) name;
    s.len = strlen(name);

    t = hd_filetype((const unsigned char *) bytes, len, &s);

    assert_string_equal(t ? t->ext : "none", expected);
}


static void
magic(void **state)
{
    hd_str_t  s;
    char      text[400];

    (void) state;

    is("\xff\xd8\xff\xe0xx", "a.png", "jpg");
    is("\x89PNG\r\n\x1a\nxx", "", "png");
    is("RIFF\x10\0\0\0WEBPVP8 ", "", "webp");
    is("RIFF\x10\0\0\0WAVEfmt ", "", "none");
    is("GIF89axx", "", "gif");
    is("\0\0\0\x18" "ftypisom\0\0\0\0", "", "mp4");
    is("\0\0\0\x18" "ftypmp42\0\0\0\0", "", "mp4");
    is("\0\0\0\x18" "ftyp3gp5\0\0\0\0", "", "3gp");
    is("\0\0\0\x18" "ftypM4A \0\0\0\0", "", "m4a");
    is("\0\0\0\x18" "ftypheic\0\0\0\0", "a.jpg", "none");
    is("OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x13OpusHead", "",
       "ogg");
    is("OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x13\1vorbis", "",
       "none");
    is("ID3\4\0\0\0\0\0\0", "", "mp3");
    is("\xff\xfb\x90\x64xx", "", "mp3");
    is("\xff\xf1\x50\x80xx", "", "aac");
    is("#!AMR\n", "", "amr");
    is("%PDF-1.7\n", "", "pdf");
    is("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Old.XLS", "xls");
    is("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "", "doc");
    is("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\2\0\0\0\5\0\0\0"
       "a.txtxxPK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
       "\x11\0\0\0word/document.xml", "x.zip", "docx");
    is("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\2\0\0\0\5\0\0\0"
       "a.txtxx", "report.docx", "none");
    is("PK\3\4\x14\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0"
       "[Content_Types].xml", "report.xlsx", "xlsx");
    is("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\x27\0\0\0\x27\0\0\0\x08\0\0\0"
       "mimetypeapplication/vnd.oasis.opendocument.text", "", "odt");
    is("a,b\n1,2\n", "x.csv", "csv");
    is("Karibu \xF0\x9F\x91\x8B", "x", "txt");
    is("Karibu \xF0\x9F", "x", "txt");

    /* what a browser would run, and what is nothing */
    is("<!DOCTYPE html><script>", "x.txt", "none");
    is("  \n<svg xmlns=", "x.png", "none");
    is("MZ\x90\0\3\0", "x.pdf", "none");
    is("a\0b", "x.txt", "none");
    is("", "x.jpg", "none");

    s = str("image/JPEG; q=1");
    assert_string_equal(hd_filetype_mime(&s)->ext, "jpg");

    hd_use_mimes(HD_USE_STICKER, text, sizeof(text));
    assert_string_equal(text, "image/webp");
    s = str("video");
    assert_int_equal(hd_use_find(&s), HD_USE_VIDEO);
}


/* ── multipart ── */

typedef struct {
    char      log[4096];
    size_t    len;
    unsigned  fresh;
} seen_t;


static int
on_part(void *ctx, const hd_part_t *p)
{
    seen_t  *s = ctx;

    s->len += (size_t) sprintf(s->log + s->len, "[%.*s|%.*s|%.*s:",
                               (int) p->name.len, p->name.data,
                               (int) p->filename.len,
                               p->filename.data ? (char *) p->filename.data
                                                : "",
                               (int) p->type.len, p->type.data);

    return HD_OK;
}


static int
on_data(void *ctx, const unsigned char *data, size_t len)
{
    seen_t  *s = ctx;

    memcpy(s->log + s->len, data, len);
    s->len += len;
    s->log[s->len] = '\0';

    return HD_OK;
}


static int
on_end(void *ctx)
{
    seen_t  *s = ctx;

    s->log[s->len++] = ']';
    s->log[s->len] = '\0';

    return HD_OK;
}


static const char *
parts(const char *type, const char *body, size_t piece)
{
    size_t          n, len;
    hd_str_t        s;
    hd_multipart_t  mp;
    static seen_t   seen;

    hd_multipart_sink_t  sink = { on_part, on_data, on_end, &seen };

    memset(&seen, 0, sizeof(seen));
    s = str(type);

    if (hd_multipart_init(&mp, &s, &sink) != HD_OK) {
        return "not multipart";
    }

    len = strlen(body);

    for ( ; len; body += n, len -= n) {
        n = len < piece ? len : piece;

        if (hd_multipart_feed(&mp, (const unsigned char *) body, n) != HD_OK)
        {
            return mp.error ? mp.error : "stopped";
        }
    }

    return hd_multipart_whole(&mp) ? seen.log : "not whole";
}


static void
multipart(void **state)
{
    size_t  piece;

    static const char  body[] =
        "preamble\r\n--XY\r\n"
        "Content-Disposition: form-data; name=\"note\"\r\n\r\n"
        "hi\r\n--X\r\n\r--XY-\r\n"
        "\r\n--XY \r\n"
        "content-type: image/png\r\n"
        "Content-Disposition: form-data; filename=\"a\\\"b;.png\"; "
        "name=file\r\n\r\n"
        "\r\n\r\n--X\r\r\n--XY--\r\nepilogue --XY";

    (void) state;

    for (piece = 1; piece < sizeof(body); piece++) {
        assert_string_equal(parts("multipart/form-data; boundary=XY", body,
                                  piece),
                            "[note||:hi\r\n--X\r\n\r--XY-\r\n]"
                            "[file|a\"b;.png|image/png:\r\n\r\n--X\r]");
    }

    assert_string_equal(parts("multipart/form-data; charset=x; "
                              "boundary=\"a b\"", "--a b--", 3), "");
    assert_string_equal(parts("multipart/form-data", "", 1),
                        "not multipart");
    assert_string_equal(parts("image/png; boundary=x", "", 1),
                        "not multipart");
    assert_string_equal(parts("multipart/form-data; boundary=XY", body + 8,
                              7) + 1, "note||:hi\r\n--X\r\n\r--XY-\r\n]"
                              "[file|a\"b;.png|image/png:\r\n\r\n--X\r]");
    assert_string_equal(parts("multipart/form-data; boundary=XY",
                              "--XY\r\nContent-Disposition: form-data; "
                              "name=a\r\n\r\nhalf", 5), "not whole");
    assert_string_equal(parts("multipart/form-data; boundary=XY",
                              "--XY\r\nX: y\r\n\r\n", 5),
                        "a part has no name");
    assert_string_equal(parts("multipart/form-data; boundary=XY",
                              "--XYZ\r\n", 5),
                        "a boundary is not followed by a line end");
}


/* ── links ── */

static void
links(void **state)
{
    size_t         i;
    int64_t        until;
    uint32_t       seq;
    hd_str_t       url, t;
    hd_uuid_t      org, batch, back;
    unsigned char  secret[HD_SEAL_KEY], other[HD_SEAL_KEY];
    unsigned char  key[8], got[8], token[HD_LINK_TOKEN], two[HD_LINK_TOKEN];
    unsigned char  file[HD_FILE_TOKEN];

    (void) state;

    memset(secret, 7, sizeof(secret));
    memset(other, 8, sizeof(other));
    memset(org.b, 1, 16);
    memset(batch.b, 2, 16);
    url = str("https://a.example/x");

    hd_link_key(secret, &org, &batch, &url, key);
    hd_link_format(secret, key, 4711, token);
    hd_link_format(secret, key, 4712, two);

    /* neighbours look alike in their key only */
    assert_memory_equal(token, two, 10);
    assert_memory_not_equal(token + 10, two + 10, 6);

    t.data = token;
    t.len = sizeof(token);
    assert_int_equal(hd_link_parse(secret, &t, got, &seq), HD_OK);
    assert_int_equal(seq, 4711);
    assert_memory_equal(got, key, 8);
    assert_int_equal(hd_link_parse(other, &t, got, &seq), HD_ERROR);

    for (i = 0; i < sizeof(token); i++) {
        unsigned char  was = token[i];

        token[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(hd_link_parse(secret, &t, got, &seq), HD_ERROR);
        token[i] = was;
    }

    t.len--;
    assert_int_equal(hd_link_parse(secret, &t, got, &seq), HD_ERROR);

    hd_file_link_format(secret, &org, &batch, 1800000000, file);
    t.data = file;
    t.len = sizeof(file);
    assert_int_equal(hd_file_link_parse(secret, &batch, &t, &back, &until),
                     HD_OK);
    assert_memory_equal(back.b, org.b, 16);
    assert_int_equal(until, 1800000000);
    assert_int_equal(hd_file_link_parse(secret, &org, &t, &back, &until),
                     HD_ERROR);
    file[20] ^= 1;
    assert_int_equal(hd_file_link_parse(secret, &batch, &t, &back, &until),
                     HD_ERROR);
}


static void
found(const char *text, const char *expected)
{
    char      all[512];
    size_t    at, n;
    hd_str_t  s, url;

    s = str(text);
    all[0] = '\0';

    for (at = 0, n = 0; hd_link_next(&s, at, &url) == HD_OK;
         at = (size_t) (url.data - s.data) + url.len)
    {
        n += (size_t) sprintf(all + n, "%.*s ", (int) url.len, url.data);
    }

    assert_string_equal(all, expected);
}


static void
addresses(void **state)
{
    (void) state;

    found("See https://a.example/x?y=1#z. Or (http://b.example), ok?",
          "https://a.example/x?y=1#z http://b.example ");
    found("HTTPS://A.EXAMPLE", "HTTPS://A.EXAMPLE ");
    found("https:// nothing, https://", "");
    found("no link", "");
    found("", "");
}


static void
hashes(void **state)
{
    hd_hash_t     *h;
    unsigned char  a[32], b[32];

    (void) state;

    h = hd_hash_create();
    hd_hash_update(h, "ab", 2);
    hd_hash_update(h, "c", 1);
    hd_hash_final(h, a);
    hd_hash_destroy(h);
    hd_sha256("abc", 3, b);

    assert_memory_equal(a, b, 32);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(magic), unit(multipart), unit(links), unit(addresses),
        unit(hashes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

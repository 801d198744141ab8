/*
 * csv: rows as text, "line:field|field" with a newline after each, so that a
 * case is one line.  Every case is fed whole and byte by byte.
 */

#include "unit.h"


typedef struct {
    hd_buf_t    out;
    unsigned    rows;
    unsigned    stop;               /* after so many rows */
    int         lines;              /* write line numbers */
} sheet_t;


static int
on_row(void *ctx, uint64_t line, hd_str_t *fields, size_t n)
{
    sheet_t *sheet = ctx;

    size_t  i;

    if (sheet->lines) {
        hd_buf_int(&sheet->out, (int64_t) line);
        hd_buf_char(&sheet->out, ':');
    }

    for (i = 0; i < n; i++) {
        if (i != 0) {
            hd_buf_char(&sheet->out, '|');
        }

        assert_true(hd_utf8_valid(fields[i].data, fields[i].len));
        hd_buf_str(&sheet->out, &fields[i]);
    }

    hd_buf_char(&sheet->out, '\n');

    return (++sheet->rows == sheet->stop) ? HD_ERROR : HD_OK;
}


/* returns the parser's verdict; why has its words */
static int
read_csv(sheet_t *sheet, const void *data, size_t len, size_t step,
    size_t max_row, char why[128])
{
    int             rc;
    size_t          n;
    hd_csv_t       *csv;
    unsigned char  *copy;

    /* a copy of the exact size: a sanitizer sees any byte read past it */
    copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, data, len);

    csv = hd_csv_create(on_row, sheet, max_row);
    assert_non_null(csv);

    rc = HD_OK;
    data = copy;

    while (len != 0 && rc == HD_OK) {
        n = (len < step) ? len : step;
        rc = hd_csv_feed(csv, data, n);
        data = (const char *) data + n;
        len -= n;
    }

    if (rc == HD_OK) {
        rc = hd_csv_finish(csv);
    }

    (void) snprintf(why, 128, "%s", hd_csv_error(csv));
    hd_csv_destroy(csv);
    free(copy);

    return rc;
}


static void
check_bytes(const void *data, size_t len, const char *rows)
{
    size_t   i;
    char     why[128];
    sheet_t  sheet;

    static const size_t  steps[] = { 65536, 1, 2, 3, 7 };

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        memset(&sheet, 0, sizeof(sheet));
        sheet.lines = 1;

        if (read_csv(&sheet, data, len, steps[i], 4096, why) != HD_OK) {
            fail_msg("%s", why);
        }

        hd_buf_char(&sheet.out, '\0');
        assert_string_equal((char *) sheet.out.data, rows);
        hd_buf_free(&sheet.out);
    }
}


static void
check(const char *text, const char *rows)
{
    check_bytes(text, strlen(text), rows);
}


static void
check_error(const char *text, size_t len, const char *words)
{
    size_t   i;
    char     why[128];
    sheet_t  sheet;

    static const size_t  steps[] = { 65536, 1, 3 };

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        memset(&sheet, 0, sizeof(sheet));
        assert_int_equal(read_csv(&sheet, text, len, steps[i], 64, why),
                         HD_ERROR);
        if (strstr(why, words) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", why, words);
        }

        hd_buf_free(&sheet.out);
    }
}


static void
test_rows(void **state)
{
    (void) state;

    check("", "");
    check("\n\n", "");
    check("a,b\n", "1:a|b\n");
    check("a,b", "1:a|b\n");
    check("a,b\n1,2\n", "1:a|b\n2:1|2\n");
    check("a,b\r\n1,2\r\n", "1:a|b\n2:1|2\n");
    check("a,b\r1,2\r", "1:a|b\n2:1|2\n");
    check("a,b\r1,2", "1:a|b\n2:1|2\n");
    check("a\n\n\nb\n", "1:a\n4:b\n");
    check("a\r\n\r\nb\r\n", "1:a\n3:b\n");
    check("a\r\rb", "1:a\n3:b\n");
    check("\n\na,b\n1,2", "3:a|b\n4:1|2\n");
    check("a,\n,b\n,\n", "1:a|\n2:|b\n3:|\n");
    check("  \na\n", "2:a\n");
    check("\"\"\n", "1:\n");
}


static void
test_quotes(void **state)
{
    (void) state;

    check("a,\"b,c\"\n", "1:a|b,c\n");
    check("\"a\"\"b\",c\n", "1:a\"b|c\n");
    check("a,b\n\"x\ny\",2\nc,d\n", "1:a|b\n2:x\ny|2\n4:c|d\n");
    check("a,b\r\n\"x\r\ny\r\n\",2\r\nc,d", "1:a|b\n2:x\r\ny\r\n|2\n5:c|d\n");
    check("a,b\n\"x\r\ry\",2\nc,d\n", "1:a|b\n2:x\r\ry|2\n5:c|d\n");
    check("a,\" b \"\n", "1:a| b \n");
    check("a,\"b\" , c \n", "1:a|b|c\n");
    check("A,B \"B\",C", "1:A|B \"B\"|C\n");
    check("\"h1\nx\",h2\n1,2\n", "1:h1\nx|h2\n3:1|2\n");
}


static void
test_separator(void **state)
{
    (void) state;

    check("a;b;c\n1,5;2;3\n", "1:a|b|c\n2:1,5|2|3\n");
    check("a\tb\n1\t2\n", "1:a|b\n2:1|2\n");
    check("a\t\tb\n", "1:a||b\n");
    check("\"a;b;c\",d\n", "1:a;b;c|d\n");
    check("name\nAnn\n", "1:name\n2:Ann\n");
    check("a,b;c\n", "1:a|b;c\n");
    check("sep=;\na;b\n", "2:a|b\n");
    check("\n\nsep=;\n", "3:sep=|\n");
    check("\r\n\na;b\n", "3:a|b\n");
    check("sep=,\r\na,b\r\n", "2:a|b\n");
}


static void
test_encoding(void **state)
{
    (void) state;

    check("\xef\xbb\xbfname,b\n1,2\n", "1:name|b\n2:1|2\n");
    check("\xef\xbb\xbf\"name\",b\n", "1:name|b\n");
    check("\xef\xbb\xbf", "");
    check("J\xc3\xbcrg,Jos\xe9,\x80\n", "1:J\xc3\xbcrg|Jos\xc3\xa9|"
          "\xe2\x82\xac\n");

    check_bytes("\xff\xfe" "a\0,\0\xe9\0\n\0" "\x3d\xd8\x00\xde\n\0", 16,
                "1:a|\xc3\xa9\n2:\xf0\x9f\x98\x80\n");
    check_bytes("\xfe\xff\0a\0\t\0b", 8, "1:a|b\n");

    /* a lone half, and half a unit at the end */
    check_bytes("\xff\xfe\x3d\xd8" "a\0\n\0b", 9,
                "1:\xef\xbf\xbd" "a\n2:\xef\xbf\xbd\n");
    check_bytes("\xff\xfe", 2, "");
    check_bytes("\xff", 1, "1:\xc3\xbf\n");
}


static void
test_errors(void **state)
{
    char      why[128];
    hd_buf_t  b;
    sheet_t   sheet;

    (void) state;

    check_error("a,b\n\"c,d\n", 9, "line 2: the file ends within quotes");
    check_error("a\n\0\n", 4, "line 2: a NUL byte");
    check_error("\0", 1, "NUL");

    hd_buf_init(&b);
    hd_buf_z(&b, "a,b\n1,2\n\"");
    while (b.len < 200) {
        hd_buf_z(&b, "xxxx\n");
    }

    check_error((char *) b.data, b.len, "line 3: the row is too long");
    hd_buf_reset(&b);

    while (b.len < 20000) {
        hd_buf_z(&b, "xxxxxxxxxxxx");
    }

    check_error((char *) b.data, b.len, "line 1: the row is too long");
    hd_buf_free(&b);

    /* empty lines are no row, however many */
    hd_buf_init(&b);

    while (b.len < 10000) {
        hd_buf_char(&b, '\n');
    }

    hd_buf_z(&b, "a;b");
    memset(&sheet, 0, sizeof(sheet));
    sheet.lines = 1;
    assert_int_equal(read_csv(&sheet, b.data, b.len, 9, 64, why), HD_OK);
    assert_buf(&sheet.out, "10001:a|b\n");
    hd_buf_free(&sheet.out);
    hd_buf_free(&b);

    /* the handler stops it, and knows why */
    memset(&sheet, 0, sizeof(sheet));
    sheet.stop = 2;
    assert_int_equal(read_csv(&sheet, "a\nb\nc\nd\n", 8, 100, 64, why),
                     HD_ERROR);
    assert_string_equal(why, "");
    assert_int_equal(sheet.rows, 2);
    hd_buf_free(&sheet.out);
}


static void
test_columns(void **state)
{
    char       why[128];
    hd_buf_t   b;
    unsigned   i;
    sheet_t    sheet;

    (void) state;

    hd_buf_init(&b);

    for (i = 0; i < 5000; i++) {
        hd_buf_z(&b, "x,");
    }

    memset(&sheet, 0, sizeof(sheet));
    assert_int_equal(read_csv(&sheet, b.data, b.len, b.len, 65536, why),
                     HD_ERROR);
    assert_string_equal(why, "line 1: too many columns");
    hd_buf_free(&sheet.out);

    memset(&sheet, 0, sizeof(sheet));
    assert_int_equal(read_csv(&sheet, b.data, 2000, 100, 65536, why), HD_OK);
    assert_int_equal(sheet.rows, 1);
    hd_buf_free(&sheet.out);
    hd_buf_free(&b);
}


static void
check_write(const char *field, const char *text)
{
    hd_buf_t  b;
    hd_str_t  s;

    hd_buf_init(&b);
    s = str(field);
    hd_csv_write(&b, &s);
    assert_buf(&b, text);
    hd_buf_free(&b);
}


static void
test_write(void **state)
{
    (void) state;

    check_write("", "");
    check_write("plain", "plain");
    check_write("a,b", "\"a,b\"");
    check_write("a;b", "\"a;b\"");
    check_write("say \"hi\"", "\"say \"\"hi\"\"\"");
    check_write("a\nb", "\"a\nb\"");
    check_write(" a", "\" a\"");
    check_write("=1+1", "'=1+1");
    check_write("+254712345678", "'+254712345678");
    check_write("-1", "'-1");
    check_write("@sum", "'@sum");
    check_write("\tx", "\"'\tx\"");
    check_write("\rx", "\"'\rx\"");
    check_write("=a,b", "\"'=a,b\"");
    check_write("\xef\xbc\x9d" "1", "'\xef\xbc\x9d" "1");
    check_write("\xef\xbc\x8b" "1", "'\xef\xbc\x8b" "1");
    check_write("\xef\xbc\x8d" "1", "'\xef\xbc\x8d" "1");
    check_write("\xef\xbc\xa0" "1", "'\xef\xbc\xa0" "1");
    check_write("\xef\xbc\xa1", "\xef\xbc\xa1");
    check_write("a=b", "a=b");
}


/* spectrum: each .csv has a .json, a list of objects by the head row */

static void
spectrum_file(const char *name, const char *path)
{
    char              why[128], other[2 * HD_UNIT_PATH];
    size_t            n;
    sheet_t           sheet;
    hd_buf_t          want;
    hd_str_t          s;
    hd_json_t        *v, *row, *cell;
    hd_json_error_t   err;

    n = strlen(path) - 4;
    (void) snprintf(other, sizeof(other), "%.*s.json", (int) n, path);

    s = slurp(other);
    v = hd_json_parse(&mem, s.data, s.len, 8, &err);
    assert_non_null(v);

    hd_buf_init(&want);

    for (row = v->child; row != NULL; row = row->next) {

        if (row == v->child) {
            for (cell = row->child; cell != NULL; cell = cell->next) {
                hd_buf_str(&want, &cell->key);
                hd_buf_char(&want, cell->next ? '|' : '\n');
            }
        }

        for (cell = row->child; cell != NULL; cell = cell->next) {
            hd_buf_str(&want, &cell->str);
            hd_buf_char(&want, cell->next ? '|' : '\n');
        }
    }

    s = slurp(path);
    memset(&sheet, 0, sizeof(sheet));

    if (read_csv(&sheet, s.data, s.len, 5, 4096, why) != HD_OK) {
        fail_msg("%s: %s", name, why);
    }

    hd_buf_char(&want, '\0');
    hd_buf_char(&sheet.out, '\0');
    assert_string_equal((char *) sheet.out.data, (char *) want.data);

    hd_buf_free(&want);
    hd_buf_free(&sheet.out);
}


static void
test_spectrum(void **state)
{
    char  path[HD_UNIT_PATH];

    (void) state;

    fixture(path, "csv/spectrum");
    assert_true(each_file(path, ".csv", spectrum_file) >= 6);
}


/*
 * papaparse: the cases without options that are not ours.  Where our rules
 * differ on purpose the case is named: outer spaces of unquoted fields go, CR
 * always ends a row, a row open at the end is an error.
 */
static int
papaparse_applies(const hd_json_t *v)
{
    size_t            i;
    hd_str_t          s;
    const hd_json_t  *config;

    static const char  *differ[] = {
        "Whitespace at edges of unquoted field",
        "Quoted field with whitespace around quotes",
        "Quoted field has invalid trailing quote after delimiter",
        "Input without comments with line starting with whitespace",
        "Mixed slash n and slash r should choose first as precident",
        "Blank line in middle with whitespace"
    };

    s = hd_json_str(v, "description");

    for (i = 0; i < sizeof(differ) / sizeof(differ[0]); i++) {
        if (s.len == strlen(differ[i])
            && memcmp(s.data, differ[i], s.len) == 0)
        {
            return 0;
        }
    }

    s = hd_json_str(v, "input");
    if (memchr(s.data, '|', s.len) != NULL) {
        return 0;
    }

    config = hd_json_get(v, "config");

    return config == NULL || config->count == 0
           || (config->count == 1 && hd_json_get(config, "newline") != NULL);
}


static unsigned
papaparse_cases(const hd_json_t *list)
{
    char              why[128];
    sheet_t           sheet;
    hd_buf_t          want;
    hd_str_t          s;
    unsigned          n;
    const hd_json_t  *v, *data, *row, *cell;

    n = 0;

    for (v = list->child; v != NULL; v = v->next) {

        data = hd_json_path(v, "expected.data");

        if (data == NULL || !papaparse_applies(v)) {
            continue;
        }

        hd_buf_init(&want);

        for (row = data->child; row != NULL; row = row->next) {

            /* empty lines are skipped here */
            if (row->count == 1 && row->child->str.len == 0) {
                continue;
            }

            for (cell = row->child; cell != NULL; cell = cell->next) {
                hd_buf_str(&want, &cell->str);
                hd_buf_char(&want, cell->next ? '|' : '\n');
            }
        }

        memset(&sheet, 0, sizeof(sheet));
        s = hd_json_str(v, "input");

        if (read_csv(&sheet, s.data, s.len, 3, 65536, why) != HD_OK) {
            s = hd_json_str(v, "description");
            fail_msg("%.*s: %s", (int) s.len, s.data, why);
        }

        hd_buf_char(&want, '\0');
        hd_buf_char(&sheet.out, '\0');

        if (strcmp((char *) sheet.out.data, (char *) want.data) != 0) {
            s = hd_json_str(v, "description");
            fail_msg("%.*s: got %s, expected %s", (int) s.len, s.data,
                     sheet.out.data, want.data);
        }

        hd_buf_free(&want);
        hd_buf_free(&sheet.out);
        n++;
    }

    return n;
}


static void
test_papaparse(void **state)
{
    char              path[HD_UNIT_PATH];
    unsigned          n;
    hd_str_t          s;
    hd_json_t        *v;
    hd_json_error_t   err;

    (void) state;

    fixture(path, "csv/papaparse/cases.json");
    s = slurp(path);
    v = hd_json_parse(&mem, s.data, s.len, 16, &err);
    if (v == NULL) {
        fail_msg("cases.json at %zu: %s", err.offset, err.text);
        return;
    }

    n = papaparse_cases(hd_json_get(v, "CORE_PARSER_TESTS"))
        + papaparse_cases(hd_json_get(v, "PARSE_TESTS"));

    printf("# papaparse: %u cases apply\n", n);
    assert_true(n > 20);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_rows),
        unit(test_quotes),
        unit(test_separator),
        unit(test_encoding),
        unit(test_errors),
        unit(test_columns),
        unit(test_write),
        unit(test_spectrum),
        unit(test_papaparse)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

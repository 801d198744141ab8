/*
 * filetype: magic numbers.  What is not known here is not taken: a file that
 * nobody can say what it is would be refused by the provider, or opened by a
 * browser as what it claims to be.
 */

#include <stdio.h>
#include <strings.h>

#include "filetype.h"


#define HD_IMAGE     hd_use_bit(HD_USE_IMAGE)
#define HD_VIDEO     hd_use_bit(HD_USE_VIDEO)
#define HD_AUDIO     hd_use_bit(HD_USE_AUDIO)
#define HD_DOCUMENT  hd_use_bit(HD_USE_DOCUMENT)
#define HD_STICKER   hd_use_bit(HD_USE_STICKER)

#define HD_ZIP_NAMES  64               /* entries that are looked at */


static const hd_filetype_t  hd_filetypes[] = {
    { "image/jpeg", "jpg", HD_IMAGE|HD_DOCUMENT },
    { "image/png", "png", HD_IMAGE|HD_DOCUMENT },
    { "image/webp", "webp", HD_STICKER|HD_DOCUMENT },
    { "image/gif", "gif", HD_DOCUMENT },
    { "video/mp4", "mp4", HD_VIDEO|HD_DOCUMENT },
    { "video/3gpp", "3gp", HD_VIDEO|HD_DOCUMENT },
    { "audio/ogg", "ogg", HD_AUDIO|HD_DOCUMENT },
    { "audio/mpeg", "mp3", HD_AUDIO|HD_DOCUMENT },
    { "audio/aac", "aac", HD_AUDIO|HD_DOCUMENT },
    { "audio/amr", "amr", HD_AUDIO|HD_DOCUMENT },
    { "audio/mp4", "m4a", HD_AUDIO|HD_DOCUMENT },
    { "application/pdf", "pdf", HD_DOCUMENT },
    { "application/vnd.openxmlformats-officedocument.wordprocessingml"
      ".document", "docx", HD_DOCUMENT },
    { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
      "xlsx", HD_DOCUMENT },
    { "application/vnd.openxmlformats-officedocument.presentationml"
      ".presentation", "pptx", HD_DOCUMENT },
    { "application/vnd.oasis.opendocument.text", "odt", HD_DOCUMENT },
    { "application/vnd.oasis.opendocument.spreadsheet", "ods", HD_DOCUMENT },
    { "application/vnd.oasis.opendocument.presentation", "odp",
      HD_DOCUMENT },
    { "application/msword", "doc", HD_DOCUMENT },
    { "application/vnd.ms-excel", "xls", HD_DOCUMENT },
    { "application/vnd.ms-powerpoint", "ppt", HD_DOCUMENT },
    { "text/plain", "txt", HD_DOCUMENT },
    { "text/csv", "csv", HD_DOCUMENT }
};

#define HD_FILETYPES  (sizeof(hd_filetypes) / sizeof(hd_filetypes[0]))

static const struct {
    const char  *name;
    int64_t      max;
} hd_uses[] = {
    { "image", 5 * 1024 * 1024 },
    { "video", 16 * 1024 * 1024 },
    { "audio", 16 * 1024 * 1024 },
    { "document", HD_FILE_MAX },
    { "sticker", 500 * 1024 }
};


static const hd_filetype_t *
hd_filetype_ext(const char *ext)
{
    size_t  i;

    for (i = 0; i < HD_FILETYPES; i++) {
        if (strcmp(hd_filetypes[i].ext, ext) == 0) {
            return &hd_filetypes[i];
        }
    }

    return NULL;
}


const hd_filetype_t *
hd_filetype_mime(const hd_str_t *mime)
{
    size_t  i, n;

    for (n = 0; n < mime->len; n++) {
        if (mime->data[n] == ';' || mime->data[n] == ' ') {
            break;
        }
    }

    for (i = 0; i < HD_FILETYPES; i++) {
        if (strlen(hd_filetypes[i].mime) == n
            && strncasecmp(hd_filetypes[i].mime, (char *) mime->data, n) == 0)
        {
            return &hd_filetypes[i];
        }
    }

    return NULL;
}


static int
hd_filetype_named(const hd_str_t *name, const char *ext)
{
    size_t  n;

    n = strlen(ext);

    return name->len > n && name->data[name->len - n - 1] == '.'
           && strncasecmp((char *) name->data + name->len - n, ext, n) == 0;
}


/* does it stand at this place? */
static int
hd_filetype_at(const unsigned char *data, size_t len, size_t at,
    const char *magic, size_t n)
{
    return len >= at + n && memcmp(data + at, magic, n) == 0;
}

#define hd_is(at, magic)                                                      \
    hd_filetype_at(data, len, at, magic, sizeof(magic) - 1)


/* the brand of an ISO base media file */
static const char *
hd_filetype_iso(const unsigned char *data, size_t len)
{
    if (hd_is(8, "M4A ") || hd_is(8, "M4B ")) {
        return "m4a";
    }

    if (hd_is(8, "3gp") || hd_is(8, "3g2")) {
        return "3gp";
    }

    if (hd_is(8, "isom") || hd_is(8, "iso") || hd_is(8, "mp4")
        || hd_is(8, "avc1") || hd_is(8, "M4V") || hd_is(8, "MSNV")
        || hd_is(8, "dash") || hd_is(8, "mmp4"))
    {
        return "mp4";
    }

    /* heic, avif, QuickTime: nothing that WhatsApp takes */
    return NULL;
}


static size_t
hd_filetype_le(const unsigned char *p, size_t n)
{
    size_t  v;

    for (v = 0; n != 0; n--) {
        v = (v << 8) | p[n - 1];
    }

    return v;
}


/* the names of a zip's first entries say which office wrote it */
static const char *
hd_filetype_zip(const unsigned char *data, size_t len)
{
    size_t       at, n, i;
    const char  *found;

    found = NULL;
    at = 0;

    for (i = 0; i < HD_ZIP_NAMES && at + 30 < len; i++) {

        if (!hd_is(at, "PK\003\004")) {
            break;
        }

        n = hd_filetype_le(data + at + 26, 2);

        if (at + 30 + n > len) {
            break;
        }

        if (i == 0 && n == 8 && hd_is(at + 30, "mimetype")) {
            at += 38 + hd_filetype_le(data + at + 28, 2);

            return hd_is(at, "application/vnd.oasis.opendocument.text")
                   ? "odt"
                   : hd_is(at, "application/vnd.oasis.opendocument.sp")
                   ? "ods"
                   : hd_is(at, "application/vnd.oasis.opendocument.pr")
                   ? "odp" : NULL;
        }

        if (hd_is(at + 30, "word/")) {
            return "docx";
        }

        if (hd_is(at + 30, "xl/")) {
            return "xlsx";
        }

        if (hd_is(at + 30, "ppt/")) {
            return "pptx";
        }

        if (hd_is(at + 30, "[Content_Types].xml")) {
            found = "?";
        }

        n += 30 + hd_filetype_le(data + at + 28, 2);
        n += hd_filetype_le(data + at + 18, 4);

        if (data[at + 6] & 8) {
            /* the length follows the data: nobody knows where the next is */
            break;
        }

        at += n;
    }

    return found;
}


/* UTF-8 (a character may be cut at the end) without control characters */
static int
hd_filetype_text(const unsigned char *data, size_t len)
{
    size_t  i, cut;

    for (i = 0; i < len; i++) {
        if ((data[i] < ' ' && data[i] != '\t' && data[i] != '\n'
             && data[i] != '\r' && data[i] != '\f')
            || data[i] == 0x7f)
        {
            return 0;
        }
    }

    for (cut = 0; cut < 4 && cut <= len; cut++) {
        if (hd_utf8_valid(data, len - cut)) {
            return len != 0;
        }
    }

    return 0;
}


/* what no browser must ever take for a page, and no phone shows */
static int
hd_filetype_markup(const unsigned char *data, size_t len)
{
    while (len && (*data <= ' ' || *data == 0xef || *data == 0xbb
                   || *data == 0xbf))
    {
        data++;
        len--;
    }

    return len && *data == '<';
}


static const char *
hd_filetype_office(const unsigned char *data, size_t len,
    const hd_str_t *name)
{
    size_t       i;
    const char  *ext;

    static const char *const  old[] = { "doc", "xls", "ppt" };
    static const char *const  packed[] = { "docx", "xlsx", "pptx" };

    if (hd_is(0, "PK\003\004")) {
        ext = hd_filetype_zip(data, len);

        if (ext == NULL || *ext != '?') {
            return ext;
        }

        for (i = 0; i < 3; i++) {
            if (hd_filetype_named(name, packed[i])) {
                return packed[i];
            }
        }

        return NULL;
    }

    if (!hd_is(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) {
        return NULL;
    }

    for (i = 0; i < 3; i++) {
        if (hd_filetype_named(name, old[i])) {
            return old[i];
        }
    }

    return "doc";
}


static const char *
hd_filetype_audio(const unsigned char *data, size_t len)
{
    if (hd_is(0, "OggS")) {
        return hd_is(28, "OpusHead") ? "ogg" : NULL;
    }

    if (hd_is(0, "#!AMR")) {
        return "amr";
    }

    if (hd_is(0, "ID3")) {
        return "mp3";
    }

    if (len < 4 || data[0] != 0xff || (data[1] & 0xe0) != 0xe0) {
        return NULL;
    }

    if ((data[1] & 0xf6) == 0xf0) {
        return "aac";
    }

    /* an MPEG layer 3 frame: no reserved version, bit rate or frequency */
    return ((data[1] & 0x06) == 0x02 && (data[1] & 0x18) != 0x08
            && (data[2] & 0xf0) != 0xf0 && (data[2] & 0x0c) != 0x0c)
           ? "mp3" : NULL;
}


const hd_filetype_t *
hd_filetype(const unsigned char *data, size_t len, const hd_str_t *name)
{
    const char  *ext;

    if (len > HD_FILETYPE_HEAD) {
        len = HD_FILETYPE_HEAD;
    }

    if (hd_is(0, "\xff\xd8\xff")) {
        ext = "jpg";

    } else if (hd_is(0, "\x89PNG\r\n\x1a\n")) {
        ext = "png";

    } else if (hd_is(0, "RIFF") && hd_is(8, "WEBP")) {
        ext = "webp";

    } else if (hd_is(0, "GIF87a") || hd_is(0, "GIF89a")) {
        ext = "gif";

    } else if (hd_is(4, "ftyp")) {
        ext = hd_filetype_iso(data, len);

    } else if (hd_is(0, "%PDF-")) {
        ext = "pdf";

    } else {
        ext = hd_filetype_audio(data, len);

        if (ext == NULL) {
            ext = hd_filetype_office(data, len, name);
        }

        if (ext == NULL && hd_filetype_text(data, len)
            && !hd_filetype_markup(data, len))
        {
            ext = hd_filetype_named(name, "csv") ? "csv" : "txt";
        }
    }

    return ext ? hd_filetype_ext(ext) : NULL;
}


hd_use_e
hd_use_find(const hd_str_t *name)
{
    unsigned  i;

    for (i = 0; i < HD_USES; i++) {
        if (strlen(hd_uses[i].name) == name->len
            && memcmp(hd_uses[i].name, name->data, name->len) == 0)
        {
            break;
        }
    }

    return (hd_use_e) i;
}


const char *
hd_use_name(hd_use_e use)
{
    return hd_uses[use].name;
}


int64_t
hd_use_max(hd_use_e use)
{
    return hd_uses[use].max;
}


void
hd_use_mimes(hd_use_e use, char *text, size_t size)
{
    int     n;
    size_t  i, len;

    len = 0;
    text[0] = '\0';

    for (i = 0; i < HD_FILETYPES; i++) {
        if (!(hd_filetypes[i].uses & hd_use_bit(use))) {
            continue;
        }

        n = snprintf(text + len, size - len, "%s%s", len ? ", " : "",
                     hd_filetypes[i].mime);

        if (n < 0 || (size_t) n >= size - len) {
            text[len] = '\0';
            return;
        }

        len += (size_t) n;
    }
}

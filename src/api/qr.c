/*
 * qr: a text as a picture.  libqrencode makes the modules, libpng the file;
 * only this file names either.
 */

#include "session.h"

#include <png.h>
#include <qrencode.h>


#define HD_QR_QUIET  4                 /* modules around it, by the standard */
#define HD_QR_SCALE  8                 /* pixels of a module */
#define HD_QR_MAX    2900              /* what the largest one holds */


static QRcode *
hd_qr_make(const hd_str_t *text)
{
    if (text->len == 0 || text->len > HD_QR_MAX) {
        return NULL;
    }

    return QRcode_encodeData((int) text->len, text->data, 0, QR_ECLEVEL_L);
}


int
hd_qr_svg(hd_buf_t *b, const hd_str_t *text)
{
    int      x, y, run, side;
    QRcode  *qr;

    qr = hd_qr_make(text);
    if (qr == NULL) {
        return HD_ERROR;
    }

    side = qr->width + 2 * HD_QR_QUIET;

    hd_buf_printf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\""
                  "0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" "
                  "aria-label=\"QR code\" shape-rendering=\"crispEdges\">"
                  "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>"
                  "<path d=\"", side, side, side * HD_QR_SCALE,
                  side * HD_QR_SCALE);

    for (y = 0; y < qr->width; y++) {
        for (x = 0; x < qr->width; x += run) {
            run = 1;

            if ((qr->data[y * qr->width + x] & 1) == 0) {
                continue;
            }

            while (x + run < qr->width
                   && (qr->data[y * qr->width + x + run] & 1))
            {
                run++;
            }

            hd_buf_printf(b, "M%d %dh%dv1h-%dz", x + HD_QR_QUIET,
                          y + HD_QR_QUIET, run, run);
        }
    }

    hd_buf_z(b, "\"/></svg>\n");
    QRcode_free(qr);

    return b->failed ? HD_ERROR : HD_OK;
}


static void
hd_qr_write(png_structp png, png_bytep data, png_size_t len)
{
    hd_buf_add(png_get_io_ptr(png), data, len);
}


static void
hd_qr_flush(png_structp png)
{
    /* void */
}


/* a row of pixels, one bit each: 1 is white */

static void
hd_qr_line(QRcode *qr, int y, u_char *row, size_t len)
{
    int  x, i, at;

    ngx_memset(row, 0xff, len);
    y -= HD_QR_QUIET;

    if (y < 0 || y >= qr->width) {
        return;
    }

    for (x = 0; x < qr->width; x++) {

        if ((qr->data[y * qr->width + x] & 1) == 0) {
            continue;
        }

        for (i = 0; i < HD_QR_SCALE; i++) {
            at = (x + HD_QR_QUIET) * HD_QR_SCALE + i;
            row[at / 8] &= (u_char) ~(0x80 >> (at % 8));
        }
    }
}


static int
hd_qr_rows(QRcode *qr, hd_buf_t *b, u_char *row, size_t len)
{
    int          side, y, i;
    png_infop    info;
    png_structp  png;

    side = qr->width + 2 * HD_QR_QUIET;

    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    info = (png != NULL) ? png_create_info_struct(png) : NULL;

    if (info == NULL || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return HD_ERROR;
    }

    png_set_write_fn(png, b, hd_qr_write, hd_qr_flush);
    png_set_IHDR(png, info, (png_uint_32) side * HD_QR_SCALE,
                 (png_uint_32) side * HD_QR_SCALE, 1, PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);

    for (y = 0; y < side; y++) {
        hd_qr_line(qr, y, row, len);

        for (i = 0; i < HD_QR_SCALE; i++) {
            png_write_row(png, row);
        }
    }

    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);

    return b->failed ? HD_ERROR : HD_OK;
}


int
hd_qr_png(hd_buf_t *b, const hd_str_t *text)
{
    int      rc;
    u_char  *row;
    size_t   len;
    QRcode  *qr;

    qr = hd_qr_make(text);
    if (qr == NULL) {
        return HD_ERROR;
    }

    len = (size_t) (qr->width + 2 * HD_QR_QUIET) * HD_QR_SCALE / 8;
    row = ngx_alloc(len, ngx_cycle->log);

    rc = (row != NULL) ? hd_qr_rows(qr, b, row, len) : HD_ERROR;

    if (row != NULL) {
        ngx_free(row);
    }

    QRcode_free(qr);

    return rc;
}

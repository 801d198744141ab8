/*
 * ics: lines of at most 75 bytes, folded between characters; text with its
 * backslashes.
 */

#include "ics.h"


#define HD_ICS_LINE  75


/* a whole content line, unfolded in `line`, folded into b */
static void
hd_ics_fold(hd_buf_t *b, const hd_buf_t *line)
{
    size_t  at, n, room;

    room = HD_ICS_LINE;

    for (at = 0; line->len - at > room; at += n) {
        n = room;

        /* not inside of a character */
        while (n > 1 && (line->data[at + n] & 0xc0) == 0x80) {
            n--;
        }

        hd_buf_add(b, line->data + at, n);
        hd_buf_z(b, "\r\n ");
        room = HD_ICS_LINE - 1;
    }

    hd_buf_add(b, line->data + at, line->len - at);
    hd_buf_z(b, "\r\n");

    if (line->failed) {
        b->failed = 1;
    }
}


static void
hd_ics_text(hd_buf_t *b, const char *name, const hd_str_t *value)
{
    size_t         i;
    hd_buf_t       line;
    unsigned char  c;

    hd_buf_init(&line);
    hd_buf_z(&line, name);
    hd_buf_char(&line, ':');

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (c == '\\' || c == ';' || c == ',') {
            hd_buf_char(&line, '\\');
            hd_buf_char(&line, c);

        } else if (c == '\n') {
            hd_buf_z(&line, "\\n");

        } else if (c == '\t' || (c >= 0x20 && c != 0x7f)) {
            hd_buf_char(&line, c);
        }
    }

    hd_ics_fold(b, &line);
    hd_buf_free(&line);
}


/* "20270131T090000Z" */
static void
hd_ics_time(hd_buf_t *b, const char *name, int64_t us)
{
    unsigned char  t[HD_RFC3339_LEN];

    (void) hd_time_format(t, us - us % 1000000);

    hd_buf_printf(b, "%s:%.4s%.2s%.2sT%.2s%.2s%.2sZ\r\n", name, t, t + 5,
                  t + 8, t + 11, t + 14, t + 17);
}


void
hd_ics_begin(hd_buf_t *b, const hd_str_t *name)
{
    hd_buf_z(b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
             "PRODID:-//Herald//Calendar//EN\r\nCALSCALE:GREGORIAN\r\n"
             "METHOD:PUBLISH\r\nREFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n");
    hd_ics_text(b, "X-WR-CALNAME", name);
}


void
hd_ics_event(hd_buf_t *b, const hd_ics_event_t *e)
{
    hd_str_t  s;

    hd_buf_z(b, "BEGIN:VEVENT\r\n");
    hd_ics_text(b, "UID", &e->uid);
    hd_ics_time(b, "DTSTAMP", e->stamp);
    hd_ics_time(b, "DTSTART", e->start);
    hd_ics_time(b, "DTEND", e->end);
    hd_ics_text(b, "SUMMARY", &e->summary);

    if (e->description.len) {
        hd_ics_text(b, "DESCRIPTION", &e->description);
    }

    s.data = (unsigned char *) e->category;
    s.len = strlen(e->category);
    hd_ics_text(b, "CATEGORIES", &s);

    hd_buf_printf(b, "STATUS:%s\r\nTRANSP:TRANSPARENT\r\nEND:VEVENT\r\n",
                  e->status);
}


void
hd_ics_end(hd_buf_t *b)
{
    hd_buf_z(b, "END:VCALENDAR\r\n");
}

/*
 * provider: the table of providers, and our reference, the text that a
 * provider gives back with every status of a message.
 */

#include "provider.h"


#define HD_REFERENCE_RAW  20        /* a UUID and a number */

_Static_assert(HD_REFERENCE_LEN == 3 + (HD_REFERENCE_RAW * 4 + 2) / 3,
               "a reference is its prefix and its base64url");


const hd_provider_t *const  hd_providers[] = {
    &hd_provider_cloud_api,
    &hd_provider_waha,
    &hd_provider_twilio,
    NULL
};


const hd_provider_t *
hd_provider_find(const hd_str_t *name)
{
    const hd_provider_t *const  *p;

    for (p = hd_providers; *p != NULL; p++) {
        if (strlen((*p)->name) == name->len
            && memcmp((*p)->name, name->data, name->len) == 0)
        {
            return *p;
        }
    }

    return NULL;
}


const char *
hd_message_type_name(hd_message_type_e type)
{
    static const char *const  names[HD_MESSAGE_TYPES] = {
        "text", "template", "image", "video", "audio", "document", "sticker",
        "location", "contacts", "reaction", "interactive", "poll"
    };

    return names[type];
}


void
hd_reference_format(unsigned char text[HD_REFERENCE_LEN],
    const hd_uuid_t *batch, uint32_t seq)
{
    unsigned char  raw[HD_REFERENCE_RAW];

    memcpy(raw, batch->b, 16);
    raw[16] = (unsigned char) (seq >> 24);
    raw[17] = (unsigned char) (seq >> 16);
    raw[18] = (unsigned char) (seq >> 8);
    raw[19] = (unsigned char) seq;

    memcpy(text, "h1.", 3);
    (void) hd_base64url(text + 3, raw, sizeof(raw));
}


int
hd_reference_parse(const hd_str_t *text, hd_uuid_t *batch, uint32_t *seq)
{
    size_t         len;
    unsigned char  raw[HD_REFERENCE_RAW];

    if (text->len != HD_REFERENCE_LEN || memcmp(text->data, "h1.", 3) != 0
        || hd_base64url_decode(raw, &len, text->data + 3, text->len - 3)
           != HD_OK
        || len != sizeof(raw))
    {
        return HD_ERROR;
    }

    memcpy(batch->b, raw, 16);

    *seq = (uint32_t) raw[16] << 24 | (uint32_t) raw[17] << 16
           | (uint32_t) raw[18] << 8 | raw[19];

    return HD_OK;
}


int
hd_provider_window(const hd_provider_t *p, const hd_str_t *channel)
{
    return p->window && !hd_str_eq(channel, "sms");
}


unsigned
hd_provider_types(const hd_provider_t *p, const hd_str_t *channel)
{
    if (!hd_str_eq(channel, "sms")) {
        return p->types;
    }

    /* a file goes as MMS where the country has it */
    return p->types & (hd_message_bit(HD_MESSAGE_TEXT)
                       | hd_message_bit(HD_MESSAGE_TEMPLATE)
                       | (HD_MESSAGE_MEDIA
                          & ~hd_message_bit(HD_MESSAGE_STICKER)));
}

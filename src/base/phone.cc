/*
 * phone: libphonenumber behind C.  No exception leaves this file.
 *
 * The library turns letters into keypad digits ("1-800-FLOWERS") and drops
 * extensions; here a text with letters is no number, as in a column of phones
 * it is far more often a remark or a name.
 */

#include <exception>
#include <set>
#include <string>

#include <phonenumbers/phonenumberutil.h>

#include "base.h"

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;


#define HD_PHONE_MAX   64       /* bytes of text worth looking at */
#define HD_PHONE_ZZ    "ZZ"     /* the library's word for "no region" */


static bool
hd_phone_is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}


static bool
hd_phone_prefix(std::string &s, const char *prefix)
{
    size_t  i;

    for (i = 0; prefix[i] != '\0'; i++) {
        if (i == s.size() || (s[i] | 0x20) != prefix[i]) {
            return false;
        }
    }

    s.erase(0, i);

    return true;
}


/* spaces around, a spreadsheet's apostrophe, and the scheme go */
static void
hd_phone_trim(std::string &s)
{
    static const char  spaces[] = " \t\r\n\xc2\xa0";

    size_t  end;

    s.erase(0, s.find_first_not_of(spaces));

    if (!s.empty() && s[0] == '\'') {
        s.erase(0, 1);
    }

    if (!hd_phone_prefix(s, "whatsapp:")) {
        (void) hd_phone_prefix(s, "tel:");
    }

    s.erase(0, s.find_first_not_of(spaces));

    end = s.find_last_not_of(spaces);
    s.erase(end == std::string::npos ? 0 : end + 1);
}


/* two letters, upper case; empty for none; false when there is no such */
static bool
hd_phone_region(const char *region, std::string &out)
{
    const std::set<std::string> *known;

    static const std::set<std::string>  regions = [] {
        std::set<std::string>  s;
        PhoneNumberUtil::GetInstance()->GetSupportedRegions(&s);
        return s;
    }();

    out.clear();

    if (region == NULL || region[0] == '\0') {
        return true;
    }

    known = &regions;

    for ( /* void */ ; *region != '\0' && out.size() < 3; region++) {
        out += (*region >= 'a' && *region <= 'z') ? *region - 0x20 : *region;
    }

    return known->count(out) != 0;
}


static hd_phone_e
hd_phone_possible(const PhoneNumberUtil *util, const PhoneNumber &number)
{
    switch (util->IsPossibleNumberWithReason(number)) {

    case PhoneNumberUtil::IS_POSSIBLE:
        return HD_PHONE_OK;

    case PhoneNumberUtil::INVALID_COUNTRY_CODE:
        return HD_PHONE_BAD_COUNTRY;

    case PhoneNumberUtil::TOO_LONG:
        return HD_PHONE_TOO_LONG;

    /* possible within a city only, or of a length between two others */
    default:
        return HD_PHONE_TOO_SHORT;
    }
}


static hd_phone_e
hd_phone_try(const PhoneNumberUtil *util, const std::string &text,
    const std::string &region, PhoneNumber *number)
{
    switch (util->Parse(text, region.empty() ? HD_PHONE_ZZ : region, number)) {

    case PhoneNumberUtil::NO_PARSING_ERROR:
        return hd_phone_possible(util, *number);

    case PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR:
        return (region.empty() && text[0] != '+') ? HD_PHONE_NO_COUNTRY
                                                  : HD_PHONE_BAD_COUNTRY;

    case PhoneNumberUtil::TOO_SHORT_AFTER_IDD:
    case PhoneNumberUtil::TOO_SHORT_NSN:
        return HD_PHONE_TOO_SHORT;

    case PhoneNumberUtil::TOO_LONG_NSN:
        return HD_PHONE_TOO_LONG;

    default:
        return HD_PHONE_NOT_A_NUMBER;
    }
}


static void
hd_phone_region_of(const PhoneNumberUtil *util, const PhoneNumber &number,
    char region[3])
{
    std::string             code;
    std::list<std::string>  codes;

    util->GetRegionCodeForNumber(number, &code);

    if (code.size() != 2 || code == HD_PHONE_ZZ) {

        /* possible, but of no known range: only a calling code that belongs
         * to one country says which */

        util->GetRegionCodesForCountryCallingCode(number.country_code(),
                                                  &codes);
        if (codes.size() != 1 || codes.front().size() != 2) {
            return;
        }

        code = codes.front();
    }

    memcpy(region, code.c_str(), 3);
}


static hd_phone_e
hd_phone_do(const hd_str_t *text, const char *region, hd_phone_t *out)
{
    bool                    known;
    hd_phone_e              rc, again;
    PhoneNumber             number;
    std::string             s, country, e164;
    const PhoneNumberUtil  *util;

    if (text->len == 0) {
        return HD_PHONE_EMPTY;
    }

    if (text->len > HD_PHONE_MAX || !hd_utf8_valid(text->data, text->len)) {
        return HD_PHONE_NOT_A_NUMBER;
    }

    s.assign((const char *) text->data, text->len);
    hd_phone_trim(s);

    if (s.empty()) {
        return HD_PHONE_EMPTY;
    }

    for (unsigned char c : s) {
        if (hd_phone_is_letter(c) || c < 0x20 || c == '@') {
            return HD_PHONE_NOT_A_NUMBER;
        }
    }

    util = PhoneNumberUtil::GetInstance();
    known = hd_phone_region(region, country);

    if (!known) {
        country.clear();
    }

    rc = hd_phone_try(util, s, country, &number);

    /* 00 is not every region's prefix, but it is what people write */
    if (rc != HD_PHONE_OK && s.size() > 2 && s.compare(0, 2, "00") == 0) {
        again = hd_phone_try(util, "+" + s.substr(2), country, &number);

        if (again == HD_PHONE_OK || rc == HD_PHONE_NO_COUNTRY) {
            rc = again;
        }
    }

    if (rc == HD_PHONE_NO_COUNTRY && !known) {
        return HD_PHONE_BAD_COUNTRY;
    }

    if (rc != HD_PHONE_OK) {
        return rc;
    }

    util->Format(number, PhoneNumberUtil::E164, &e164);

    if (e164.size() < 4 || e164[0] != '+') {
        return HD_PHONE_NOT_A_NUMBER;
    }

    /* E.164 has fifteen digits */
    if (e164.size() > 16) {
        return HD_PHONE_TOO_LONG;
    }

    memcpy(out->e164, e164.data(), e164.size());
    out->len = e164.size();
    hd_phone_region_of(util, number, out->region);

    return HD_PHONE_OK;
}


extern "C" hd_phone_e
hd_phone_parse(const hd_str_t *text, const char *region, hd_phone_t *out)
{
    memset(out, 0, sizeof(hd_phone_t));

    try {
        return hd_phone_do(text, region, out);

    } catch (...) {
        memset(out, 0, sizeof(hd_phone_t));
        return HD_PHONE_NOT_A_NUMBER;
    }
}


extern "C" int
hd_country_known(const char *region)
{
    try {
        std::string  s;

        return hd_phone_region(region, s) && s.size() == 2;

    } catch (...) {
        return 0;
    }
}


extern "C" const char *
hd_phone_error(hd_phone_e e)
{
    switch (e) {

    case HD_PHONE_OK:
        return "";

    case HD_PHONE_EMPTY:
        return "the phone number is empty";

    case HD_PHONE_NOT_A_NUMBER:
        return "this is not a phone number: write digits only, such as "
               "+254712345678";

    case HD_PHONE_NO_COUNTRY:
        return "the country is missing: begin with + and the country's code, "
               "or choose a default country";

    case HD_PHONE_BAD_COUNTRY:
        return "no country has this code: check the digits after the +, or "
               "the default country";

    case HD_PHONE_TOO_SHORT:
        return "the number has too few digits: check that none is missing";

    case HD_PHONE_TOO_LONG:
        return "the number has too many digits: check that it is one number";
    }

    return "this is not a phone number";
}

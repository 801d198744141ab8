/*
 * lint: the languages that WhatsApp takes for templates, as Meta writes them,
 * and those that are written from right to left.
 */

#include "document.h"

#include <stdlib.h>


/* sorted by bytes */
static const char *const  hd_languages[] = {
    "af", "ar", "ar_AE", "ar_EG", "ar_LB", "ar_MA", "ar_QA", "az", "be_BY",
    "bg", "bn", "bn_IN", "ca", "cs", "da", "de", "de_AT", "de_CH", "el", "en",
    "en_AE", "en_AU", "en_CA", "en_GB", "en_GH", "en_IE", "en_IN", "en_JM",
    "en_MY", "en_NZ", "en_QA", "en_SG", "en_UG", "en_US", "en_ZA", "es",
    "es_AR", "es_CL", "es_CO", "es_CR", "es_DO", "es_EC", "es_ES", "es_HN",
    "es_MX", "es_PA", "es_PE", "es_UY", "et", "fa", "fi", "fil", "fr",
    "fr_BE", "fr_CA", "fr_CH", "fr_CI", "fr_MA", "ga", "gu", "ha", "he", "hi",
    "hr", "hu", "id", "it", "ja", "ka", "kk", "kn", "ko", "ky_KG", "lo", "lt",
    "lv", "mk", "ml", "mr", "ms", "nb", "nl", "nl_BE", "pa", "pl", "prs_AF",
    "ps_AF", "pt_BR", "pt_PT", "ro", "ru", "rw_RW", "si_LK", "sk", "sl", "sq",
    "sr", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur", "uz", "vi", "zh_CN",
    "zh_HK", "zh_TW", "zu"
};

#define HD_LANGUAGES  (sizeof(hd_languages) / sizeof(hd_languages[0]))


static int
hd_language_cmp(const void *key, const void *entry)
{
    const hd_str_t     *code = key;
    const char *const  *known = entry;

    int     rc;
    size_t  n;

    n = strlen(*known);
    rc = memcmp(code->data, *known, code->len < n ? code->len : n);

    if (rc) {
        return rc;
    }

    return code->len < n ? -1 : code->len > n;
}


int
hd_lint_language(const hd_str_t *code)
{
    return code->len
           && bsearch(code, hd_languages, HD_LANGUAGES, sizeof(char *),
                      hd_language_cmp) != NULL;
}


int
hd_language_rtl(const hd_str_t *code)
{
    size_t              i, n;
    static const char  *rtl[] = { "ar", "he", "fa", "ur", "ps", "prs", "sd",
                                  "yi", "dv", "ckb", "ug" };

    for (n = 0; n < code->len && code->data[n] >= 'a'
                && code->data[n] <= 'z'; n++)
    {
        /* void */
    }

    for (i = 0; i < sizeof(rtl) / sizeof(rtl[0]); i++) {
        if (strlen(rtl[i]) == n && memcmp(code->data, rtl[i], n) == 0) {
            return 1;
        }
    }

    return 0;
}

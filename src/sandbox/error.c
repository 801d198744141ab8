/*
 * The provider's errors as data: code, HTTP status, words.  Codes that are not
 * in the table are answered too, with general words, so that a test may use
 * any number.
 */

#include "sandbox.h"


static const hd_sb_error_t  hd_sb_errors[] = {
    { 0, 401, "AuthException", "The app user could not be authenticated." },
    { 1, 400, "API Unknown", "Invalid request or possible server error." },
    { 2, 503, "API Service", "Temporary, due to downtime or overload." },
    { 3, 403, "API Method", "Capability or permission missing." },
    { 4, 429, "API Too Many Calls",
      "The app has reached its API call rate limit." },
    { 10, 403, "API Permission Denied",
      "Permission is either not granted or has been removed." },
    { 33, 400, "Parameter value is not valid",
      "The business phone number has been deleted." },
    { 100, 400, "Invalid parameter",
      "The request included one or more unsupported or misspelled"
      " parameters." },
    { 190, 401, "Invalid OAuth access token",
      "The access token has expired or is not valid." },
    { 368, 403, "Temporarily blocked for policies violations",
      "The account has been restricted or disabled for violating a"
      " platform policy." },
    { 2500, 404, "Unknown path components",
      "The request's path or method is not one of this API." },
    { 80007, 429, "Rate limit issues",
      "The WhatsApp Business Account has reached its rate limit." },
    { 130429, 429, "Rate limit hit",
      "Message failed to send because there were too many messages sent from"
      " this phone number in a short period of time" },
    { 130472, 400, "User's number is part of an experiment",
      "Message was not sent as part of an experiment." },
    { 130497, 403, "Business account is restricted from messaging users in"
      " this country", "The account may not message this country." },
    { 131000, 500, "Something went wrong",
      "Message failed to send due to an unknown error." },
    { 131005, 403, "Access denied",
      "Permission is either not granted or has been removed." },
    { 131008, 400, "Required parameter is missing",
      "The request is missing a required parameter." },
    { 131009, 400, "Parameter value is not valid",
      "One or more parameter values are not valid." },
    { 131016, 500, "Service unavailable",
      "A service is temporarily unavailable." },
    { 131021, 400, "Recipient cannot be sender",
      "Sender and recipient phone number is the same." },
    { 131026, 400, "Message undeliverable",
      "Message Undeliverable." },
    { 131030, 400, "Recipient phone number not in allowed list",
      "Add the recipient phone number to the list and try again." },
    { 131031, 403, "Account has been locked",
      "The account has been restricted or disabled." },
    { 131037, 400, "Display name approval needed",
      "The number needs an approved display name." },
    { 131042, 400, "Business eligibility payment issue",
      "There was an error related to the payment method." },
    { 131045, 500, "Incorrect certificate",
      "Message failed to send due to a phone number registration error." },
    { 131047, 400, "Re-engagement message",
      "Message failed to send because more than 24 hours have passed since"
      " the customer last replied to this number." },
    { 131048, 400, "Spam rate limit hit",
      "Message failed to send because there are restrictions on how many"
      " messages can be sent from this phone number." },
    { 131049, 400, "This message was not delivered to maintain healthy"
      " ecosystem engagement.", "In order to maintain a healthy ecosystem"
      " engagement, the message failed to be delivered." },
    { 131050, 400, "User has stopped marketing messages",
      "The recipient chose to stop marketing messages from this business." },
    { 131051, 400, "Unsupported message type", "Unsupported message type." },
    { 131052, 400, "Media download error",
      "Unable to download the media sent by the user." },
    { 131053, 400, "Media upload error",
      "Unable to upload the media used in the message." },
    { 131056, 400, "(Business Account, Consumer Account) pair rate limit hit",
      "Message failed to send because there were too many messages sent from"
      " this phone number to the same phone number in a short period of"
      " time." },
    { 131057, 500, "Account in maintenance mode",
      "The account is in maintenance mode." },
    { 132000, 400, "Number of parameters does not match the expected number of"
      " params", "The number of variable parameter values included in the"
      " request did not match the template." },
    { 132001, 404, "Template name does not exist in the translation",
      "The template does not exist in the language or it has not been"
      " approved." },
    { 132005, 400, "Translated text too long", "Translated text is too long."
      },
    { 132007, 400, "Template format character policy violated",
      "Template content violates a policy." },
    { 132012, 400, "Parameter format does not match format in the created"
      " template", "Variable parameter values formatted incorrectly." },
    { 132015, 400, "Template is paused",
      "Template is paused due to low quality." },
    { 132016, 400, "Template is disabled",
      "Template has been paused too many times and is now disabled." },
    { 132068, 400, "Flow is in blocked state", "Flow is in blocked state." },
    { 132069, 400, "Flow is in throttled state",
      "Flow is in throttled state and 10 messages using it were already sent"
      " in the last hour." },
    { 133005, 400, "Two step verification PIN Mismatch",
      "The PIN is not the one that was set." },
    { 133010, 400, "Account not registered",
      "Phone number not registered on the Whatsapp Business Platform." },
    { 135000, 400, "Generic user error",
      "Message failed to send because of an unknown error with the request"
      " parameters." },
    { 137000, 400, "Identity key mismatch", "The identity hash differs." },
};


const hd_sb_error_t *
hd_sb_error_find(int64_t code)
{
    size_t  i;

    static hd_sb_error_t  other = { 0, 400, "Unknown error",
                                    "An error without a description." };

    for (i = 0; i < sizeof(hd_sb_errors) / sizeof(hd_sb_errors[0]); i++) {
        if (hd_sb_errors[i].code == code) {
            return &hd_sb_errors[i];
        }
    }

    other.code = (int) code;

    return &other;
}


ngx_int_t
hd_sb_error_body(ngx_http_request_t *r, ngx_str_t *body, int64_t code,
    int subcode, const char *details)
{
    char                  message[512];
    u_char                trace[17];
    uint64_t              random;
    hd_buf_t              b;
    hd_mem_t              mem;
    hd_str_t              text;
    const hd_sb_error_t  *e;

    e = hd_sb_error_find(code);
    random = (uint64_t) (hd_sb_random() * 9e18);
    hd_hex(trace, (u_char *) &random, sizeof(random));
    trace[16] = '\0';

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"error\":{\"message\":");

    if (code == 190) {
        hd_jw_z(&b, "Invalid OAuth access token - Cannot parse access token");

    } else {
        snprintf(message, sizeof(message), "(#%d) %s", e->code,
                 (code == 100 && details) ? details : e->title);
        hd_jw_z(&b, message);
    }

    hd_buf_printf(&b, ",\"type\":\"%s\",\"code\":%d",
                  subcode == 33 ? "GraphMethodException" : "OAuthException",
                  e->code);

    if (subcode) {
        hd_buf_printf(&b, ",\"error_subcode\":%d", subcode);
    }

    hd_buf_z(&b, ",\"error_data\":{\"messaging_product\":\"whatsapp\","
             "\"details\":");
    hd_jw_z(&b, details ? details : e->details);
    hd_buf_printf(&b, "},\"fbtrace_id\":\"A%s\"}}", trace);

    mem = hd_sb_mem(r->pool);
    text.data = b.data;
    text.len = b.len;

    if (b.failed || hd_str_dup(&mem, &text, (hd_str_t *) body) != HD_OK) {
        hd_buf_free(&b);
        return NGX_ERROR;
    }

    hd_buf_free(&b);

    return NGX_OK;
}

/*
 * errors: what each code of Meta's and Twilio's means, whether it is worth another
 * try, and what a person can do about it.  Data, not a switch: Meta adds codes
 * every quarter, and one line here is all that takes.
 *
 * retry_ms is the first delay and grows with every try; 0 is final.
 */

#include "provider.h"


#define HD_FINAL         0, 0
#define HD_TRY_TRANSIENT 1000, 4
#define HD_TRY_THROTTLE  2000, 5
#define HD_TRY_PAIR      4000, 4
#define HD_TRY_MEDIA     2000, 3
#define HD_TRY_DAY       86400000, 3
#define HD_TRY_TEMPLATE  600000, 1


/* by code, rising; the first row that holds the code is it */
static const hd_error_row_t  hd_errors[] = {

    { 0, 0, HD_CLASS_AUTH, HD_FINAL,
      "WhatsApp refused the access token",
      "Put a new permanent token into the account's settings." },

    { 1, 2, HD_CLASS_TRANSIENT, HD_TRY_TRANSIENT,
      "WhatsApp had a problem of its own",
      "Nothing to do: it is tried again." },

    { 3, 3, HD_CLASS_AUTH, HD_FINAL,
      "The app may not use this part of the API",
      "Give the app the whatsapp_business_messaging permission." },

    { 4, 4, HD_CLASS_THROTTLE, HD_TRY_THROTTLE,
      "The app made too many calls",
      "Nothing to do: sending slows down and goes on." },

    { 10, 10, HD_CLASS_AUTH, HD_FINAL,
      "The token lacks a permission",
      "Give the system user access to this WhatsApp account and the "
      "whatsapp_business_messaging permission." },

    { 33, 33, HD_CLASS_PAYLOAD, HD_FINAL,
      "The sending number was not found",
      "Check the phone number id in the account's settings." },

    { 100, 100, HD_CLASS_PAYLOAD, HD_FINAL,
      "A field of the message was refused",
      "Read the detail, and mend the message or template." },

    { 190, 190, HD_CLASS_AUTH, HD_FINAL,
      "The access token has expired or was withdrawn",
      "Put a new permanent token into the account's settings." },

    { 200, 299, HD_CLASS_AUTH, HD_FINAL,
      "The token lacks a permission",
      "Give the system user access to this WhatsApp account." },

    { 368, 368, HD_CLASS_ACCOUNT, HD_FINAL,
      "Meta blocked the account for breaking a policy",
      "Open Meta's account quality page, and appeal or wait." },

    { 613, 613, HD_CLASS_THROTTLE, HD_TRY_THROTTLE,
      "The app made too many calls",
      "Nothing to do: sending slows down and goes on." },

    { HD_CODE_GATEWAY_KEY, HD_CODE_GATEWAY_KEY, HD_CLASS_AUTH, HD_FINAL,
      "The WAHA server refused the API key",
      "Put the server's API key into the account's settings as its token." },

    { HD_CODE_NO_SESSION, HD_CODE_NO_SESSION, HD_CLASS_ACCOUNT, HD_FINAL,
      "The WAHA server does not know this session",
      "Start the session: POST /accounts/{id}/session/start." },

    { HD_CODE_SESSION, HD_CODE_SESSION, HD_CLASS_ACCOUNT, HD_FINAL,
      "The session is not connected to WhatsApp",
      "Restart the session and scan the QR code with the phone." },

    { HD_CODE_NOT_TAKEN, HD_CODE_NOT_TAKEN, HD_CLASS_RECIPIENT, HD_FINAL,
      "WhatsApp did not take the message",
      "Look at the phone: the number may not be on WhatsApp, or the phone may "
      "be restricted." },

    /* Twilio's (twilio.com/docs/api/errors) */

    { 11200, 11200, HD_CLASS_MEDIA, HD_TRY_MEDIA,
      "The file could not be fetched from us",
      "See that herald_public_url can be reached from the internet." },

    { 14107, 14107, HD_CLASS_THROTTLE, HD_TRY_THROTTLE,
      "The number sends faster than its limit",
      "Nothing to do: sending slows down and goes on." },

    { 20003, 20003, HD_CLASS_AUTH, HD_FINAL,
      "Twilio refused the auth token",
      "Put the account's present auth token into the settings." },

    { 20005, 20005, HD_CLASS_ACCOUNT, HD_FINAL,
      "The Twilio account is not active",
      "Open Twilio's console, and reactivate the account." },

    { 20008, 20008, HD_CLASS_AUTH, HD_FINAL,
      "These are test credentials",
      "Use the live AccountSid and auth token." },

    { 20404, 20404, HD_CLASS_PAYLOAD, HD_FINAL,
      "Twilio does not find it",
      "Check the AccountSid and the sender." },

    { 20429, 20429, HD_CLASS_THROTTLE, HD_TRY_THROTTLE,
      "Twilio got too many requests",
      "Nothing to do: sending slows down and goes on." },

    { 20500, 20500, HD_CLASS_TRANSIENT, HD_TRY_TRANSIENT,
      "Twilio had a problem of its own",
      "Nothing to do: it is tried again." },

    { 20503, 20503, HD_CLASS_TRANSIENT, HD_TRY_TRANSIENT,
      "Twilio is away for a moment",
      "Nothing to do: it is tried again." },

    { 21211, 21211, HD_CLASS_RECIPIENT, HD_FINAL,
      "This is no phone number",
      "Check the number." },

    { 21408, 21408, HD_CLASS_ACCOUNT, HD_FINAL,
      "SMS to this country are not switched on",
      "Switch the country on in Twilio's geographic permissions." },

    { 21601, 21606, HD_CLASS_ACCOUNT, HD_FINAL,
      "The sender cannot send such messages",
      "Check the sender in Twilio's console." },

    { 21610, 21610, HD_CLASS_OPTED_OUT, HD_FINAL,
      "The person answered STOP",
      "They get nothing more until they write START." },

    { 21614, 21614, HD_CLASS_RECIPIENT, HD_FINAL,
      "The number is no mobile phone",
      "Check the number." },

    { 21617, 21617, HD_CLASS_PAYLOAD, HD_FINAL,
      "The text is longer than 1,600 characters",
      "Make the text shorter." },

    { 21620, 21620, HD_CLASS_MEDIA, HD_FINAL,
      "The address of the file is refused",
      "See that herald_public_url is an address of the internet." },

    { 21623, 21623, HD_CLASS_PAYLOAD, HD_FINAL,
      "There are too many files",
      "Send at most ten at once." },

    { 21654, 21656, HD_CLASS_TEMPLATE, HD_FINAL,
      "The template or its values are refused",
      "Submit the template at Twilio again, and check its variables." },

    { 30001, 30001, HD_CLASS_THROTTLE, HD_TRY_THROTTLE,
      "Too much waits at Twilio",
      "Nothing to do: sending slows down and goes on." },

    { 30002, 30002, HD_CLASS_ACCOUNT, HD_FINAL,
      "The Twilio account is suspended",
      "Open Twilio's console." },

    { 30003, 30003, HD_CLASS_RECIPIENT, HD_FINAL,
      "The phone cannot be reached",
      "It may be switched off or without a network: try later." },

    { 30004, 30004, HD_CLASS_RECIPIENT, HD_FINAL,
      "The message was blocked for this person",
      "They, or their operator, do not take it." },

    { 30005, 30006, HD_CLASS_RECIPIENT, HD_FINAL,
      "The phone does not exist, or takes no SMS",
      "Check the number." },

    { 30007, 30007, HD_CLASS_NUMBER_RISK, HD_FINAL,
      "The operator took the message for spam",
      "Look at what is sent, and register the sender." },

    { 30008, 30008, HD_CLASS_TRANSIENT, 1000, 2,
      "The operator could not deliver, and does not say why",
      "It is tried again." },

    { 63001, 63002, HD_CLASS_ACCOUNT, HD_FINAL,
      "WhatsApp does not know the sender at Twilio",
      "Check the sender in Twilio's console." },

    { 63003, 63003, HD_CLASS_RECIPIENT, HD_FINAL,
      "The person cannot be reached on WhatsApp",
      "Check the number: it may have no WhatsApp." },

    { 63005, 63006, HD_CLASS_PAYLOAD, HD_FINAL,
      "WhatsApp refused the content",
      "Read the detail, and mend the message." },

    { 63007, 63008, HD_CLASS_ACCOUNT, HD_FINAL,
      "The sender is not set up for WhatsApp",
      "Check the sender in Twilio's console." },

    { 63009, 63012, HD_CLASS_TRANSIENT, HD_TRY_TRANSIENT,
      "WhatsApp had a problem of its own",
      "Nothing to do: it is tried again." },

    { 63013, 63013, HD_CLASS_NUMBER_RISK, HD_FINAL,
      "The message breaks a policy of WhatsApp",
      "Look at what is sent before you go on." },

    { 63014, 63014, HD_CLASS_OPTED_OUT, HD_FINAL,
      "The person blocked the business",
      "They get nothing more." },

    { 63015, 63015, HD_CLASS_RECIPIENT, HD_FINAL,
      "The person has not joined Twilio's sandbox",
      "Let them send the join word, or use a real sender." },

    { 63016, 63016, HD_CLASS_WINDOW, HD_FINAL,
      "The person has not written within 24 hours",
      "Send a template, or give the message a fallback." },

    { 63017, 63018, HD_CLASS_THROTTLE, HD_TRY_THROTTLE,
      "The number sends faster than its limit",
      "Nothing to do: sending slows down and goes on." },

    { 63019, 63019, HD_CLASS_MEDIA, HD_TRY_MEDIA,
      "WhatsApp could not fetch the file",
      "See that herald_public_url can be reached from the internet." },

    { 63020, 63020, HD_CLASS_ACCOUNT, HD_FINAL,
      "Meta restricts the business",
      "Open Meta's business manager." },

    { 63021, 63021, HD_CLASS_PAYLOAD, HD_FINAL,
      "WhatsApp refused the content",
      "Read the detail, and mend the message." },

    { 63022, 63022, HD_CLASS_ACCOUNT, HD_FINAL,
      "The sender's name certificate is not valid",
      "Check the sender in Twilio's console." },

    { 63024, 63024, HD_CLASS_RECIPIENT, HD_FINAL,
      "The person cannot be reached on WhatsApp",
      "Check the number: it may have no WhatsApp." },

    { 63025, 63025, HD_CLASS_MEDIA, HD_TRY_MEDIA,
      "The file is there already",
      "It is tried again." },

    { 63026, 63026, HD_CLASS_NUMBER_RISK, HD_FINAL,
      "WhatsApp took the message for spam",
      "Look at what is sent before you go on." },

    { 63027, 63028, HD_CLASS_TEMPLATE, HD_FINAL,
      "The template does not fit: its language or its variables",
      "Check the template at Twilio, and submit it again." },

    { 63029, 63030, HD_CLASS_PAYLOAD, HD_FINAL,
      "The message cannot be shown by WhatsApp",
      "Read the detail, and mend the message." },

    { 63031, 63031, HD_CLASS_RECIPIENT, HD_FINAL,
      "The recipient is the sending number itself",
      "Use another number to test." },

    { 63032, 63032, HD_CLASS_EXPERIMENT, HD_FINAL,
      "Meta keeps this person out of marketing for an experiment",
      "Nothing to do: other kinds of message still reach them." },

    { 63033, 63033, HD_CLASS_OPTED_OUT, HD_FINAL,
      "The person blocked the business",
      "They get nothing more." },

    { 63034, 63034, HD_CLASS_MEDIA, HD_FINAL,
      "The file is too large",
      "Send a smaller one." },

    { 63038, 63038, HD_CLASS_THROTTLE, 3600000, 24,
      "The Twilio account reached its daily limit",
      "It is tried again each hour; ask Twilio for more." },

    { 63040, 63041, HD_CLASS_TEMPLATE, HD_FINAL,
      "The template is paused or was refused",
      "Look at the template's state at Twilio." },

    { 63049, 63049, HD_CLASS_ECOSYSTEM, HD_TRY_DAY,
      "Meta did not deliver it: this person gets much marketing",
      "It is tried again tomorrow; sooner would be refused." },

    { 63119, 63119, HD_CLASS_THROTTLE, HD_TRY_THROTTLE,
      "The number sends faster than its limit",
      "Nothing to do: sending slows down and goes on." },

    /* Meta's again */

    { 80007, 80007, HD_CLASS_THROTTLE, HD_TRY_THROTTLE,
      "The WhatsApp account reached its rate limit",
      "Nothing to do: sending slows down and goes on." },

    { 130429, 130429, HD_CLASS_THROTTLE, HD_TRY_THROTTLE,
      "The number sends faster than its limit",
      "Nothing to do: sending slows down and goes on." },

    { 130472, 130472, HD_CLASS_EXPERIMENT, HD_FINAL,
      "Meta keeps this person out of marketing for an experiment",
      "Nothing to do: other kinds of message still reach them." },

    { 130497, 130497, HD_CLASS_ACCOUNT, HD_FINAL,
      "The account may not send to this country",
      "See which countries Meta allows your kind of business." },

    { 131000, 131000, HD_CLASS_TRANSIENT, HD_TRY_TRANSIENT,
      "WhatsApp could not send, and does not say why",
      "Nothing to do: it is tried again." },

    { 131005, 131005, HD_CLASS_AUTH, HD_FINAL,
      "Access was denied",
      "Check the token's permissions and that they were not withdrawn." },

    { 131008, 131008, HD_CLASS_PAYLOAD, HD_FINAL,
      "A required value is missing",
      "See that every variable of the template has a value." },

    { 131009, 131009, HD_CLASS_PAYLOAD, HD_FINAL,
      "A value is not valid",
      "Read the detail, and mend the message or template." },

    { 131016, 131016, HD_CLASS_TRANSIENT, HD_TRY_TRANSIENT,
      "WhatsApp is away for a moment",
      "Nothing to do: it is tried again." },

    { 131021, 131021, HD_CLASS_RECIPIENT, HD_FINAL,
      "The recipient is the sending number itself",
      "Use another number to test." },

    { 131026, 131026, HD_CLASS_RECIPIENT, HD_FINAL,
      "The person cannot be reached on WhatsApp",
      "Check the number: it may have no WhatsApp, an old version of it, or "
      "may not have accepted the terms." },

    { 131030, 131030, HD_CLASS_RECIPIENT, HD_FINAL,
      "The number is not on the test number's list",
      "Add it to the list in Meta's app, or send from a real number." },

    { 131031, 131031, HD_CLASS_ACCOUNT, HD_FINAL,
      "The WhatsApp account is locked",
      "Open Meta's account quality page, and check the two-step PIN." },

    { 131037, 131037, HD_CLASS_ACCOUNT, HD_FINAL,
      "The number's display name is not approved",
      "Have the display name approved in WhatsApp Manager." },

    { 131042, 131042, HD_CLASS_ACCOUNT, HD_FINAL,
      "Meta has a problem with the payment",
      "Check the payment method and credit line in Meta's billing." },

    { 131044, 131044, HD_CLASS_ACCOUNT, HD_FINAL,
      "Meta has a problem with the payment",
      "Check the payment method and credit line in Meta's billing." },

    { 131045, 131045, HD_CLASS_ACCOUNT, HD_FINAL,
      "The number is not registered properly",
      "Register the number again." },

    { 131047, 131047, HD_CLASS_WINDOW, HD_FINAL,
      "More than 24 hours passed since the person last wrote",
      "Send an approved template instead." },

    { 131048, 131048, HD_CLASS_NUMBER_RISK, HD_FINAL,
      "The number is limited because people reported or blocked it",
      "Stop marketing from it, and see its quality in WhatsApp Manager." },

    { 131049, 131049, HD_CLASS_ECOSYSTEM, HD_TRY_DAY,
      "Meta held it back: the person gets enough marketing already",
      "Nothing to do: it is tried again after a day at the earliest." },

    { 131050, 131050, HD_CLASS_OPTED_OUT, HD_FINAL,
      "The person stopped marketing from this number",
      "Respect it: only other kinds of message may be sent." },

    { 131051, 131051, HD_CLASS_PAYLOAD, HD_FINAL,
      "The type of message is not supported",
      "Send another type." },

    { 131052, 131052, HD_CLASS_MEDIA, HD_TRY_MEDIA,
      "The media could not be downloaded",
      "Check that the file is there and may be fetched." },

    { 131053, 131053, HD_CLASS_MEDIA, HD_TRY_MEDIA,
      "The media could not be uploaded",
      "Check the file's type and size against WhatsApp's limits." },

    { 131056, 131056, HD_CLASS_PAIR_THROTTLE, HD_TRY_PAIR,
      "Too many messages to this one person in a short time",
      "Nothing to do: it waits, the others go on." },

    { 131057, 131057, HD_CLASS_TRANSIENT, HD_TRY_TRANSIENT,
      "The account is in maintenance or being upgraded",
      "Nothing to do: it is tried again." },

    { 131062, 131062, HD_CLASS_RECIPIENT, HD_FINAL,
      "This kind of message needs the person's phone number",
      "Ask for the number first." },

    { 131063, 131063, HD_CLASS_ACCOUNT, HD_FINAL,
      "Marketing templates are turned off for this account",
      "Turn them on in WhatsApp Manager, or send utility templates." },

    { 131064, 131064, HD_CLASS_NUMBER_RISK, HD_FINAL,
      "The number reached a limit for this kind of template",
      "Stop marketing from it, and see its limits in WhatsApp Manager." },

    { 132000, 132000, HD_CLASS_PAYLOAD, HD_FINAL,
      "The number of variables differs from the template's",
      "Bring the template up to date and check its variables." },

    { 132001, 132001, HD_CLASS_TEMPLATE, HD_TRY_TEMPLATE,
      "There is no such template in this language",
      "Check its name, language and approval; a new one takes ten minutes." },

    { 132005, 132005, HD_CLASS_PAYLOAD, HD_FINAL,
      "The text became too long with its values",
      "Shorten the values or the template." },

    { 132007, 132007, HD_CLASS_TEMPLATE, HD_FINAL,
      "The template breaks a policy of WhatsApp",
      "Edit the template and have it approved again." },

    { 132008, 132008, HD_CLASS_PAYLOAD, HD_FINAL,
      "A variable's value is not valid",
      "Check the values for line breaks, tabs and long runs of spaces." },

    { 132012, 132012, HD_CLASS_PAYLOAD, HD_FINAL,
      "A variable has the wrong format",
      "Compare the variables with the approved template." },

    { 132015, 132015, HD_CLASS_TEMPLATE, HD_FINAL,
      "The template is paused for low quality",
      "Wait until the pause ends, or edit the template." },

    { 132016, 132016, HD_CLASS_TEMPLATE, HD_FINAL,
      "The template is disabled for low quality",
      "Make a new template." },

    { 132068, 132068, HD_CLASS_FLOW, HD_FINAL,
      "The flow is blocked",
      "Mend the flow in WhatsApp Manager." },

    { 132069, 132069, HD_CLASS_FLOW, HD_FINAL,
      "The flow is throttled to ten messages an hour",
      "Mend the flow in WhatsApp Manager, and send later." },

    { 133010, 133010, HD_CLASS_ACCOUNT, HD_FINAL,
      "The number is not registered for the Cloud API",
      "Register the number." },

    { 135000, 135000, HD_CLASS_TRANSIENT, 1000, 2,
      "WhatsApp could not send, and does not say why",
      "It is tried twice more; then check the message's fields." },

    { 137000, 137000, HD_CLASS_IDENTITY, HD_FINAL,
      "The person's identity changed, so the message was held back",
      "Confirm with them who they are, then send again." }
};


/* answers without a code we know, by their HTTP status */
static const hd_error_row_t  hd_http_errors[] = {

    { 401, 401, HD_CLASS_AUTH, HD_FINAL,
      "WhatsApp refused the access token",
      "Put a new permanent token into the account's settings." },

    { 403, 403, HD_CLASS_AUTH, HD_FINAL,
      "The token lacks a permission",
      "Give the system user access to this WhatsApp account." },

    { 408, 408, HD_CLASS_TRANSIENT, HD_TRY_TRANSIENT,
      "WhatsApp did not receive the message in time",
      "Nothing to do: it is tried again." },

    { 429, 429, HD_CLASS_THROTTLE, HD_TRY_THROTTLE,
      "The number sends faster than its limit",
      "Nothing to do: sending slows down and goes on." },

    { 500, 599, HD_CLASS_TRANSIENT, HD_TRY_TRANSIENT,
      "WhatsApp had a problem of its own",
      "Nothing to do: it is tried again." }
};


static const hd_error_row_t  hd_error_unknown = {
    -1, -1, HD_CLASS_UNKNOWN_CODE, HD_FINAL,
    "WhatsApp refused it with a code that is not known here",
    "Read the detail, and look the code up in Meta's list."
};


static const char  *hd_classes[] = {
    "none",
    "transient",
    "throttle",
    "pair_throttle",
    "ecosystem",
    "experiment",
    "recipient",
    "opted_out",
    "window",
    "identity",
    "payload",
    "template",
    "media",
    "flow",
    "number_risk",
    "account",
    "auth",
    "unknown_code"
};

_Static_assert(sizeof(hd_classes) / sizeof(hd_classes[0])
               == HD_CLASS_UNKNOWN_CODE + 1,
               "every class has a name");


static const hd_error_row_t *
hd_error_look(const hd_error_row_t *rows, size_t n, int code)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (code >= rows[i].from && code <= rows[i].to) {
            return &rows[i];
        }
    }

    return &hd_error_unknown;
}


const hd_error_row_t *
hd_error_find(int code)
{
    return hd_error_look(hd_errors, sizeof(hd_errors) / sizeof(hd_errors[0]),
                         code);
}


const hd_error_row_t *
hd_error_http(int status)
{
    return hd_error_look(hd_http_errors,
                         sizeof(hd_http_errors) / sizeof(hd_http_errors[0]),
                         status);
}


const char *
hd_class_name(hd_class_e c)
{
    return (c >= HD_CLASS_NONE && c <= HD_CLASS_UNKNOWN_CODE) ? hd_classes[c]
                                                              : "none";
}

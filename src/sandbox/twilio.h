/*
 * twilio, private to the sandbox: the simulated Twilio.
 *
 *   twilio.c        POST …/Messages.json, the account
 *   twilio_event.c  status callbacks and inbound messages, signed
 *
 * A number of Twilio's is a number with the setting "twilio" ("whatsapp" or
 * "sms"); its id is the sender without "+" (or "MG…"), its token the auth
 * token, its waba_id the AccountSid, its webhook_url where messages go.
 */

#ifndef HD_SANDBOX_TWILIO_H
#define HD_SANDBOX_TWILIO_H

#include "sandbox.h"


#define HD_SB_TWILIO_SID  34

enum { HD_SB_TWILIO_WHATSAPP = 1, HD_SB_TWILIO_SMS };

/* twilio.c */
/* "SM" and 32 hexadecimal digits, out of a record's key */
void hd_sb_twilio_sid(u_char out[HD_SB_TWILIO_SID], const u_char *key);

#endif /* HD_SANDBOX_TWILIO_H */

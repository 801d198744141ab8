/*
 * Routes of messages and their files.
 */

#include "route.h"
#include "click.h"


static const char *const  hd_directions[] = { "in", "out", NULL };
static const char *const  hd_media_sources[] = {
    "upload", "inbound", "link", NULL
};
static const char *const  hd_media_states[] = {
    "ready", "wanted", "failed", NULL
};


static const hd_field_t  hd_message_body[] = {
    { "account_id", HD_FIELD_UUID, 1, 0, 0, 0, NULL, "From which number" },
    { "contact_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL, NULL },
    { "to", HD_FIELD_PHONE, 0, 0, 0, 0, NULL, "Instead of contact_id" },
    { "text", HD_FIELD_STRING, 0, 0, 1, 4096, NULL, NULL },
    { "template", HD_FIELD_OBJECT, 0, 0, 0, 0, NULL,
      "Instead of text: {\"id\", \"variables\", \"header\": {\"media_id\" or "
      "\"link\"}, \"buttons\": [{\"index\", \"value\"}]}" },
    { "content", HD_FIELD_OBJECT, 0, 0, 0, 0, NULL,
      "Instead of text: {\"type\": image, video, audio, document, sticker, "
      "location, contacts, reaction, interactive or poll, …}; files by "
      "\"media_id\" (POST /media) or \"link\", interactive as in the Cloud "
      "API" },
    { "reply_to", HD_FIELD_UUID, 0, 0, 0, 0, NULL,
      "A message of the same person and number, to quote" },
    { "track_clicks", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "Send links in their short form, and count who follows them" },
    { "fallback", HD_FIELD_OBJECT, 0, 0, 0, 0, NULL,
      "{\"template\": {\"id\", \"variables\"}}: sent instead when "
      "more than 24 hours have passed since they wrote" },
    { "send_at", HD_FIELD_TIME, 0, 1, 0, 0, NULL, "Now, if absent" },
    { "expires_at", HD_FIELD_TIME, 0, 1, 0, 0, NULL,
      "Not sent after this" },
    HD_END_FIELDS
};

static const hd_field_t  hd_message_query[] = {
    { "contact_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL, "One thread" },
    { "direction", HD_FIELD_ENUM, 0, 0, 0, 0, hd_directions, NULL },
    HD_END_FIELDS
};

const hd_column_t  hd_message_answer[] = {
    { "id", 'u', NULL },
    { "account_id", 'u', NULL },
    { "contact_id", 'u', NULL },
    { "contact_name", 'S', NULL },
    { "phone", 'S', NULL },
    { "direction", 's', "in or out" },
    { "type", 's', "text, template, or the provider's word" },
    { "text", 's', NULL },
    { "status", 's', "queued, sending, accepted, sent, delivered, read, "
      "failed, unknown, skipped; received for what came in" },
    { "error_code", 'I', NULL },
    { "error", 'S', NULL },
    { "provider_id", 'S', NULL },
    { "broadcast_id", 'U', NULL },
    { "created_at", 't', NULL },
    { "sent_at", 'T', NULL },
    { "delivered_at", 'T', NULL },
    { "read_at", 'T', NULL },
    { "reason", 'S', "Why it waits, was skipped, or is unknown" },
    { "reason_text", 'S', "The same in plain words" },
    { "send_at", 'T', "When it was given a time" },
    { "expires_at", 'T', NULL },
    { "next_try_at", 'T', "Not before" },
    { "test", 'b', "A test of a broadcast" },
    { "content", 'J', "As it was given; null for text and templates" },
    { "media", 'J', "{id, state, mime, bytes, filename, detail}: its file" },
    { "reply_to", 'U', "The message that it quotes, reacts to or answers" },
    { "choice", 'J', "{id, title}: the button or row that they chose" },
    { "clicks", 'i', "How often its links were followed" },
    { "sms", 'J', "Of SMS: encoding, units, segments (each is paid for)" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_read_body[] = {
    { "typing", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "Show them that somebody types, until a message or 25 seconds" },
    HD_END_FIELDS
};

static const hd_column_t  hd_read_answer[] = {
    { "id", 'u', NULL },
    { "read", 'b', NULL },
    { "typing", 'b', NULL },
    HD_END_COLUMNS
};

static const hd_field_t  hd_media_query[] = {
    { "source", HD_FIELD_ENUM, 0, 0, 0, 0, hd_media_sources, NULL },
    { "state", HD_FIELD_ENUM, 0, 0, 0, 0, hd_media_states, NULL },
    HD_END_FIELDS
};

static const hd_field_t  hd_upload_query[] = {
    { "filename", HD_FIELD_STRING, 0, 0, 0, 240, NULL,
      "Its name as people see it; else the form's" },
    HD_END_FIELDS
};

static const hd_column_t  hd_media_columns[] = {
    { "id", 'u', NULL },
    { "filename", 's', NULL },
    { "mime", 's', "By its bytes; while it is wanted, by their word" },
    { "bytes", 'I', NULL },
    { "sha256", 'S', NULL },
    { "source", 's', "upload, inbound" },
    { "state", 's', "ready; wanted: it is being fetched; failed" },
    { "detail", 'S', "Why it could not be fetched" },
    { "account_id", 'U', "The number that it came to" },
    { "created_at", 't', NULL },
    HD_END_COLUMNS
};


const hd_route_t  hd_message_routes[] = {

    { POST, "/messages", SEND, HD_ROUTE_ACCEPTED|HD_ROUTE_RAW,
      hd_message_create, NULL, hd_message_body, hd_message_answer,
      "Messages", "Send one message" },
    { GET, "/messages", READ, LIST|HD_ROUTE_RAW, hd_message_list,
      hd_message_query, NULL, hd_message_answer, "Messages",
      "List messages, newest first" },
    { GET, "/messages/{id}", READ, HD_ROUTE_RAW, hd_message_get, NULL, NULL,
      hd_message_answer, "Messages", "Read a message" },
    { POST, "/messages/{id}/cancel", SEND, HD_ROUTE_RAW, hd_message_cancel,
      NULL, NULL, hd_message_answer, "Messages",
      "Cancel one that nobody has taken up" },
    { GET, "/messages/{id}/why", READ, HD_ROUTE_RAW, hd_message_why, NULL,
      NULL, hd_why_answer, "Messages", "The whole story of one message" },
    { POST, "/messages/{id}/read", SEND, HD_ROUTE_RAW|HD_ROUTE_BARE,
      hd_message_read, NULL, hd_read_body, hd_read_answer, "Messages",
      "Tell them that it was read, and that somebody types" },

    { POST, "/media", SEND, CREATED|HD_ROUTE_STREAM|HD_ROUTE_RAW,
      hd_media_upload, hd_upload_query, NULL, hd_media_columns, "Media",
      "Upload a file: as the body, or as the field \"file\" of a form; the "
      "same file again answers 200" },
    { GET, "/media", READ, LIST, hd_media_list, hd_media_query, NULL,
      hd_media_columns, "Media", "List files, newest first" },
    { GET, "/media/{id}", READ, 0, hd_media_get, NULL, NULL, hd_media_columns,
      "Media", "Read about a file" },
    { GET, "/media/{id}/content", READ, HD_ROUTE_RAW, hd_media_content, NULL,
      NULL, NULL, "Media", "The file itself; ranges work" },
    { DELETE, "/media/{id}", SEND, EMPTY, hd_media_delete, NULL, NULL, NULL,
      "Media", "Delete a file" },

    HD_END_ROUTES
};

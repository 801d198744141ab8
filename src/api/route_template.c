/*
 * Routes of templates, the library and snippets.
 */

#include "route.h"
#include "template.h"


static const char *const  hd_categories[] = {
    "marketing", "utility", "authentication", NULL
};
static const char *const  hd_existing[] = { "skip", "version", NULL };
static const char *const  hd_snippet_kinds[] = {
    "greeting", "follow_up", "support", "other", NULL
};

#define HD_DOCUMENT_HELP                                                      \
    "{header: {format, text, media_id}, body, footer, buttons: [{type, text, "\
    "…}], variables: {name: {fallback, sample, type}}}"

#define HD_TEMPLATE_TEXTS                                                     \
    { "header", HD_FIELD_STRING, 0, 1, 0, 60, NULL, "Text header" },          \
    { "body", HD_FIELD_STRING, 0, 0, 1, 1024, NULL,                           \
      "With {{name}} or {{name|fallback}}" },                                 \
    { "footer", HD_FIELD_STRING, 0, 1, 0, 60, NULL, NULL },                   \
    { "document", HD_FIELD_OBJECT, 0, 0, 0, 0, NULL, HD_DOCUMENT_HELP },      \
    HD_END_FIELDS

static const hd_field_t  hd_template_body[] = {
    { "name", HD_FIELD_NAME, 1, 0, 1, 512, NULL, "As the provider knows it" },
    { "language", HD_FIELD_LANGUAGE, 1, 0, 0, 0, NULL, NULL },
    { "category", HD_FIELD_ENUM, 1, 0, 0, 0, hd_categories, NULL },
    HD_TEMPLATE_TEXTS
};

static const hd_field_t  hd_template_change_body[] = {
    { "name", HD_FIELD_NAME, 0, 0, 1, 512, NULL,
      "Until it was submitted" },
    { "language", HD_FIELD_LANGUAGE, 0, 0, 0, 0, NULL,
      "Until it was submitted" },
    { "category", HD_FIELD_ENUM, 0, 0, 0, 0, hd_categories,
      "Until it was approved" },
    HD_TEMPLATE_TEXTS
};

static const hd_field_t  hd_template_lint_body[] = {
    { "name", HD_FIELD_STRING, 0, 0, 0, 1024, NULL, NULL },
    { "language", HD_FIELD_STRING, 0, 0, 0, 64, NULL, NULL },
    { "category", HD_FIELD_STRING, 0, 0, 0, 64, NULL, NULL },
    { "header", HD_FIELD_STRING, 0, 1, 0, 1024, NULL, NULL },
    { "body", HD_FIELD_STRING, 0, 0, 0, 4096, NULL, NULL },
    { "footer", HD_FIELD_STRING, 0, 1, 0, 1024, NULL, NULL },
    { "document", HD_FIELD_OBJECT, 0, 0, 0, 0, NULL, HD_DOCUMENT_HELP },
    HD_END_FIELDS
};

static const hd_field_t  hd_template_query[] = {
    { "status", HD_FIELD_STRING, 0, 0, 1, 64, NULL, "approved, pending, …" },
    { "category", HD_FIELD_ENUM, 0, 0, 0, 0, hd_categories, NULL },
    { "language", HD_FIELD_LANGUAGE, 0, 0, 0, 0, NULL, NULL },
    { "name", HD_FIELD_STRING, 0, 0, 1, 512, NULL, "All of this name" },
    { "q", HD_FIELD_STRING, 0, 0, 0, 100, NULL, "In the name or the body" },
    { "deleted", HD_FIELD_BOOL, 0, 0, 0, 0, NULL, "What lies in the bin" },
    HD_END_FIELDS
};

static const hd_field_t  hd_export_query[] = {
    { "name", HD_FIELD_STRING, 0, 0, 1, 512, NULL, NULL },
    { "language", HD_FIELD_LANGUAGE, 0, 0, 0, 0, NULL, NULL },
    { "category", HD_FIELD_ENUM, 0, 0, 0, 0, hd_categories, NULL },
    HD_END_FIELDS
};

#define HD_TEMPLATE_COLUMNS                                                   \
    { "id", 'u', NULL },                                                      \
    { "name", 's', NULL },                                                    \
    { "language", 's', NULL },                                                \
    { "category", 's', NULL },                                                \
    { "header", 'S', "As it is sent" },                                       \
    { "body", 's', "As it is sent, fallbacks in their places" },              \
    { "footer", 'S', "As it is sent" },                                       \
    { "status", 's', "The provider's word; unverified until it was asked" },  \
    { "created_at", 't', NULL },                                              \
    { "updated_at", 't', NULL },                                              \
    { "document", 'j', "The newest version" },                                \
    { "version", 'i', "Its number" },                                         \
    { "submitted_version", 'I', "What the provider has, and is sent" },       \
    { "account_id", 'U', "The number it was submitted with" },                \
    { "provider_id", 'S', NULL },                                             \
    { "status_reason", 'S', "Why, in the provider's words" },                 \
    { "category_was", 'S', "Until the provider changed it: another price" },  \
    { "quality", 's', "The provider's word" },                                \
    { "paused_until", 'T', NULL },                                            \
    { "submitted_at", 'T', NULL },                                            \
    { "checked_at", 'T', "When the provider was last asked" },                \
    { "deleted_at", 'T', "In the bin since" }

#define HD_LINT_COLUMN                                                        \
    { "lint", 'j', "What WhatsApp would say: code, level, pointer, words, "   \
      "fix" }

const hd_column_t  hd_template_columns[] = {
    HD_TEMPLATE_COLUMNS, HD_END_COLUMNS
};

static const hd_column_t  hd_template_linted[] = {
    HD_TEMPLATE_COLUMNS, HD_LINT_COLUMN, HD_END_COLUMNS
};

static const hd_column_t  hd_lint_answer[] = {
    { "errors", 'i', "What would surely be refused" },
    { "warnings", 'i', NULL },
    HD_LINT_COLUMN,
    HD_END_COLUMNS
};

static const hd_field_t  hd_template_delete_query[] = {
    { "permanent", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "For good, from the bin only" },
    { "at_provider", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "At the provider too: its name is then kept for 30 days" },
    HD_END_FIELDS
};

static const hd_column_t  hd_template_deleted[] = {
    { "id", 'u', NULL },
    { "deleted", 'b', NULL },
    { "permanent", 'b', NULL },
    { "at_provider", 'b', NULL },
    { "warnings", 'j', "code, detail" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_no_body[] = { HD_END_FIELDS };

static const hd_field_t  hd_duplicate_body[] = {
    { "name", HD_FIELD_NAME, 0, 0, 1, 512, NULL,
      "The same with _copy, if absent" },
    { "language", HD_FIELD_LANGUAGE, 0, 0, 0, 0, NULL,
      "Another one keeps the name" },
    HD_END_FIELDS
};

static const hd_column_t  hd_version_list[] = {
    { "version", 'i', NULL },
    { "category", 's', NULL },
    { "created_by", 'U', NULL },
    { "created_at", 't', NULL },
    { "newest", 'b', NULL },
    { "submitted", 'b', "The provider has this one" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_version_answer[] = {
    { "version", 'i', NULL },
    { "category", 's', NULL },
    { "created_by", 'U', NULL },
    { "created_at", 't', NULL },
    { "newest", 'b', NULL },
    { "submitted", 'b', "The provider has this one" },
    { "document", 'j', NULL },
    HD_END_COLUMNS
};

static const hd_field_t  hd_diff_query[] = {
    { "from", HD_FIELD_STRING, 0, 0, 1, 10, NULL,
      "What the provider has, if absent, else the one before" },
    { "to", HD_FIELD_STRING, 0, 0, 1, 10, NULL, "The newest, if absent" },
    HD_END_FIELDS
};

static const hd_column_t  hd_diff_answer[] = {
    { "from", 'i', NULL },
    { "to", 'i', NULL },
    { "changes", 'j', "path, from, to" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_preview_body[] = {
    { "contact_id", HD_FIELD_UUID, 0, 0, 0, 0, NULL,
      "Whose values; the samples, if absent" },
    { "variables", HD_FIELD_MAP, 0, 0, 0, 100, NULL, NULL },
    { "language", HD_FIELD_LANGUAGE, 0, 0, 0, 0, NULL,
      "The same name in this language" },
    { "version", HD_FIELD_INT, 0, 0, 1, 2147483647, NULL,
      "The newest, if absent" },
    HD_END_FIELDS
};

static const hd_column_t  hd_preview_answer[] = {
    { "header", 'S', NULL },
    { "body", 's', NULL },
    { "footer", 'S', NULL },
    { "missing", 'a', "Variables without a value or a fallback" },
    { "language", 's', NULL },
    { "direction", 's', "ltr, rtl" },
    { "bubbles", 'j', "kind, text, direction, spans, media, buttons" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_template_import_body[] = {
    { "templates", HD_FIELD_ARRAY, 1, 0, 0, 500, NULL,
      "{name, language, category, document}, or as Meta lists them: {name, "
      "language, category, components}" },
    { "existing", HD_FIELD_ENUM, 0, 0, 0, 0, hd_existing,
      "Those of a name and language that is there: skip them, or make a new "
      "version" },
    { "dry_run", HD_FIELD_BOOL, 0, 0, 0, 0, NULL, "Check, write nothing" },
    HD_END_FIELDS
};

static const hd_column_t  hd_template_import_answer[] = {
    { "created", 'i', NULL },
    { "updated", 'i', NULL },
    { "skipped", 'i', NULL },
    { "templates", 'j', "id, name, language, outcome, errors, lint" },
    HD_END_COLUMNS
};

static const hd_column_t  hd_export_answer[] = {
    { "templates", 'j', "name, language, category, document" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_submit_body[] = {
    { "account_id", HD_FIELD_UUID, 1, 0, 0, 0, NULL,
      "A number of the business that shall have it" },
    { "allow_category_change", HD_FIELD_BOOL, 0, 0, 0, 0, NULL,
      "WhatsApp may choose another category instead of refusing" },
    HD_END_FIELDS
};

static const hd_column_t  hd_sync_answer[] = {
    { "account_id", 'u', NULL },
    { "queued", 'b', "What changes is told by the event template.status" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_results_query[] = {
    { "version", HD_FIELD_STRING, 0, 0, 1, 10, NULL, "Only this version" },
    { "language", HD_FIELD_LANGUAGE, 0, 0, 0, 0, NULL, "Only this language" },
    HD_END_FIELDS
};

static const hd_column_t  hd_results_answer[] = {
    { "template_id", 'u', NULL },
    { "language", 's', NULL },
    { "version", 'i', NULL },
    { "broadcasts", 'i', "How many were begun with it" },
    { "sent", 'i', NULL },
    { "delivered", 'i', NULL },
    { "read", 'i', NULL },
    { "clicked", 'i', NULL },
    { "replied", 'i', NULL },
    { "failed", 'i', NULL },
    { "opted_out", 'i', NULL },
    { "cost", 's', "In the price table's currency" },
    HD_END_COLUMNS
};


/* ── the library ── */

static const hd_field_t  hd_library_query[] = {
    { "category", HD_FIELD_ENUM, 0, 0, 0, 0, hd_categories, NULL },
    { "language", HD_FIELD_LANGUAGE, 0, 0, 0, 0, NULL, NULL },
    { "use", HD_FIELD_STRING, 0, 0, 0, 32, NULL,
      "shop, appointment, restaurant, …" },
    { "q", HD_FIELD_STRING, 0, 0, 0, 100, NULL,
      "In the name or the texts" },
    HD_END_FIELDS
};

static const hd_column_t  hd_library_answer[] = {
    { "id", 's', NULL },
    { "category", 's', NULL },
    { "use", 's', NULL },
    { "title", 's', NULL },
    { "languages", 'j', "language: document" },
    HD_END_COLUMNS
};

static const hd_field_t  hd_library_use_body[] = {
    { "languages", HD_FIELD_STRINGS, 0, 0, 1, 20, NULL,
      "All of them, if absent" },
    { "name", HD_FIELD_NAME, 0, 0, 1, 512, NULL, "Its own, if absent" },
    HD_END_FIELDS
};


/* ── snippets ── */

static const hd_field_t  hd_snippet_body[] = {
    { "shortcut", HD_FIELD_STRING, 1, 0, 1, 64, NULL,
      "a-z, 0-9, _ and -: what people type behind a /" },
    { "kind", HD_FIELD_ENUM, 1, 0, 0, 0, hd_snippet_kinds, NULL },
    { "language", HD_FIELD_LANGUAGE, 1, 0, 0, 0, NULL, NULL },
    { "title", HD_FIELD_STRING, 0, 0, 0, 100, NULL, NULL },
    { "body", HD_FIELD_STRING, 1, 0, 1, 4096, NULL,
      "With {{name}} or {{name|fallback}}" },
    HD_END_FIELDS
};

static const hd_field_t  hd_snippet_change_body[] = {
    { "shortcut", HD_FIELD_STRING, 0, 0, 1, 64, NULL, NULL },
    { "kind", HD_FIELD_ENUM, 0, 0, 0, 0, hd_snippet_kinds, NULL },
    { "language", HD_FIELD_LANGUAGE, 0, 0, 0, 0, NULL, NULL },
    { "title", HD_FIELD_STRING, 0, 0, 0, 100, NULL, NULL },
    { "body", HD_FIELD_STRING, 0, 0, 1, 4096, NULL, NULL },
    HD_END_FIELDS
};

static const hd_field_t  hd_snippet_query[] = {
    { "kind", HD_FIELD_ENUM, 0, 0, 0, 0, hd_snippet_kinds, NULL },
    { "language", HD_FIELD_LANGUAGE, 0, 0, 0, 0, NULL, NULL },
    { "q", HD_FIELD_STRING, 0, 0, 0, 100, NULL,
      "The beginning of a shortcut, or part of a text" },
    HD_END_FIELDS
};

static const hd_column_t  hd_snippet_answer[] = {
    { "id", 'u', NULL },
    { "shortcut", 's', NULL },
    { "kind", 's', NULL },
    { "language", 's', NULL },
    { "title", 's', NULL },
    { "body", 's', NULL },
    { "created_at", 't', NULL },
    { "updated_at", 't', NULL },
    HD_END_COLUMNS
};


const hd_route_t  hd_template_routes[] = {

    { POST, "/templates", SEND, CREATED|HD_ROUTE_RAW, hd_template_create,
      NULL, hd_template_body, hd_template_linted, "Templates",
      "Make a template" },
    { GET, "/templates", READ, LIST, hd_template_list, hd_template_query,
      NULL, hd_template_columns, "Templates", "List templates" },
    { POST, "/templates/lint", READ, HD_ROUTE_RAW, hd_template_lint, NULL,
      hd_template_lint_body, hd_lint_answer, "Templates",
      "What WhatsApp would say of a template; nothing is kept" },
    { POST, "/templates/import", SEND, HD_ROUTE_RAW, hd_template_import,
      NULL, hd_template_import_body, hd_template_import_answer, "Templates",
      "Take templates from elsewhere" },
    { GET, "/templates/export", READ, HD_ROUTE_RAW, hd_template_export,
      hd_export_query, NULL, hd_export_answer, "Templates",
      "All templates, as import takes them" },
    { GET, "/templates/{id}", READ, HD_ROUTE_ETAG, hd_template_get, NULL,
      NULL, hd_template_columns, "Templates", "Read a template" },
    { PATCH, "/templates/{id}", SEND, HD_ROUTE_RAW|HD_ROUTE_ETAG,
      hd_template_update, NULL, hd_template_change_body, hd_template_linted,
      "Templates", "Change a template: a new version. Members of the document "
      "that are absent stay, null takes one away" },
    { DELETE, "/templates/{id}", SEND, HD_ROUTE_RAW, hd_template_delete,
      hd_template_delete_query, NULL, hd_template_deleted, "Templates",
      "Put a template into the bin, or from there away for good" },
    { POST, "/templates/{id}/restore", SEND, HD_ROUTE_RAW|HD_ROUTE_BARE,
      hd_template_restore, NULL, hd_no_body, hd_template_columns, "Templates",
      "Back from the bin" },
    { POST, "/templates/{id}/duplicate", SEND,
      CREATED|HD_ROUTE_RAW|HD_ROUTE_BARE, hd_template_duplicate, NULL,
      hd_duplicate_body, hd_template_columns, "Templates", "Make a copy" },
    { GET, "/templates/{id}/languages", READ, WHOLE, hd_template_languages,
      NULL, NULL, hd_template_columns, "Templates",
      "The same template in all its languages" },
    { GET, "/templates/{id}/versions", READ, LIST, hd_template_versions,
      NULL, NULL, hd_version_list, "Templates", "Its versions" },
    { GET, "/templates/{id}/versions/{n}", READ, 0, hd_template_version,
      NULL, NULL, hd_version_answer, "Templates", "One version" },
    { POST, "/templates/{id}/versions/{n}/restore", SEND,
      HD_ROUTE_RAW|HD_ROUTE_BARE, hd_template_version_restore, NULL,
      hd_no_body, hd_template_linted, "Templates",
      "An old version as the newest" },
    { GET, "/templates/{id}/diff", READ, HD_ROUTE_RAW, hd_template_diff,
      hd_diff_query, NULL, hd_diff_answer, "Templates",
      "What changed between two versions" },
    { POST, "/templates/{id}/preview", READ, HD_ROUTE_RAW,
      hd_template_preview, NULL, hd_preview_body, hd_preview_answer,
      "Templates", "See a template as a phone shows it" },

    { GET, "/templates/{id}/results", READ, WHOLE, hd_template_results,
      hd_results_query, NULL, hd_results_answer, "Templates",
      "What came of each version, in all its languages" },
    { POST, "/templates/{id}/submit", SEND, HD_ROUTE_RAW,
      hd_template_submit, NULL, hd_submit_body, hd_template_linted,
      "Templates", "Give the newest version to the provider for its review" },
    { POST, "/accounts/{id}/templates/sync", SEND,
      HD_ROUTE_ACCEPTED|HD_ROUTE_RAW|HD_ROUTE_BARE, hd_template_sync, NULL,
      hd_no_body, hd_sync_answer, "Templates",
      "Ask the provider for its templates now" },

    { GET, "/library/templates", READ, HD_ROUTE_RAW|WHOLE, hd_library_list,
      hd_library_query, NULL, hd_library_answer, "Library",
      "Templates that are ready to be used" },
    { POST, "/library/templates/{name}/use", SEND,
      HD_ROUTE_RAW|HD_ROUTE_BARE, hd_library_use, NULL, hd_library_use_body,
      hd_template_import_answer, "Library", "Make templates of one" },

    { POST, "/snippets", SEND, CREATED, hd_snippet_create, NULL,
      hd_snippet_body, hd_snippet_answer, "Snippets", "Make a snippet" },
    { GET, "/snippets", READ, LIST, hd_snippet_list, hd_snippet_query, NULL,
      hd_snippet_answer, "Snippets", "List snippets" },
    { GET, "/snippets/{id}", READ, HD_ROUTE_ETAG, hd_snippet_get, NULL, NULL,
      hd_snippet_answer, "Snippets", "Read a snippet" },
    { PATCH, "/snippets/{id}", SEND, HD_ROUTE_ETAG, hd_snippet_update, NULL,
      hd_snippet_change_body, hd_snippet_answer, "Snippets",
      "Change a snippet" },
    { DELETE, "/snippets/{id}", SEND, EMPTY, hd_snippet_delete, NULL, NULL,
      NULL, "Snippets", "Delete a snippet" },

    HD_END_ROUTES
};

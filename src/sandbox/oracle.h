/*
 * oracle: what its two files share.  The thread touches hd_sb_oracle_t only;
 * request and pool are the loop's.
 *
 *   oracle.c   the request, the thread, the answer
 *   facts.c    the ledger's lines as facts, and what they say together
 */

#ifndef HD_SANDBOX_ORACLE_H
#define HD_SANDBOX_ORACLE_H

#include "sandbox.h"


enum { HD_SB_TAKEN = 0, HD_SB_REJECTED, HD_SB_INBOUND };

typedef struct {
    int64_t         at;                /* monotonic µs */
    int64_t         clock;             /* the same, shifted */
    uint64_t        to;
    uint64_t        ref;               /* hash, 0: none */
    off_t           line;
    uint32_t        number;
    uint32_t        portfolio;
    uint8_t         what;
    uint8_t         reset;
    uint8_t         in_window;
} hd_sb_fact_t;

typedef struct {
    ngx_str_t       name;
    uint64_t        count, reset, rejected, inbound;
    uint64_t        max_window, max_both, max_pair;
    uint64_t        unique;            /* of a portfolio */
    int64_t         first, last;
} hd_sb_name_t;

typedef struct {
    ngx_http_request_t  *request;
    ngx_event_t          keep;         /* a quitting worker waits for it */
    const char          *path;
    char                 only[HD_SB_ID_MAX + 1];
    int64_t              window, pair, since;

    hd_sb_fact_t        *facts;
    size_t               nfacts, cap;
    hd_sb_name_t        *numbers, *portfolios;
    uint32_t             nnumbers, nportfolios;
    uint64_t             duplicates;
    hd_buf_t             out;
    const char          *error;
} hd_sb_oracle_t;


/* all of the ledger's whole lines; HD_ERROR and o->error */
int hd_sb_facts_read(hd_sb_oracle_t *o);
/* each sorts the facts as it needs them */
void hd_sb_facts_numbers(hd_sb_oracle_t *o);
void hd_sb_facts_pairs(hd_sb_oracle_t *o);
int hd_sb_facts_portfolios(hd_sb_oracle_t *o);
/* writes the elements of the list */
void hd_sb_facts_duplicates(hd_sb_oracle_t *o);

#endif /* HD_SANDBOX_ORACLE_H */

/*
 * guard: which addresses may be spoken to.
 *
 * URLs come from users, so an address that is not of the public internet is
 * refused unless the operator allowed it.  The question is asked when the
 * socket is made, after name resolution, of the very address that will be
 * connected to: a name that resolves differently the second time gains
 * nothing.
 *
 * IPv4: everything is open but the special blocks of RFC 6890 and its
 * successors.  IPv6: only global unicast 2000::/3 is open, less its special
 * blocks; an address that carries an IPv4 one is judged by that.
 */

#include "private.h"


typedef struct {
    uint32_t     net;
    ngx_uint_t   bits;
} hd_guard_v4_t;

typedef struct {
    u_char       net[4];               /* the first 32 bits suffice */
    ngx_uint_t   bits;
} hd_guard_v6_t;


static ngx_uint_t hd_guard_v4(const u_char *a);
static ngx_uint_t hd_guard_v6(const u_char *a);


static const hd_guard_v4_t  hd_guard_v4_closed[] = {
    { 0x00000000,  8 },                /* this network */
    { 0x0a000000,  8 },                /* private */
    { 0x64400000, 10 },                /* carrier-grade NAT */
    { 0x7f000000,  8 },                /* loopback */
    { 0xa9fe0000, 16 },                /* link-local, cloud metadata */
    { 0xac100000, 12 },                /* private */
    { 0xc0000000, 24 },                /* IETF protocols */
    { 0xc0000200, 24 },                /* documentation */
    { 0xc0586300, 24 },                /* 6to4 relays */
    { 0xc0a80000, 16 },                /* private */
    { 0xc6120000, 15 },                /* benchmarks */
    { 0xc6336400, 24 },                /* documentation */
    { 0xcb007100, 24 },                /* documentation */
    { 0xe0000000,  4 },                /* multicast */
    { 0xf0000000,  4 }                 /* reserved, broadcast */
};

static const hd_guard_v6_t  hd_guard_v6_closed[] = {
    { { 0x20, 0x01, 0x00, 0x00 }, 23 },    /* IETF protocols, Teredo */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 },    /* documentation */
    { { 0x3f, 0xff, 0x00, 0x00 }, 20 }     /* documentation */
};

static const u_char  hd_guard_mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

static const u_char  hd_guard_nat64[12] = {
    0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0
};


ngx_uint_t
hd_egress_forbidden(struct sockaddr *sa, ngx_array_t *allow)
{
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6) {
        return 1;
    }

    if (allow && ngx_cidr_match(sa, allow) == NGX_OK) {
        return 0;
    }

    if (sa->sa_family == AF_INET) {
        sin = (struct sockaddr_in *) sa;
        return hd_guard_v4((u_char *) &sin->sin_addr);
    }

    sin6 = (struct sockaddr_in6 *) sa;
    return hd_guard_v6(sin6->sin6_addr.s6_addr);
}


static ngx_uint_t
hd_guard_v4(const u_char *a)
{
    uint32_t    addr, mask;
    ngx_uint_t  i;

    addr = (uint32_t) a[0] << 24 | (uint32_t) a[1] << 16
           | (uint32_t) a[2] << 8 | a[3];

    for (i = 0; i < sizeof(hd_guard_v4_closed) / sizeof(hd_guard_v4_t); i++) {
        mask = (uint32_t) 0xffffffff << (32 - hd_guard_v4_closed[i].bits);

        if ((addr & mask) == hd_guard_v4_closed[i].net) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
hd_guard_v6(const u_char *a)
{
    uint32_t       addr, net, mask;
    ngx_uint_t     i;
    const u_char  *n;

    if (ngx_memcmp(a, hd_guard_mapped, 12) == 0
        || ngx_memcmp(a, hd_guard_nat64, 12) == 0)
    {
        return hd_guard_v4(a + 12);
    }

    if ((a[0] & 0xe0) != 0x20) {
        return 1;
    }

    /* 6to4 */
    if (a[0] == 0x20 && a[1] == 0x02) {
        return hd_guard_v4(a + 2);
    }

    addr = (uint32_t) a[0] << 24 | (uint32_t) a[1] << 16
           | (uint32_t) a[2] << 8 | a[3];

    for (i = 0; i < sizeof(hd_guard_v6_closed) / sizeof(hd_guard_v6_t); i++) {
        n = hd_guard_v6_closed[i].net;

        net = (uint32_t) n[0] << 24 | (uint32_t) n[1] << 16
              | (uint32_t) n[2] << 8 | n[3];
        mask = (uint32_t) 0xffffffff << (32 - hd_guard_v6_closed[i].bits);

        if ((addr & mask) == net) {
            return 1;
        }
    }

    return 0;
}

/*
 * herald secret FILE: 32 random bytes in hexadecimal.  A file that exists is
 * never written over: what it sealed could not be opened any more.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"


int
hd_cli_secret(int argc, char **argv)
{
    int            fd, failed;
    unsigned char  key[HD_SEAL_KEY], text[2 * HD_SEAL_KEY + 1];

    if (argc != 2 || argv[1][0] == '-') {
        return hd_cli_usage("secret", NULL);
    }

    fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd == -1 && errno == EEXIST) {
        hd_cli_error("\"%s\" exists and is kept: without it the sealed "
                     "tokens cannot be read any more", argv[1]);
        return HD_CLI_FAIL;
    }

    if (fd == -1) {
        hd_cli_error("cannot create \"%s\": %s", argv[1], strerror(errno));
        return HD_CLI_FAIL;
    }

    hd_random(key, sizeof(key));
    hd_hex(text, key, sizeof(key));
    text[2 * HD_SEAL_KEY] = '\n';

    failed = fchmod(fd, 0600) != 0
             || write(fd, text, sizeof(text)) != (ssize_t) sizeof(text)
             || fsync(fd) != 0;

    explicit_bzero(key, sizeof(key));
    explicit_bzero(text, sizeof(text));

    if (close(fd) != 0 || failed) {
        hd_cli_error("cannot write \"%s\": %s", argv[1], strerror(errno));
        unlink(argv[1]);
        return HD_CLI_FAIL;
    }

    printf("made \"%s\"; keep a copy of it in a safe place\n", argv[1]);

    return HD_CLI_OK;
}

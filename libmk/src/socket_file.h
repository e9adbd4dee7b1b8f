/* SPDX-License-Identifier: MIT */
/* A server's socket in the file system, and who may have it. */
#ifndef MK_SRC_SOCKET_FILE_H
#define MK_SRC_SOCKET_FILE_H

#include <sys/un.h>

struct mk_socket_file {
	struct sockaddr_un address;
	int lock;   /* on PATH.lock; says that the server lives */
	int socket; /* listens */
};

/* The address of a server by its name, as <mk/serve.h> has it; -ENAMETOOLONG, -EINVAL. */
int mk_socket_address(const char *name, struct sockaddr_un *address);

/*
 * Become the server of that name: 0, or a negative errno with a text.  Then its socket
 * does not block, and both descriptors are close-on-exec.
 */
int mk_socket_file_open(const char *name, struct mk_socket_file *file);

/* Remove the socket and the lock. */
void mk_socket_file_close(struct mk_socket_file *file);

#endif /* MK_SRC_SOCKET_FILE_H */

/* SPDX-License-Identifier: MIT */
/*
 * A context for processes that are no children: a server at a unix socket hands the
 * descriptors of mk_context_share() to who connects and asks for a role.
 *
 * A server has a name.  With a '/' in it, it is the path of the socket; else the path is
 * $XDG_RUNTIME_DIR/mk/NAME.sock, or /run/mk/NAME.sock where that variable is not set.
 *
 * Only processes of the same user, and root, are let in; the socket has mode 0600.  A
 * client that says nothing, or nonsense, costs others nothing: it is left alone after
 * some seconds, or earlier when many wait.
 */
#ifndef MK_SERVE_H
#define MK_SERVE_H

#include <mk/context.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_server;

/* Which roles a server hands out, in a set of bits. */
#define MK_SERVE_ROLE(role) (1u << (role))

/**
 * mk_server_open() - hand out a context at a socket
 * @context: must be closed after the server; its role must allow all @roles
 * @name: of the server, as above; the folder of a plain name is made if need be
 * @roles: MK_SERVE_ROLE() of MK_ROLE_ENGINE, MK_ROLE_PRODUCER and MK_ROLE_OBSERVER
 * @server: receives it; mk_server_close() gives it back
 *
 * The socket of a server that has died is replaced.  Who lives is known by a lock on
 * PATH.lock, which a child of a fork has too until it execs.
 *
 * -EADDRINUSE: a server is there already
 * -EEXIST: what is at the path is no socket
 * -EINVAL: no roles, or unknown ones
 * -EACCES: @context may not so much itself, or the folder is not writable
 * -ENAMETOOLONG: a socket's path has 107 bytes at most
 */
MK_PUBLIC int mk_server_open(const struct mk_context *context, const char *name,
			     uint32_t roles, struct mk_server **server);

/*
 * mk_server_path() - where the socket is; @server's own, as long as that lives.
 */
MK_PUBLIC const char *mk_server_path(const struct mk_server *server);

/*
 * mk_server_descriptor() - for poll() and the like: readable when mk_server_run() has
 * something to do.  @server's own, as long as that lives.
 */
MK_PUBLIC int mk_server_descriptor(const struct mk_server *server);

/**
 * mk_server_run() - answer who has asked
 * @timeout_ns: how long to wait for somebody; 0 only looks
 *
 * Waits for no client, so one thread may do this beside other things.  One thread at a
 * time.
 *
 * Return: how many were given a context, 0 also when a signal came, or a negative errno:
 * -EMFILE and the like, when nobody could be let in for lack of descriptors.  Then go on
 * calling: it is tried again after a second.
 */
MK_PUBLIC int mk_server_run(struct mk_server *server, uint64_t timeout_ns);

/* mk_server_close() - remove the socket.  Who has the context keeps it.  NULL is allowed. */
MK_PUBLIC void mk_server_close(struct mk_server *server);

/**
 * mk_context_connect() - use a context that a server hands out
 * @name: of the server, as above
 * @role: MK_ROLE_ENGINE, MK_ROLE_PRODUCER or MK_ROLE_OBSERVER
 * @context: receives it, as from mk_context_attach(), whose errors come too
 *
 * -ENOENT, -ECONNREFUSED: no server is there, or it has died
 * -EACCES: it does not hand out @role, or not to this user
 * -ETIMEDOUT: it did not answer within 10 s
 * -ECONNRESET: it left without an answer, or many others came meanwhile; try again
 * -EPROTO: it speaks something else, or another version
 * -EINTR: a signal came
 */
MK_PUBLIC int mk_context_connect(const char *name, enum mk_role role,
				 struct mk_context **context);

#ifdef __cplusplus
}
#endif

#endif /* MK_SERVE_H */

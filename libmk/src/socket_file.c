// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

/* Who connects waits here; a server answers all at once. */
#define BACKLOG 64
/* Another server may end between our open and our lock, so many times in a row. */
#define LOCK_TRIES 16

/* Room for the path and its ending. */
struct lock_path {
	char text[sizeof(((struct sockaddr_un *)NULL)->sun_path) + sizeof(".lock")];
};

int mk_socket_address(const char *name, struct sockaddr_un *address)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	size_t room = sizeof(address->sun_path);
	int length;

	if (!name || !*name)
		return mk_fail(EINVAL, "a server without a name; give it one, or a path");
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strchr(name, '/'))
		length = snprintf(address->sun_path, room, "%s", name);
	else
		length = snprintf(address->sun_path, room, "%s/mk/%s.sock",
				  folder && *folder ? folder : "/run", name);
	if (length < 0 || (size_t)length >= room)
		return mk_fail(ENAMETOOLONG,
			       "the path of the socket of \"%s\" has %d bytes, and may "
			       "have %zu; choose a shorter one",
			       name, length, room - 1);
	return 0;
}

/* The folder of a plain name, for this user alone. */
static int make_folder(const char *name, const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *end;

	if (strchr(name, '/'))
		return 0;
	strcpy(folder, path);
	end = strrchr(folder, '/');
	*end = '\0';
	if (mkdir(folder, 0700) && errno != EEXIST)
		return mk_fail(errno,
			       "cannot make the folder %s: %s; set XDG_RUNTIME_DIR, or "
			       "give a path instead of the name \"%s\"",
			       folder, strerror(errno), name);
	return 0;
}

static struct lock_path lock_path_of(const struct mk_socket_file *file)
{
	struct lock_path path;

	snprintf(path.text, sizeof(path.text), "%s.lock", file->address.sun_path);
	return path;
}

/* Whether what is locked is what is at the path: who ends removes it. */
static bool is_at(int fd, const char *path)
{
	struct stat locked, there;

	return !fstat(fd, &locked) && !stat(path, &there) &&
	       locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
}

static int take_lock(struct mk_socket_file *file)
{
	const struct lock_path path = lock_path_of(file);

	for (int i = 0; i < LOCK_TRIES; i++) {
		int fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return mk_fail(errno,
				       "cannot open %s: %s; a server needs a folder that "
				       "it may write in",
				       path.text, strerror(errno));
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			close(fd);
			break;
		}
		if (is_at(fd, path.text)) {
			file->lock = fd;
			return 0;
		}
		close(fd);
	}
	return mk_fail(EADDRINUSE,
		       "a server is at %s already; stop it, or choose another name",
		       file->address.sun_path);
}

/* Only a socket is removed, and with the lock held it is a dead server's. */
static int remove_stale(const char *path)
{
	struct stat there;

	if (lstat(path, &there))
		return 0;
	if (!S_ISSOCK(there.st_mode))
		return mk_fail(EEXIST,
			       "%s is there and is no socket; choose another "
			       "name, or remove it",
			       path);
	if (unlink(path))
		return mk_fail(errno, "cannot remove the socket of a dead server, %s: %s",
			       path, strerror(errno));
	return 0;
}

static int bind_socket(struct mk_socket_file *file)
{
	const char *path = file->address.sun_path;

	file->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (file->socket < 0)
		return mk_fail(errno, "cannot make a socket: %s", strerror(errno));
	/* Before it has a name, so that there is no moment in which others may connect. */
	if (fchmod(file->socket, 0600) ||
	    bind(file->socket, (struct sockaddr *)&file->address,
		 sizeof(file->address)) ||
	    listen(file->socket, BACKLOG))
		return mk_fail(errno, "cannot make the socket %s: %s", path,
			       strerror(errno));
	return 0;
}

int mk_socket_file_open(const char *name, struct mk_socket_file *file)
{
	int ret = mk_socket_address(name, &file->address);

	file->lock = -1;
	file->socket = -1;
	if (!ret)
		ret = make_folder(name, file->address.sun_path);
	if (!ret)
		ret = take_lock(file);
	if (!ret)
		ret = remove_stale(file->address.sun_path);
	if (!ret)
		ret = bind_socket(file);
	if (ret)
		mk_socket_file_close(file);
	return ret;
}

void mk_socket_file_close(struct mk_socket_file *file)
{
	if (file->socket >= 0) {
		unlink(file->address.sun_path);
		close(file->socket);
	}
	if (file->lock >= 0) {
		/* Before it is given up: afterwards it may be another server's. */
		unlink(lock_path_of(file).text);
		close(file->lock);
	}
}

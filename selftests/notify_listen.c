// SPDX-License-Identifier: MIT
/*
 * Plays the supervisor of sd_notify(3): says that it listens, and prints what comes to the
 * socket at PATH, each line as it is, until somebody says STOPPING=1.
 *
 *   notify_listen PATH
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define TIMEOUT_MS 60000

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct pollfd look = { .fd = fd, .events = POLLIN };

	if (argc != 2 || fd < 0 || strlen(argv[1]) >= sizeof(address.sun_path))
		return EXIT_FAILURE;
	strcpy(address.sun_path, argv[1]);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	puts("listening");
	fflush(stdout);
	while (poll(&look, 1, TIMEOUT_MS) > 0) {
		char text[4096];
		ssize_t length = recv(fd, text, sizeof(text) - 1, 0);

		if (length < 0)
			return EXIT_FAILURE;
		text[length] = '\0';
		puts(text);
		fflush(stdout);
		if (strstr(text, "STOPPING=1"))
			return EXIT_SUCCESS;
	}
	fprintf(stderr, "notify_listen: nobody said STOPPING=1\n");
	return EXIT_FAILURE;
}

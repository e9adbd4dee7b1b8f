/* SPDX-License-Identifier: MIT */
/*
 * The commands that have to do with traces.  Each takes its own name in argv[0], says
 * what is wrong on stderr, and returns the program's exit status.
 */
#ifndef MKINSPECT_TRACE_COMMANDS_H
#define MKINSPECT_TRACE_COMMANDS_H

#define EXIT_DIFFERENT 2

int record_command(int argc, char **argv);
int replay_command(int argc, char **argv);
int export_command(int argc, char **argv);

#endif /* MKINSPECT_TRACE_COMMANDS_H */

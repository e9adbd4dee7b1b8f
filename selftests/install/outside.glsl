// SPDX-License-Identifier: MIT
// An outsider's operation, for the installed mkcc.
MK_OPCODE(0x100, nothing)
{
	return MK_STATUS_DONE;
}

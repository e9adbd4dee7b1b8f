/* SPDX-License-Identifier: MIT */
/* For check.py --bindings: one store to each binding of the resident kernel's. */
#version 460

layout(local_size_x_id = 0) in;

layout(set = 0, binding = 0, std430) buffer Zero { uint zero[]; };
layout(set = 0, binding = 1, std430) buffer One { uint one[]; };
layout(set = 0, binding = 2, std430) buffer Two { uint two[]; };
layout(set = 0, binding = 3, std430) buffer Three { uint three[]; };
layout(set = 0, binding = 4, std430) buffer Four { uint four[]; };
layout(set = 0, binding = 5, std430) buffer Five { uint five[]; };
layout(set = 0, binding = 6, std430) buffer Six { uint six[]; };

void main()
{
	zero[0] = one[1] = two[2] = three[3] = four[4] = five[5] = six[6] = 7u;
}

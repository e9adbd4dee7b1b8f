// SPDX-License-Identifier: MIT
// What the classic way is measured with: a dispatch that does nothing.
#version 450
layout(local_size_x = 1) in;
void main()
{
}

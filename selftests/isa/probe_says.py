#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what 'mkbench probe -j' says of a device that executes nothing.

    probe_says.py NAME FILE [only]

NAME is part of the name of the device that has to be the first, or the only one.
"""

import json
import re
import sys

# Kinds of memory that RADV has to have been asked for, as the probe calls them.
KINDS = ("host memory, ", "the driver's host memory (type ", "device memory (type ")
# Where the cq has to have been tried, beside being imported.
CQ = ", cq in type "
# A trial that has come as far as a kernel, and those that have not.
SILENCE = re.compile(r"never saw the (host|device)'s store|sees none of its stores")


def complaints(name, said, only):
    placements = said["placements"]
    if not placements or name not in placements[0]["device"]:
        yield f"the first device is not {name}"
    for device in said.get("devices", [])[:1]:
        if name not in device["device"] or device["lack"] or not device["is_chosen"]:
            yield f"{name} is not what is taken, but {device}"
    if only:
        yield from (f"not asked for: {one['device']}, {one['placement']}"
                    for one in placements if name not in one["device"])
    ours = [one for one in placements if name in one["device"]]
    if [one["number"] for one in ours] != list(range(1, len(ours) + 1)):
        yield "the placements are not numbered from 1"
    for one in ours:
        if one["is_coherent"] or one["is_chosen"]:
            yield f"a placement works where nothing is executed: {one['placement']}"
        if not one["reason"]:
            yield f"no reason for: {one['placement']}"
    for kind in KINDS:
        tried = [one for one in ours if one["placement"].startswith(kind)]
        if not any(SILENCE.search(one["reason"] or "") for one in tried):
            yield f"no kernel was tried on: {kind}..., of which there are {len(tried)}"
    tried = [one for one in ours if CQ in one["placement"]]
    if not tried or not all("cached, device-coherent)" in one["placement"]
                            and SILENCE.search(one["reason"]) for one in tried):
        yield f"no kernel was tried with a device-coherent cq, but {tried}"


def main():
    name, path, *only = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        found = list(complaints(name, json.load(file), bool(only)))
    for complaint in found:
        print(complaint)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())

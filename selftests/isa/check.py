#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the machine code of a resident kernel, as isa_dump prints it.

    check.py [--split] [--row] FILE
    check.py --bindings|--probe FILE

Prints a line for each property: "ok NAME" or "WRONG NAME: what and where"; with --row also
what the table of Documentation/isa.rst has.  The exit status is 1 when something is wrong,
2 when the text is not understood.  Other shaders have other properties: with --bindings it
is bindings.comp, which shows which descriptor is which binding's, with --probe probe.comp.

Each check below says what it shows and what it does not.
"""

import argparse
import re
import sys

import follow
import machine_code

# Bindings of shaders/memory.glsl.
CONTROL, RING, LOG, IO_QUEUE, CQ, STATE, ARENA = range(7)
NAMES = ("control", "ring", "debug log", "io queue", "cq", "state", "arena")

# Bytes in a slot of the ring, and in one of the io queue: where its status is.
RING_STATUS, IO_STATUS = 0, 24
# Bytes in the state memory, of words that workers wait for.
STATE_REGISTERED, STATE_WORKERS = 0, 12
# Bytes in the cq: counters in its device's line, and the outbox with the hints behind it.
CQ_IO_REQUESTS, CQ_IO_INGESTS, CQ_OUTBOX, CQ_ENTRIES = 49 * 4, 55 * 4, 640 * 4, 4096


class Chip:
    """What a family of chips has, by a part of the device's name."""

    def __init__(self, isa, cached, bypass, least_subgroups, store_counter=True):
        self.isa = isa
        self.cached = cached  # what an ordinary load may be served by
        self.bypass = bypass  # sets of flags, of which a load must have one whole
        self.least_subgroups = least_subgroups  # of one SIMD, at once
        self.store_counter = store_counter  # stores are counted apart from loads


# The flags are those that LLVM's AMDGPUUsage has for loads of agent scope or a wider one.
GFX12 = [{"device"}, {"system"}, {"scope:SCOPE_DEV"}, {"scope:SCOPE_SYS"}]
CHIPS = {
    "VEGA10": Chip("gfx9", "L1", [{"glc"}], 2, store_counter=False),
    "NAVI21": Chip("gfx10.3", "L0, L1", [{"glc", "dlc"}], 8),
    "NAVI31": Chip("gfx11", "L0, L1", [{"glc"}], 8),
    "GFX1150": Chip("gfx11.5", "L0, L1", [{"glc"}], 8),
    "GFX1200": Chip("gfx12", "L0", GFX12, 8),
    "GFX1201": Chip("gfx12", "L0", GFX12, 8),
}


class Kernel:
    def __init__(self, text, split):
        self.split = split
        self.device = re.search(r"^device: (.*)$", text, re.M).group(1)
        family = re.search(r"\(RADV (\w+)\)", self.device)
        if not family or family.group(1) not in CHIPS:
            raise machine_code.NotUnderstood(f"no chip that is known: {self.device}")
        self.chip = CHIPS[family.group(1)]
        self.subgroup = int(re.search(r"^subgroup: (\d+)$", text, re.M).group(1))
        self.statistics = {name: int(value) for name, value
                           in re.findall(r"^statistic: (.*) = (\d+)$", text, re.M)}

    def read_code(self, text):
        code = text.split("\ntext: Assembly\n")
        if len(code) != 2:
            raise machine_code.NotUnderstood("there is not one text 'Assembly'")
        blocks = machine_code.read(code[1])
        self.instructions = [one for block in blocks for one in block.instructions]
        found, self.stray_loads = follow.find_bindings(blocks)
        self.binding = {access: binding for access, (binding, _) in found.items()}
        self.other_memory = [one for one in self.instructions
                             if one.name.startswith(machine_code.OTHER_MEMORY)]
        for access, binding in self.binding.items():
            # These are told apart by the constant part of their address.
            if access.adds_scalar and binding in (RING, IO_QUEUE, CQ):
                raise machine_code.NotUnderstood(f"which word this is: {access.line}")
        # What was not read would not be checked.
        count = len(found) + len([one for one in self.other_memory
                                  if not one.name.startswith("s_")])
        if count != self.statistics["VMEM"]:
            raise machine_code.NotUnderstood(
                f"{count} accesses to memory read, the driver counts {self.statistics['VMEM']}")
        self.entries = [access for access, (binding, is_entry) in found.items()
                        if access.access == "store" and binding == CQ and
                        (is_entry or access.offset >= CQ_ENTRIES)]
        self.pending = follow.find_pending(blocks, self.chip.store_counter)
        self.repeated = follow.find_repeated(blocks)

    def accesses(self, kind, binding=None):
        return [access for access, its in self.binding.items()
                if access.access == kind and binding in (None, its)]

    def stores_under_way(self, access, but=()):
        """Stores and atomics that may not have reached L2, but those to some buffers."""
        return [one for one in self.pending[access]
                if one.access != "load" and self.binding[one] not in but]

    def place(self, access):
        return f"{NAMES[self.binding[access]]}: {access.line}"


def every_load_bypasses(kernel):
    """No load of a buffer may be served by a cache of the compute unit's or its array's.

    The kernel relies on this rather than on invalidations: RADV emits none for an acquire,
    since every load of a nonprivate buffer is marked.  It is shown for all loads, so also
    for all polls.  It shows nothing of L2: that this sees the host's stores is for the type
    of the memory to see to.
    """
    for load in kernel.accesses("load"):
        if not any(flags <= set(load.flags) for flags in kernel.chip.bypass):
            yield f"may be served by {kernel.chip.cached}: {kernel.place(load)}"


def no_other_memory(kernel):
    """Buffers are reached through vector memory instructions alone.

    A load through the scalar cache (s_buffer_load, or s_load from an address that is not
    that of descriptors or push constants) is never coherent.  Nor are there registers in
    scratch memory, or memory of a workgroup's.
    """
    for one in kernel.other_memory:
        yield f"reaches memory otherwise: {one.line}"
    for load in kernel.stray_loads:
        yield f"loads through the scalar cache: {load.line}"


def polls_are_repeated(kernel):
    """What is waited for is loaded in a loop, not once ahead of it.

    That is seen for statuses, and for the words of the state memory that workers wait for
    before they begin, REGISTERED and WORKERS.  Which of two loops, one in the other, it is
    in is not seen.
    """
    state = [load for load in kernel.accesses("load", STATE)
             if load.address is None and not load.adds_scalar and
             load.offset in (STATE_REGISTERED, STATE_WORKERS)]
    statuses = [load for load in kernel.accesses("load", RING) + kernel.accesses("load", IO_QUEUE)
                if load.offset in (RING_STATUS, IO_STATUS)]
    for load in state + statuses:
        if load not in kernel.repeated:
            yield f"loaded once: {kernel.place(load)}"
    for offset in (STATE_REGISTERED, STATE_WORKERS):
        if not any(load.offset == offset for load in state):
            yield f"no load of the state memory's byte {offset}, which workers wait for"


def no_atomic_across_the_bus(kernel):
    """In split nothing of the cq, the one buffer in the host's memory, is an atomic's."""
    if kernel.split:
        for atomic in kernel.accesses("atomic", CQ):
            yield kernel.place(atomic)


def a_look_is_one_load(kernel):
    """In split a look gets a slot's status with its opcode and tenant, undivided.

    There are looks, in the loop with the io queue's and in the one without, and each is a
    load of three or four words; other loads of word 0 are those of fences, of one word.
    """
    looks = [load for load in kernel.accesses("load", RING)
             if load.offset == RING_STATUS and load.words >= 3]
    if kernel.split and not looks:
        yield "no load has a status and the words beside it"


def words_come_after_the_status(kernel):
    """No load of a slot's status is under way when one of its other words is issued.

    So what was loaded later is not older.  On these chips loads return in order, and a
    load that has bypassed the caches is done in L2 when it returns.
    """
    for binding, status, kind in ((RING, RING_STATUS, "slot"), (IO_QUEUE, IO_STATUS, "io slot")):
        for load in kernel.accesses("load", binding):
            early = [one for one in kernel.pending[load]
                     if one.access == "load" and kernel.binding[one] == binding and
                     one.offset == status]
            if load.offset != status and early:
                yield (f"a word of a {kind} may be older than its status: {load.line}; "
                       f"under way: {early[0].line}")


def effects_come_before_completion(kernel):
    """Nothing else is under way when the completion of a slot is stored in the cq.

    In place that is so for every one, and includes the slot's status.  In split the entry
    that the device keeps may be under way, which is meant; and one of the three places that
    complete, that of NOP, may store while anything is, since NOP has no effect.  That this
    is NOP's is known by its place, the first in the code; and on gfx9 there is none, since
    there each wait for a load waits for stores.
    """
    but = (STATE,) if kernel.split else ()
    early = [(entry, kernel.stores_under_way(entry, but)) for entry in kernel.entries]
    wrong = [(entry, stores) for entry, stores in early if stores]
    wanted = 3 if kernel.split else 2
    if len(kernel.entries) != wanted:
        yield f"{len(kernel.entries)} places that complete, expected {wanted}"
    if kernel.split and kernel.chip.store_counter:
        wrong = [one for one in wrong if one[0] != kernel.entries[0]]
    for entry, stores in wrong:
        yield f"{entry.line}; under way: {kernel.place(stores[0])}, of {len(stores)}"


def requests_come_before_their_count(kernel):
    """What a request or the end of an ingest consists of is in L2 when it is told.

    In place it is told by an addition to a counter of the cq, in split by a record or a
    hint there, of which several may be under way.  Records are all that is stored there in
    fours; the constant part of their address may be that of the one before the first.
    """
    if kernel.split:
        records = [store for store in kernel.accesses("store", CQ) if store.words == 4]
        if len(records) < 2:
            yield "no record is stored in two parts"
        told = records + [store for store in kernel.accesses("store", CQ)
                          if store.words == 1 and CQ_OUTBOX <= store.offset < CQ_ENTRIES]
    else:
        told = [atomic for atomic in kernel.accesses("atomic", CQ)
                if atomic.offset in (CQ_IO_REQUESTS, CQ_IO_INGESTS)]
    if not told:
        yield "nothing is told"
    for access in told:
        stores = kernel.stores_under_way(access, (CQ,) if kernel.split else ())
        if stores:
            yield f"{access.line}; under way: {kernel.place(stores[0])}"


def fits(kernel):
    """Registers, scratch memory and a workgroup's memory leave room for enough subgroups."""
    for name in ("Spilled VGPRs", "Scratch size", "LDS size"):
        if kernel.statistics[name]:
            yield f"{name} is {kernel.statistics[name]}, expected 0"
    subgroups = kernel.statistics["Subgroups per SIMD"]
    if subgroups < kernel.chip.least_subgroups:
        yield (f"{subgroups} subgroups of a SIMD at once with "
               f"{kernel.statistics['VGPRs']} VGPRs, expected {kernel.chip.least_subgroups}")


CHECKS = (every_load_bypasses, no_other_memory, polls_are_repeated, no_atomic_across_the_bus, a_look_is_one_load,
          words_come_after_the_status, effects_come_before_completion,
          requests_come_before_their_count, fits)


def bindings_are_as_numbered(kernel):
    """Of bindings.comp, which stores behind as many words of a buffer as its number is.

    So it is shown, and not assumed, that a set's descriptors lie in the bindings' order.
    """
    stores = {kernel.binding[store]: store for store in kernel.accesses("store")}
    if sorted(stores) != list(range(len(NAMES))):
        yield f"stores to {sorted(stores)}, expected one to each of {len(NAMES)} bindings"
    for binding, store in stores.items():
        if store.offset != 4 * binding:
            yield f"not to binding {binding}: {store.line}"


def probes_answer_in_order(kernel):
    """Of probe.comp, which stands for the resident kernel in trials of memory.

    The round is loaded in the loop, the payload when the round has been, and the answer is stored when the
    payload is in L2.
    """
    inbound, outbound, round_number = 0, 1, 0
    if not any(load.offset == round_number and load in kernel.repeated
               for load in kernel.accesses("load", inbound)):
        yield "no round is loaded in the loop"
    for load in kernel.accesses("load", inbound):
        early = [one for one in kernel.pending[load] if one.access == "load"]
        if load.offset != round_number and early:
            yield f"a payload may be older than its round: {load.line}"
    answers = [store for store in kernel.accesses("store", outbound)
               if store.offset == round_number]
    if len(answers) != 1:
        yield f"{len(answers)} stores answer a round, expected 1"
    for answer in answers:
        for store in kernel.stores_under_way(answer):
            yield f"{answer.line}; under way: {store.line}"


def row(kernel):
    flags = {" ".join(flag for flag in load.flags if flag in
                      ("glc", "slc", "dlc", "device", "system") or flag.startswith("scope:"))
             for load in kernel.accesses("load")}
    wait = "s_waitcnt vmcnt(0)"
    if kernel.chip.store_counter:
        wait = "s_wait_storecnt 0" if kernel.chip.isa == "gfx12" else "s_waitcnt_vscnt 0"
    numbers = [kernel.statistics[name] for name in
               ("VGPRs", "SGPRs", "Spilled SGPRs", "LDS size", "Scratch size",
                "Subgroups per SIMD", "Code size")]
    return "  ".join([f"{kernel.chip.isa:8}", "split   " if kernel.split else "in place",
                      *(f"{number:5}" for number in numbers),
                      f"{len(kernel.accesses('load')):3} loads: {', '.join(sorted(flags))}",
                      wait])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--split", action="store_true")
    parser.add_argument("--row", action="store_true")
    parser.add_argument("--bindings", action="store_true")
    parser.add_argument("--probe", action="store_true")
    parser.add_argument("file")
    arguments = parser.parse_args()
    status = 0
    checks = CHECKS
    if arguments.bindings:
        checks = (bindings_are_as_numbered,)
    if arguments.probe:
        checks = (every_load_bypasses, no_other_memory, probes_answer_in_order)
    kernel = None
    try:
        with open(arguments.file, encoding="utf-8") as file:
            text = file.read()
        kernel = Kernel(text, arguments.split)
        kernel.read_code(text)
    except (machine_code.NotUnderstood, KeyError, AttributeError) as error:
        print(f"NOT UNDERSTOOD: {error}")
        status = 2
        arguments.row = False
        # What the driver says of the code needs none of it.
        checks = (fits,) if kernel and fits in checks else ()
    for check in checks:
        wrong = list(check(kernel))
        if not wrong:
            print(f"ok {check.__name__}")
        for one in wrong[:8]:
            print(f"WRONG {check.__name__}: {one}")
            status = 1
    if arguments.row:
        print(f"row {row(kernel)}")
    return status


if __name__ == "__main__":
    sys.exit(main())

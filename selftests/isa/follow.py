# SPDX-License-Identifier: MIT
"""Follows registers and waits through machine code.

Two questions are answered for each access to a buffer: which buffer it is, and what may
still be under way when it is issued.  Each is a walk over all paths until nothing new is
found: the first keeps what is the same on all paths, the second what is so on any.
"""

import re

from machine_code import WORDS, NotUnderstood, constant, registers

# Bytes of a buffer's descriptor in RADV's descriptor sets.
DESCRIPTOR_BYTES = 16


def walk(blocks, start, step, join):
    """Yields (instruction, state before it) for the least solution."""
    before = {blocks[0].label: start}
    waiting = [blocks[0]]
    while waiting:
        block = waiting.pop()
        state = before[block.label]
        for instruction in block.instructions:
            state = step(instruction, state)
        for successor in block.successors:
            known = before.get(successor.label)
            joined = state if known is None else join(known, state)
            if joined != known:
                before[successor.label] = joined
                waiting.append(successor)
    for block in blocks:
        if block.label not in before:
            continue
        state = before[block.label]
        for instruction in block.instructions:
            yield instruction, state
            state = step(instruction, state)


# Registers -------------------------------------------------------------------------------
#
# What is known of a register: ("number", n), a constant; ("argument", name), what it had
# when the shader began; ("descriptor", name, n), a word of a descriptor, n bytes into the
# set that argument points to; ("entry",), the address of an entry of the cq.

def value_of(operand, state):
    number = constant(operand)
    if number is not None:
        return ("number", number & 0xffffffff)
    named = registers(operand)
    return state.get(named[0]) if len(named) == 1 else None


def loaded(instruction, state):
    """What s_load gets: descriptors, when it is from the set."""
    width = WORDS[instruction.name.rsplit("_", 1)[1]]
    base = state.get(registers(instruction.sources[0])[0])
    offset = constant(instruction.sources[1])
    if base is None or base[0] != "argument" or offset is None:
        return [None] * width
    return [("descriptor", base[1], offset + 4 * word) for word in range(width)]


def results_of(instruction, state):
    """What is known of each register that is written."""
    name, sources = instruction.name, instruction.sources
    if name.startswith("s_load_"):
        return loaded(instruction, state)
    if re.match(r"s_movk?_[bi]32$", name):
        value = value_of(sources[0], state)
        if name == "s_movk_i32" and value and value[1] & 0x8000:
            value = ("number", value[1] | 0xffff0000)
        return [value]
    if name == "s_mov_b64" and len(instruction.results) == 2:
        named = registers(sources[0])
        return [state.get(one) for one in named] if len(named) == 2 else [None, None]
    if name.startswith("v_readlane_b32"):
        return [state.get((sources[0], constant(sources[1])))]
    # A slot's number times four, behind the header of the cq.
    if re.match(r"v_(add|add_nc|lshl_add)_u32", name) and \
            ("number", CQ_HEADER_BYTES) in [value_of(source, state) for source in sources]:
        return [("entry",)]
    return [None] * len(instruction.results)


CQ_HEADER_BYTES = 4096


def step_registers(instruction, state):
    if not instruction.results:
        return state
    state = dict(state)
    if instruction.name.startswith("v_writelane_b32"):
        key = (instruction.results[0], constant(instruction.sources[1]))
        values = {key: value_of(instruction.sources[0], state)}
    else:
        known = results_of(instruction, state)
        known += [None] * (len(instruction.results) - len(known))
        values = dict(zip(instruction.results, known))
        lost = set(instruction.results)
        state = {key: value for key, value in state.items()
                 if not (isinstance(key, tuple) and key[0] in lost)}
    for register, value in values.items():
        if value is None:
            state.pop(register, None)
        else:
            state[register] = value
    return state


def join_registers(left, right):
    return {key: value for key, value in left.items() if right.get(key) == value}


def binding_of(access, state):
    """The binding, and whether the address is an entry's."""
    words = [state.get(register) for register in access.descriptor]
    first = words[0][2] if words[0] and words[0][0] == "descriptor" else 1
    if first % DESCRIPTOR_BYTES or \
            words != [("descriptor", words[0][1], first + 4 * i) for i in range(4)]:
        raise NotUnderstood(f"which buffer this is: {access.line}")
    is_entry = access.address is not None and state.get(access.address) == ("entry",)
    return first // DESCRIPTOR_BYTES, is_entry


def find_bindings(blocks):
    """{access: (binding, whether the address is an entry's)}, and the scalar loads from
    anywhere but what the shader was given, which is descriptors and push constants."""
    start = {f"s{number}": ("argument", f"s{number}") for number in range(32)}
    found, strays = {}, []
    for instruction, state in walk(blocks, start, step_registers, join_registers):
        if instruction.access:
            found[instruction] = binding_of(instruction, state)
        elif instruction.name.startswith("s_load_"):
            base = state.get(registers(instruction.sources[0])[0])
            if not base or base[0] != "argument":
                strays.append(instruction)
    return found, strays


def find_repeated(blocks):
    """Accesses in blocks from which a path leads back to them."""
    repeated = set()
    for block in blocks:
        accesses = [one for one in block.instructions if one.access]
        if not accesses:
            continue
        reached, waiting = set(), list(block.successors)
        while waiting:
            one = waiting.pop()
            if one.label not in reached:
                reached.add(one.label)
                waiting += one.successors
        if block.label in reached:
            repeated.update(accesses)
    return repeated


# Waits -----------------------------------------------------------------------------------

def waits_for(instruction):
    """The counters that an instruction waits for until they are zero."""
    name, text = instruction.name, instruction.line
    if name == "s_waitcnt":
        return {"load"} if re.search(r"vmcnt\(0\)", text) else set()
    if name == "s_waitcnt_vscnt":
        return {"store"} if re.search(r"null,? (imm:|0x)?0$", text) else set()
    if name.startswith("s_wait_"):
        counters = {"s_wait_loadcnt": {"load"}, "s_wait_storecnt": {"store"},
                    "s_wait_loadcnt_dscnt": {"load"}, "s_wait_storecnt_dscnt": {"store"}}
        is_zero = constant(instruction.sources[0]) == 0
        return counters.get(name, set()) if is_zero else set()
    return set()


def find_pending(blocks, has_store_counter):
    """{access: accesses that may be under way when it is issued}"""
    def step(instruction, pending):
        over = waits_for(instruction)
        # On gfx9 one counter has loads and stores.
        if "load" in over and not has_store_counter:
            over = {"load", "store"}
        if over:
            return frozenset(one for one in pending
                             if ("load" if one.returns else "store") not in over)
        return pending | {instruction} if instruction.access else pending

    return {instruction: pending for instruction, pending
            in walk(blocks, frozenset(), step, frozenset.union) if instruction.access}

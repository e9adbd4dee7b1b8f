# SPDX-License-Identifier: MIT
"""Reads AMD machine code as RADV prints it.

RADV prints the code of a shader in one of two ways: as LLVM's disassembler does, or, for
chips that its LLVM does not know, as its own compiler ACO does.  Both end up here as the
same instructions, in blocks that know their successors.  What is not understood is an
error: a checker that overlooks an access would prove nothing.
"""

import re

# Instructions whose first operand is no result.
NO_RESULT = (
    "s_wait", "s_clause", "s_nop", "s_delay_alu", "s_sleep", "s_cmp", "s_bitcmp",
    "s_cbranch", "s_branch", "s_barrier", "s_endpgm", "s_sendmsg", "s_inst_prefetch",
    "s_set_inst_prefetch_distance", "s_setprio", "s_sethalt", "s_setreg", "s_icache_inv",
    "s_dcache_wb", "s_code_end", "buffer_store", "buffer_gl", "buffer_wbinvl1")
# Whatever reaches memory otherwise than through a buffer's descriptor.
OTHER_MEMORY = ("flat_", "global_", "scratch_", "ds_", "image_", "tbuffer_", "s_buffer_",
                "s_scratch_", "s_store_", "s_atomic_", "buffer_load_format",
                "buffer_store_format")
WORDS = {"dword": 1, "dwordx2": 2, "dwordx3": 3, "dwordx4": 4, "dwordx8": 8,
         "dwordx16": 16, "b32": 1, "b64": 2, "b96": 3, "b128": 4, "b256": 8, "b512": 16,
         "u32": 1}


class NotUnderstood(Exception):
    pass


NAMED = {"vcc": ["s106", "s107"], "vcc_lo": ["s106"], "vcc_hi": ["s107"]}


def registers(operand):
    """The registers that an operand names, one by one: s[4:5] is s4 and s5."""
    if operand in NAMED:
        return NAMED[operand]
    found = re.match(r"^([sv])(?:(\d+)|\[(\d+):(\d+)\])$", operand)
    if not found:
        return [operand] if operand in ("exec", "scc", "m0") else []
    first = int(found.group(2) or found.group(3))
    last = int(found.group(4) or first)
    return [f"{found.group(1)}{number}" for number in range(first, last + 1)]


def constant(operand):
    """The value of a constant, or None."""
    if operand == "null":
        return 0
    try:
        return int(operand.removeprefix("imm:"), 0)
    except ValueError:
        return None


class Instruction:
    """One instruction: registers that it writes, operands that it reads, and flags."""

    def __init__(self, line, name, results, sources, flags):
        self.line = line.split(";")[0].strip()
        self.name = name
        self.results = results
        self.sources = sources
        self.flags = flags
        # Of a buffer: what is done, the descriptor's registers, the address' register, and
        # whether a scalar register is added to that.
        found = re.match(r"buffer_(load|store|atomic)_", name)
        self.access = found.group(1) if found else None
        self.descriptor = None
        self.address = None
        self.adds_scalar = False

    def is_buffer(self, descriptor, address, scalar):
        self.descriptor = registers(descriptor)
        self.adds_scalar = constant(scalar) != 0
        if len(self.descriptor) != 4 or self.descriptor[0][0] != "s":
            raise NotUnderstood(f"which buffer this is: {self.line}")
        if "offen" in self.flags:
            self.address = address
        elif "idxen" in self.flags or "addr64" in self.flags:
            raise NotUnderstood(f"what address this is: {self.line}")

    def meaning(self):
        """What it is, however constants are written."""
        values = [constant(source) for source in self.sources]
        return (self.name, self.results, sorted(self.flags),
                [source if value is None else value
                 for source, value in zip(self.sources, values)])

    @property
    def words(self):
        """How many words a load or a store moves."""
        width = self.name.rsplit("_", 1)[1]
        if width not in WORDS:
            raise NotUnderstood(f"how much this moves: {self.line}")
        return WORDS[width]

    @property
    def offset(self):
        """The constant part of the address, in bytes."""
        return sum(int(flag[7:], 0) for flag in self.flags if flag.startswith("offset:"))

    @property
    def returns(self):
        """Whether something comes back, and so a load's counter waits for it."""
        return self.access == "load" or self.access == "atomic" and bool(self.results)


class Block:
    def __init__(self, label):
        self.label = label
        self.instructions = []
        self.successors = []


def split(text):
    """At commas, but for those in brackets."""
    return [part.strip() for part in re.split(r",(?![^\[(]*[\])])", text) if part.strip()]


def read_llvm(line):
    """buffer_load_dword v20, v21, s[52:55], 0 offen offset:128 glc dlc ; e030d080 ..."""
    name, _, rest = line.split(";")[0].strip().partition(" ")
    operands, flags = split(rest), []
    if operands:
        operands[-1], *flags = operands[-1].split()
    count = 1
    if name.startswith("buffer_atomic"):
        count = int("glc" in flags or "th:TH_ATOMIC_RETURN" in flags)
    elif name.startswith(NO_RESULT):
        count = 0
    elif name.startswith(("v_swap", "v_div_scale")) or "_co_" in name:
        count = 2
    results = [one for operand in operands[:count] for one in registers(operand)]
    instruction = Instruction(line, name, results, operands[count:], flags)
    if instruction.access:
        instruction.is_buffer(operands[2], operands[1], operands[3])
    return instruction


def read_aco_operands(text):
    """'%58:s[4-7], 0 offset:4': a type or a name may stand before a register."""
    operands, flags = [], []
    for part in split(text):
        # A result is "v4: %56:v[0-3]", an operand that nobody reads "v1: undef".
        first, *flags = re.sub(r"^[sv]\d+b?: ", "", part).split()
        register = re.sub(r"^%\d+:", "", first)
        register = re.sub(r"\[(\d+)-(\d+)\]", r"[\1:\2]", register)
        operands.append(re.sub(r"\[(\d+)\]", r"\1", register))
    return operands, flags


def read_aco(line):
    """v4: %56:v[0-3] = buffer_load_dwordx4 %55:s[16-19], v1: undef, 0 offset:520 device"""
    text = re.sub(r"\([a-zA-Z0-9]+\)(?=[%0-9(-])| semantics:\S+", "", line).strip()
    left, equals, right = text.rpartition(" = ")
    name, _, rest = right.partition(" ")
    sources, flags = read_aco_operands(rest)
    written = read_aco_operands(left)[0] if equals else []
    results = [one for operand in written for one in registers(operand)]
    instruction = Instruction(line, name, results, sources, flags)
    if instruction.access:
        instruction.is_buffer(*sources[:3])
    return instruction


class Encoding:
    """Decodes the few instructions that the disassembler cannot print.

    LLVM does not know that four registers may end with vcc, as in s[104:107].  It prints the
    first word of such an instruction as invalid, and goes on with the second as if that
    began another one, which may swallow words of the next.  What an opcode is called is
    learned from the lines that it does print, on which the decoding is tried as well.
    """

    def __init__(self, lines):
        self.is_gfx11 = any(re.match(r"buffer_(load|store)_b\d", text) for text, _ in lines)
        self.names = {}
        known = [(text, code) for text, code in lines
                 if re.match(r"buffer_(load|store|atomic)_|s_load_", text)]
        for text, code in known:
            self.names[code[0] >> 18] = text.split()[0]
        for text, code in known:
            printed, decoded = read_llvm(text), self.decode(list(code))[0]
            if printed.meaning() != decoded.meaning():
                raise NotUnderstood(f"the code of: {text}; it reads: {decoded.line}")

    def decode(self, words):
        """The instructions that words are, of which the first is one of memory."""
        name = self.names.get(words[0] >> 18)
        if not name or len(words) < 2:
            raise NotUnderstood("an instruction that is not printed: " +
                                " ".join(f"{word:08x}" for word in words))
        as_text = self.scalar_load if name.startswith("s_load") else self.buffer
        return [read_llvm(as_text(name, words[0], words[1])),
                *(self.vector(word) for word in words[2:])]

    def buffer(self, name, first, second):
        bits = {"glc": first >> 14, "dlc": first >> 15, "slc": second >> 22,
                "offen": first >> 12, "idxen": first >> 13, "tfe": second >> 23}
        if self.is_gfx11:
            bits = {"glc": first >> 14, "dlc": first >> 13, "slc": first >> 12,
                    "offen": second >> 22, "idxen": second >> 23, "tfe": second >> 21}
        flags = [flag for flag, bit in bits.items() if bit & 1]
        offset = first & 0xfff
        flags += [f"offset:{offset}"] if offset else []
        width = 2 if "cmpswap" in name else WORDS.get(name.rsplit("_", 1)[1], 1)
        operands = [self.some("v", second >> 8 & 0xff, width),
                    self.some("v", second & 0xff, 1) if "offen" in flags else "off",
                    self.some("s", (second >> 16 & 0x1f) * 4, 4), self.scalar(second >> 24)]
        return f"{name} {', '.join(operands)} {' '.join(flags)}"

    def scalar_load(self, name, first, second):
        width = WORDS[name.rsplit("_", 1)[1]]
        offset = second & 0x1fffff
        is_constant = self.scalar(second >> 25) in ("null", "s0")
        operands = [self.some("s", first >> 6 & 0x7f, width),
                    self.some("s", (first & 0x3f) * 2, 2),
                    (hex(offset) if offset else "null") if is_constant else "?"]
        return f"{name} {', '.join(operands)}"

    @staticmethod
    def vector(word):
        """Of one word, with a vector register as its result: only that is told."""
        is_one = word >> 31 == 0 and word >> 25 not in (0x3e, 0x3f) and \
            word & 0x1ff not in (233, 234, 249, 250, 255)
        is_move = word >> 25 == 0x3f and word >> 9 & 0xff == 1 and word & 0x1ff != 255
        if not is_one and not is_move:
            raise NotUnderstood(f"an instruction that is not printed: {word:08x}")
        return Instruction(f"v_ ; {word:08x}", "v_", [f"v{word >> 17 & 0xff}"], [], [])

    @staticmethod
    def some(kind, first, count):
        return f"{kind}{first}" if count == 1 else f"{kind}[{first}:{first + count - 1}]"

    def scalar(self, number):
        special = {106: "vcc_lo", 107: "vcc_hi", 124: "m0", 125: "null"}
        if self.is_gfx11:
            special.update({124: "null", 125: "m0"})
        if number <= 105:
            return f"s{number}"
        return f"{number - 128}" if 128 <= number <= 192 else special.get(number, "?")


def llvm_instructions(lines):
    """[(place, instruction)] of [(place, text)]."""
    divided = []
    for place, line in lines:
        text, _, code = line.partition(";")
        divided.append((place, text.strip(), [int(word, 16) for word in code.split()]))
    encoding = Encoding([(text, code) for _, text, code in divided])
    begun = []
    for place, text, code in divided:
        if begun:
            for instruction in encoding.decode(begun + code):
                yield place, instruction
            begun = []
        elif text == "(invalid instruction)":
            begun = code
        elif not text.startswith("(then repeated"):
            yield place, read_llvm(text)


def aco_instructions(lines):
    for place, line in lines:
        yield place, read_aco(line)


ACO_TITLE = "After lowering to hw instructions"
TITLES = ("Shader disassembly is not supported", ACO_TITLE, "ACO shader stage:", "/*")


def read(text):
    """The blocks of a shader, in order."""
    blocks, lines = [Block("start")], []
    for line in text.splitlines():
        label = re.match(r"^(BB\d+):?\s*$", line)
        if label:
            blocks.append(Block(label.group(1)))
        elif line.strip() and not line.startswith(TITLES):
            lines.append((blocks[-1], line))
    reader = aco_instructions if ACO_TITLE in text else llvm_instructions
    for block, instruction in reader(lines):
        if not re.match(r"[a-z]+_\w*$", instruction.name):
            raise NotUnderstood(f"a line that is no instruction: {instruction.line}")
        block.instructions.append(instruction)
    if not lines:
        raise NotUnderstood("there is no code in this text")
    link(blocks)
    return blocks


def link(blocks):
    by_label = {block.label: block for block in blocks}
    for block, behind in zip(blocks, blocks[1:] + [None]):
        goes_on = behind is not None
        for instruction in block.instructions:
            name = instruction.name
            if name.startswith(("s_setpc", "s_swappc", "s_call")):
                raise NotUnderstood(f"where this goes: {instruction.line}")
            if name.startswith(("s_branch", "s_cbranch")):
                target = instruction.sources[0].removeprefix("block:")
                if target not in by_label:
                    raise NotUnderstood(f"where this goes: {instruction.line}")
                block.successors.append(by_label[target])
            goes_on = goes_on and name not in ("s_branch", "s_endpgm")
        if goes_on:
            block.successors.append(behind)

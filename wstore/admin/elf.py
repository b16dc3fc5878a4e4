"""A look at a shared object before the dynamic loader gets it.

The loader checks headers, but maps what they promise: a file cut short then kills the process with SIGBUS.
Format: System V ABI, ELF-64 object file format, version 1.5, "ELF Header" and "Program Header".
"""
import struct
import sys

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")    # e_ident .. e_shstrndx
_PROGRAM = struct.Struct("<IIQQQQQQ")           # p_type .. p_align
_SHARED_OBJECT = 3                              # e_type: ET_DYN
_LOAD = 1                                       # p_type: PT_LOAD


def check(build):
    """ValueError unless the bytes are a whole little-endian 64-bit shared object."""
    if len(build) < _HEADER.size or build[:4] != b"\x7fELF":
        raise ValueError("not an ELF file")
    if build[4:6] != b"\x02\x01" or sys.byteorder != "little":
        raise ValueError("not a 64-bit little-endian ELF file")
    (_, kind, _, _, _, programs, sections, _, _, program_size, program_count, section_size,
     section_count, _) = _HEADER.unpack_from(build)
    if kind != _SHARED_OBJECT or program_size != _PROGRAM.size:
        raise ValueError("not a shared object")
    programs_end = programs + program_size * program_count
    end = max(sections + section_size * section_count, programs_end, _loaded_end(build[programs:programs_end]))
    if end > len(build):
        raise ValueError(f"the file is cut short: {len(build)} of {end} bytes")


def _loaded_end(table):
    """File offset behind the last byte that the program header table asks to map."""
    whole = table[:len(table) // _PROGRAM.size * _PROGRAM.size]
    rows = _PROGRAM.iter_unpack(whole)
    return max((row[2] + row[5] for row in rows if row[0] == _LOAD), default=0)

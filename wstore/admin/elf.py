"""A look at a shared object before the dynamic loader gets it.

The loader checks headers, but maps what they promise: a file cut short then kills the process with SIGBUS.
Format: System V ABI, ELF-64 object file format, version 1.5, "ELF Header" and "Program Header".
"""
import os
import struct
import sys

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")    # e_ident .. e_shstrndx
_PROGRAM = struct.Struct("<IIQQQQQQ")           # p_type .. p_align
_SHARED_OBJECT = 3                              # e_type: ET_DYN
_LOAD = 1                                       # p_type: PT_LOAD


def check(file):
    """ValueError unless the binary file object holds a whole little-endian 64-bit shared object."""
    size = os.fstat(file.fileno()).st_size
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size or head[:4] != b"\x7fELF":
        raise ValueError("not an ELF file")
    if head[4:6] != b"\x02\x01" or sys.byteorder != "little":
        raise ValueError("not a 64-bit little-endian ELF file")
    (_, kind, _, _, _, programs, sections, _, _, program_size, program_count, section_size,
     section_count, _) = _HEADER.unpack(head)
    if kind != _SHARED_OBJECT or program_size != _PROGRAM.size:
        raise ValueError("not a shared object")
    ends = [sections + section_size * section_count, programs + program_size * program_count]
    file.seek(programs)
    table = file.read(program_size * program_count)
    for row in _PROGRAM.iter_unpack(table[:len(table) // _PROGRAM.size * _PROGRAM.size]):
        if row[0] == _LOAD:
            ends.append(row[2] + row[5])
    if max(ends) > size:
        raise ValueError(f"the file is cut short: {size} of {max(ends)} bytes")

"""SavedModel folders: the operators of the graph and the sizes of its files, by protocol buffers alone."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from sepzoo.artifact.inspection.protobuf import messages
from sepzoo.artifact.inspection.records import Inspection, Layer, Member
from sepzoo.support.bounds import BOUNDS

GRAPH = "saved_model.pb"

_META_GRAPHS, _GRAPH_DEF = 2, 2
_NODES, _LIBRARY, _FUNCTIONS, _FUNCTION_NODES, _OPERATOR = 1, 2, 1, 3, 2

_OTHER_FORMS = ("saved_model.pbtxt", "saved_model.cpb")
"""What TensorFlow reads of a graph besides."""

_CODE = re.compile("PyFunc|HostCompute")
"""Operators that call Python, or the machine that runs the program."""

_FILES = re.compile(
    "File|Dataset|Reader|Summary|Rpc|RemoteCall|Snapshot|Debug|Send|Recv|TPU"
    "|^(DistributedSave|DumpTensor|FixedUnigramCandidateSampler|GenerateVocabRemapping|ImmutableConst|LoadAndRemapMatrix"
    "|CalibrationStatisticsSaver|PrintV2|RecordInput|Restore|RestoreSlice|Save|SaveSlices|Skipgram)$"
)
"""Operators that read or write files, or talk to other machines; a network needs none of them. Let through are those by
which every SavedModel stores and restores its variables: SaveV2, RestoreV2, ShardedFilename, MergeV2Checkpoints."""

_STORING = ("ShardedFilename", "ShardedFilespec")


def read_saved_model(path: Path) -> Inspection:
    """Return what is in a SavedModel's folder.

    Raises:
        ValueError: the graph is damaged or larger than `BOUNDS` allows.
    """
    members = folder_members(path)
    for name in (member.name for member in members if member.name in _OTHER_FORMS):
        raise ValueError(f"it has a {name} beside its {GRAPH}: another graph than the one that is looked at")
    graph = path / GRAPH
    if graph.stat().st_size > BOUNDS.unpacked // 2:  # protocol buffers end at 2 GiB
        raise ValueError(f"its {GRAPH} has {graph.stat().st_size:,} bytes, of which 2 GiB are allowed")
    content = memoryview(graph.read_bytes())
    counts: Counter[str] = Counter()
    for place in ((_NODES,), (_LIBRARY, _FUNCTIONS, _FUNCTION_NODES)):
        for operator in messages(content, _META_GRAPHS, _GRAPH_DEF, *place, _OPERATOR):
            counts[bytes(operator).decode()] += 1
            BOUNDS.check_count("operators", counts.total())
    return Inspection(
        path=str(path),
        format="SavedModel",
        bytes=sum(member.bytes for member in members),
        members=members,
        layers=tuple(Layer(f"{count} times", name) for name, count in counts.most_common()),
        runs_code=tuple(f"operator {name}" for name in sorted(counts) if _CODE.search(name)),
        reads_files=tuple(f"operator {name}" for name in sorted(counts) if reads_or_writes(name)),
    )


def reads_or_writes(operator: str) -> bool:
    """Return whether an operator of TensorFlow reads or writes files, or talks to other machines.

    Example:
        >>> reads_or_writes("TextLineDataset"), reads_or_writes("Conv2D")
        (True, False)
    """
    return operator not in _STORING and _FILES.search(operator) is not None


def folder_members(path: Path) -> tuple[Member, ...]:
    """Return the files in a folder, at any depth.

    Raises:
        ValueError: one is a link that leads out of it, a pipe or a device, or there are too many.
    """
    members = []
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if file.is_symlink() and not file.resolve().is_relative_to(path.resolve()):
            raise ValueError(f"its file {name!r} is a link out of the folder")
        if not file.is_dir() and not file.is_file():
            raise ValueError(f"its file {name!r} is no file of bytes")
        if file.is_file():
            members.append(Member(name, file.stat().st_size))
            BOUNDS.check_count("files", len(members))
    return tuple(members)

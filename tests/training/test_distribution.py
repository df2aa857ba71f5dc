"""What is said of several devices, and what the variables of clusters say."""

from __future__ import annotations

import pytest

from sepzoo.support.errors import SepzooError
from sepzoo.training import Distribution
from sepzoo.training.distribution import distribution_of
from sepzoo.training.supervision import _FATAL, _NATIVE

SLURM = {"SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "n[1-4]"}
MPI = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}
KUBERNETES = {"JOB_COMPLETION_INDEX": "2", "NUM_PROCESSES": "3", "JAX_COORDINATOR_ADDRESS": "train-0.train:1234"}
PODS = {"NODE_RANK": "1", "NUM_NODES": "2", "PRIMARY_ADDR": "10.65.0.2", "PRIMARY_PORT": "29400", "WORLD_SIZE": "16"}
TORCHRUN = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "5"}


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        (SLURM, (None, 4, 3)),  # JAX reads the list of nodes
        (MPI, (None, 2, 1)),
        (KUBERNETES, ("train-0.train:1234", 3, 2)),
        (PODS, ("10.65.0.2:29400", 2, 1)),  # not one process a GPU
        (TORCHRUN, ("a:5", 2, 0)),
        ({**SLURM, "JAX_COORDINATOR_ADDRESS": "n9:1"}, ("n9:1", 4, 3)),
        ({**PODS, **SLURM}, (None, 4, 3)),
    ],
)
def test_the_variables_of_clusters_are_read(variables: dict[str, str], found: tuple) -> None:
    completed = Distribution("multihost").completed(variables)
    assert (completed.coordinator, completed.processes, completed.index) == found


def test_what_is_said_goes_before_variables() -> None:
    said = Distribution("multihost", coordinator="h:1", processes=5, index=4)
    assert said.completed({**PODS, **SLURM}) == said
    assert Distribution("multihost", index=0).completed(PODS).index == 0
    assert Distribution("mirrored").completed(PODS) == Distribution("mirrored")


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({}, "expected --coordinator for multihost. Received: neither it nor a scheduler's variables."),
        ({"JOB_COMPLETION_INDEX": "0"}, "expected --coordinator for multihost. Received: neither it nor"),
        (
            {"JOB_COMPLETION_INDEX": "0", "JAX_COORDINATOR_ADDRESS": "h:1"},
            "expected --processes for multihost. Received: neither it nor a variable of Kubernetes for it.",
        ),
        ({**PODS, "NODE_RANK": "x"}, "expected a number in NODE_RANK. Received: NODE_RANK='x'."),
        ({**PODS, "NODE_RANK": "2"}, "expected an index of 0 … 1, one for each process. Received: index=2."),
        ({**PODS, "PRIMARY_PORT": "99999"}, "expected a coordinator as HOST:PORT"),
    ],
)
def test_what_is_missing_is_said(variables: dict[str, str], text: str) -> None:
    with pytest.raises(SepzooError) as caught:
        Distribution("multihost").completed(variables)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"kind": "mirored"}, "unknown distribution 'mirored'. Did you mean mirrored?"),
        ({"kind": "mirrored", "index": 0}, "expected no index with mirrored, which is one process. Received: index=0."),
        ({"kind": "multihost", "processes": 0}, "expected at least one process. Received: processes=0."),
        ({"kind": "multihost", "coordinator": "host"}, "expected a coordinator as HOST:PORT, a port of 1 … 65535."),
        ({"kind": "multihost", "coordinator": "h:0"}, "expected a coordinator as HOST:PORT, a port of 1 … 65535."),
        ({"kind": "multihost", "index": -1}, "expected an index of 0 …, one for each process. Received: index=-1."),
        ({"kind": "multihost", "wait": 0}, "expected seconds to wait, more than 0. Received: wait=0."),
        ({"kind": None, "index": 1}, "expected --distribute multihost beside --index. Received: --index 1 alone."),
    ],
)
def test_what_does_not_fit_is_said(said: dict, text: str) -> None:
    with pytest.raises(SepzooError) as caught:
        distribution_of(**said)
    assert str(caught.value).startswith(text)


def test_nothing_said_is_one_device() -> None:
    assert distribution_of(None) is None


def test_native_lines_are_known() -> None:
    assert _NATIVE.match("[Gloo] Rank 0 is connected to 1 peer ranks. Expected number of connected peer ranks is : 1")
    assert _FATAL.match("F1127 02:30:11.381923   12706 client.h:80] Terminating process because")
    assert not _NATIVE.match("epoch 1/2  loss 2.6")
    assert not _FATAL.match("Five images")

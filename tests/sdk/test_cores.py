"""Limits of a process, read from made-up /proc and /sys trees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sdk import Grounder, InputError
from sdk.cores import (
    ENVIRONMENT,
    default_threads,
    read_cores,
    threads_wanted,
    usable_cores,
    wanted_threads,
)

V2 = "30 23 0:26 {root} {mount} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1 = "33 31 0:30 {root} {mount} rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"
MEMORY = "34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
OTHER = "22 1 0:20 / /proc rw,nosuid - proc proc rw"


@pytest.fixture(autouse=True)
def many_cores(monkeypatch):
    """A machine that shows 32 cores, and nobody who asks for a number of threads."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(32)), raising=False)
    monkeypatch.delenv(ENVIRONMENT, raising=False)


@pytest.fixture
def tree(tmp_path):
    """``tree(group, mounts, {path: text})``: a root with these files of the kernel's."""

    def make(group: str, mounts: list[str], files: dict[str, str]) -> Path:
        own = {"proc/self/cgroup": group, "proc/self/mountinfo": "\n".join([OTHER, *mounts])}
        for name, text in (own | files).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tmp_path

    return make


def v2(root="/", mount="/sys/fs/cgroup"):
    return V2.format(root=root, mount=mount)


def v1(root="/", mount="/sys/fs/cgroup/cpu,cpuacct"):
    return V1.format(root=root, mount=mount)


@pytest.mark.parametrize(
    ("said", "quota", "usable"),
    [
        ("max 100000", None, 32),
        ("100000 100000", 1.0, 1),
        ("150000 100000", 1.5, 2),
        ("10000 100000", 0.1, 1),
        ("200000 50000", 4.0, 4),
        ("6400000 100000", 64.0, 32),  # more than there are
        ("200000", 2.0, 2),
        *[(bad, None, 32) for bad in ("", "max", "0 100000", "100000 0", "-1 100000", "a b")],
    ],
)
def test_version_2(tree, said, quota, usable):
    cores = read_cores(tree("0::/", [v2()], {"sys/fs/cgroup/cpu.max": said}))
    assert (cores.affinity, cores.quota, cores.usable) == (32, quota, usable)


@pytest.mark.parametrize(
    ("quota_us", "period_us", "usable"),
    [("-1", "100000", 32), ("100000", "100000", 1), ("250000", "100000", 3), ("0", "100000", 32)],
)
def test_version_1(tree, quota_us, period_us, usable):
    folder = "sys/fs/cgroup/cpu,cpuacct/docker/abc"
    files = {f"{folder}/cpu.cfs_quota_us": quota_us, f"{folder}/cpu.cfs_period_us": period_us}
    group = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc"
    root = tree(group, [MEMORY, v1()], files)
    assert read_cores(root).usable == usable


def test_the_group_around_limits_too(tree):
    files = {
        "sys/fs/cgroup/a/cpu.max": "200000 100000",
        "sys/fs/cgroup/a/b/cpu.max": "max 100000",
        "sys/fs/cgroup/a/b/c/cpu.max": "800000 100000",
        "sys/fs/cgroup/x/cpu.max": "100000 100000",  # somebody else's
    }
    assert read_cores(tree("0::/a/b/c", [v2()], files)).quota == 2.0


def test_a_container_that_sees_the_hosts_path(tree):
    """Docker with version 1: the path is the host's, and what is mounted is the group itself."""
    folder = "sys/fs/cgroup/cpu,cpuacct"
    files = {f"{folder}/cpu.cfs_quota_us": "200000", f"{folder}/cpu.cfs_period_us": "100000"}
    root = tree("4:cpu,cpuacct:/docker/abc", [v1(root="/docker/abc")], files)
    assert read_cores(root).usable == 2


def test_a_group_below_the_mounted_one(tree):
    files = {
        "sys/fs/cgroup/cpu.max": "300000 100000",
        "sys/fs/cgroup/job/cpu.max": "max 100000",
    }
    root = tree("0::/docker/abc/job", [v2(root="/docker/abc")], files)
    assert read_cores(root).usable == 3


@pytest.mark.parametrize("path", ["/../..", "/docker/other"])
def test_a_path_that_leads_out_of_what_is_mounted(tree, path):
    files = {"sys/fs/cgroup/cpu.max": "100000 100000"}
    assert read_cores(tree(f"0::{path}", [v2(root="/docker/abc")], files)).usable == 1


def test_both_versions_at_once(tree):
    files = {
        "sys/fs/cgroup/unified/cpu.max": "400000 100000",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
    }
    mounts = [v1(), v2(mount="/sys/fs/cgroup/unified")]
    assert read_cores(tree("4:cpu,cpuacct:/\n0::/", mounts, files)).usable == 3


def test_a_mount_with_a_blank_in_its_name(tree):
    files = {"my groups/cpu.max": "100000 100000"}
    assert read_cores(tree("0::/", [v2(mount="/my\\040groups")], files)).usable == 1


def test_without_anything_to_read_the_affinity_counts(tmp_path):
    assert read_cores(tmp_path).usable == 32
    assert str(read_cores(tmp_path)) == "32 usable cores (32 by affinity, no CPU quota)"


def test_the_smaller_of_affinity_and_quota(tree, monkeypatch):
    root = tree("0::/", [v2()], {"sys/fs/cgroup/cpu.max": "350000 100000"})
    assert str(read_cores(root)) == "4 usable cores (32 by affinity, a CPU quota of 3.5)"
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5})
    assert read_cores(root).usable == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert read_cores(root).usable == 1


def test_the_environment_asks_for_threads(monkeypatch):
    assert wanted_threads() is None
    assert default_threads() == usable_cores()
    monkeypatch.setenv(ENVIRONMENT, " 3 ")
    assert default_threads() == wanted_threads() == 3
    for bad in ("0", "-1", "257", "two", "1.5"):
        monkeypatch.setenv(ENVIRONMENT, bad)
        with pytest.raises(InputError, match=r"expected \$PIZA_THREADS, a number of 1 to 256, got"):
            default_threads()


def test_a_command_asks_for_threads_as_long_as_it_runs(monkeypatch):
    for before in (None, "5"):
        if before is not None:
            monkeypatch.setenv(ENVIRONMENT, before)
        with threads_wanted(2):
            assert default_threads() == 2
        with threads_wanted(None):
            assert os.environ.get(ENVIRONMENT) == before
        assert os.environ.get(ENVIRONMENT) == before


def test_an_engine_takes_as_many_threads(engine, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, "3")
    with Grounder(engine) as grounder:
        assert grounder._turns.get()._threads == 3
    with Grounder(engine, threads=1) as grounder:
        assert grounder._turns.get()._threads == 1
    monkeypatch.setenv(ENVIRONMENT, "many")
    with pytest.raises(InputError, match="PIZA_THREADS"):
        Grounder(engine)

"""What the operating system refuses."""

from __future__ import annotations

import errno
import os

import pytest

from lab.cli.refusal import refusal


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "LAB-HOST-040"),
        (errno.EDQUOT, "LAB-HOST-040"),
        (errno.EROFS, "LAB-HOST-041"),
        (errno.EACCES, "LAB-HOST-041"),
    ],
)
def test_a_disk_that_refuses_is_no_mistake_of_the_lab(number: int, code: str) -> None:
    told = refusal(OSError(number, os.strerror(number), "/some/file"))
    assert told is not None
    assert (told.code, told.exit_code) == (code, 10)
    assert "/some/file" in told.message
    assert told.hint


def test_the_name_of_the_file_may_not_be_known() -> None:
    told = refusal(OSError(errno.ENOSPC, "No space left on device"))
    assert told is not None
    assert told.message == "The disk is full: a file could not be written."


def test_anything_else_should_not_have_happened() -> None:
    assert refusal(OSError(errno.EINVAL, "Invalid argument")) is None

"""What is a secret is hidden, and what is none can still be read."""

from __future__ import annotations

import base64
import json
import urllib.parse

import pytest

from lab.masking import Mask, find_forms, mask_forms

BODY = "b3BlbnNzaC1rZXktdjEAAAA\nAAABAAAAMwAAAAtzc2g"
PEM = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\n-----END OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("password=pl4nted", "password=***"),
        ("2026-11-24 INFO static-password: pl4nted", "2026-11-24 INFO static-password: ***"),
        ("  token: 'pl4 nted'\n", "  token: '***'\n"),
        ('{"user": "joe", "secretKey": "pl4\\"nted"}', '{"user": "joe", "secretKey": "***"}'),
        ('{"body": "{\\"password\\":\\"pl4nted\\"}"}', '{"body": "{\\"password\\":\\"***\\"}"}'),
        ("juju login --password pl4nted --user joe", "juju login --password *** --user joe"),
        ("Authorization: Bearer pl4nted-token\nnext", "Authorization: ***\nnext"),
        ("curl -H 'authorization: Basic cGw0bnRlZA=='", "curl -H 'authorization: ***'"),
        ("sent bearer pl4ntedTOKEN123", "sent bearer ***"),
        ("Set-Cookie: session=pl4nted; Path=/", "Set-Cookie: ***"),
        ("http://joe:pl4nted@proxy.example:3128/", "http://***@proxy.example:3128/"),
        ("got eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJl.c2lnbmF0dXJl today", "got *** today"),
        ("a password: |\n", "a password: |\n"),
        ("x:\n  password: |\n    pl4nted\n    again\n  y: 1\n", "x:\n  password: |\n    ***\n  y: 1\n"),
        (f"{PEM}\nmore", "***\nmore"),
        (json.dumps({"key": PEM}), '{"key": "***"}'),
        (PEM[:60], "***"),
        ("client-key-data: LS0tLS1CRUdJTiBSU0E=\nb: c", "client-key-data: ***\nb: c"),
        ("A" * 64 + "\n", "***\n"),
        ('[{"Name":"macaroon-ab","Value":"pl4nted"}]', '[{"Name":"macaroon-ab","Value":"***"}]'),
        (
            "- name: DB_PASSWORD\n  value: pl4nted\n- name: x\n",
            "- name: DB_PASSWORD\n  value: ***\n- name: x\n",
        ),
        ("hash $2b$12$" + "a" * 53, "hash ***"),
    ],
)
def test_forms(text: str, hidden: str) -> None:
    assert mask_forms(text) == hidden
    assert mask_forms(hidden) == hidden, "twice is as good as once"


@pytest.mark.parametrize(
    "text",
    [
        "cannot get the macaroon: connection refused by peer",
        "secretName: tls-istio\ntokenPath: /run/token\npassword-file: /x\n",
        "automountServiceAccountToken: true\ntoken: null\npassword: ''\n",
        "MountVolume.SetUp failed for secret default-token-x2b",
        "tokens: {a: 1}\nsecrets: []\n",
        "the bearer token is wrong",
        "- name: DB_PASSWORD\n  valueFrom: {secretKeyRef: {name: db}}\n",
        '{"name": "secret-reader", "namespace": "x", "value": "y"}',
        "cloud: my-k8s\ncredential: microk8s\n",
        "http://10.1.0.1:8080/path",
        "0" * 64 + "\n",
        "password=$PASSWORD",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask_forms(text) == text
    assert find_forms(text) == set()


def test_values_in_every_spelling() -> None:
    secret = 'pl4n ted/"ü'
    mask = Mask([secret])
    spellings = [
        secret,
        json.dumps(secret),
        urllib.parse.quote(secret, safe=""),
        *(base64.b64encode(b"x" * before + secret.encode() + b"and more").decode() for before in range(4)),
        base64.urlsafe_b64encode(secret.encode()).decode(),
    ]
    for spelling in spellings:
        shown = mask.text(f"said {spelling} here")
        assert shown.startswith("said ")
        assert shown.endswith(" here")
        assert "***" in shown
        # What is left of a longer text has nothing of the value.
        for part in shown.replace('"', " ").split():
            try:
                assert secret.encode() not in base64.b64decode(part)
            except ValueError:
                assert secret not in part


def test_a_key_is_hidden_line_by_line() -> None:
    line = "b3BlbnNzaC1rZXktdjEAAAA"
    assert Mask([PEM]).text(f"cut: {line} end") == "cut: *** end"
    inner = base64.b64encode(PEM.encode()).decode()
    assert Mask([inner]).text(f"cut: {line} end") == "cut: *** end", "also if it is known in base64 only"


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    assert Mask(["pl4nted"]).data(b"\xff\x00pl4nted\xfe") == b"\xff\x00***\xfe"


def test_a_long_value_goes_before_its_parts() -> None:
    assert Mask(["abcd", "abcdefgh"]).text("abcdefgh abcd") == "*** ***"

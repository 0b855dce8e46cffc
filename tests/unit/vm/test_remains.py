"""What a killed Vagrant leaves in libvirt, with a libvirt of paper."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lab.process import run

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(shutil.which("ruby") is None, reason="needs ruby")

SCRIPT = r"""
require "json"
require "%(root)s/lab/vm/remains"

module Libvirt
  class RetrieveError < StandardError
    attr_reader :libvirt_code

    def initialize(code)
      @libvirt_code = code
      super("error #{code}")
    end
  end
end

Volume = Struct.new(:name, :deleted) do
  def path = "/pool/#{name}"
  def delete = deleted << name
end
Domain = Struct.new(:uuid)

class Client
  attr_reader :deleted

  def initialize(domain, volumes, code)
    @domain, @volumes, @code, @deleted = domain, volumes, code, []
  end

  def lookup_domain_by_name(name)
    raise "asked for #{name}" unless name == "lab-123abc-kubeflow"
    raise Libvirt::RetrieveError.new(@code) unless @domain

    Domain.new(@domain)
  end

  def list_storage_pools = ["default"]
  def lookup_storage_pool_by_name(_) = self
  def refresh = nil
  def list_volumes = @volumes
  def lookup_volume_by_name(name) = Volume.new(name, @deleted)
end

Machine = Struct.new(:id, :known, :client, :said) do
  def state = Struct.new(:id).new(known)
  def name = :kubeflow
  def provider_config = Struct.new(:default_prefix).new("lab-123abc-")
  def provider = self
  def driver = self
  def connection = self
  def ui = self
  def info(text) = said << text
  def warn(text) = said << text
end

given = JSON.parse($stdin.read)
client = Client.new(given["domain"], given["volumes"], given["code"])
machine = Machine.new(nil, given["state"].to_sym, client, [])
failure = begin
  Lab::Remains.mend(machine)
  nil
rescue Libvirt::RetrieveError => error
  error.message
end
puts JSON.generate(
  "id" => machine.id, "deleted" => client.deleted, "said" => machine.said, "failure" => failure
)
"""
DISK = "lab-123abc-kubeflow.img"
OTHERS = [
    "lab-123abc-kubeflow-two.img",
    "lab-999999-kubeflow.img",
    "lab-VAGRANTSLASH-x_vagrant_box_image_0.img",
]


def mend(
    state: str = "not_created", domain: str | None = None, disks: tuple[str, ...] = (), code: int = 42
) -> Any:
    given = {"state": state, "domain": domain, "volumes": [*disks, *OTHERS], "code": code}
    script = SCRIPT % {"root": ROOT}
    done = run(["ruby", "-e", script], timeout=30, input=json.dumps(given)).check()
    return json.loads(done.stdout)


def test_a_domain_that_vagrant_lost_is_taken_over() -> None:
    found = mend(domain="uuid-1", disks=(DISK,))
    assert (found["id"], found["deleted"]) == ("uuid-1", [])
    assert "taken over" in found["said"][0]


def test_a_disk_without_a_domain_goes() -> None:
    found = mend(disks=(DISK, "lab-123abc-kubeflow_1.img"))
    assert found["id"] is None
    assert found["deleted"] == [DISK, "lab-123abc-kubeflow_1.img"]


@pytest.mark.parametrize("state", ["running", "shutoff"])
def test_a_machine_that_vagrant_knows_is_left_alone(state: str) -> None:
    assert mend(state, "uuid-1", (DISK,)) == {"id": None, "deleted": [], "said": [], "failure": None}


def test_nothing_there_nothing_said() -> None:
    assert mend() == {"id": None, "deleted": [], "said": [], "failure": None}


def test_a_libvirt_that_does_not_answer_is_no_reason_to_delete() -> None:
    found = mend(disks=(DISK,), code=38)
    assert (found["deleted"], found["failure"]) == ([], "error 38")

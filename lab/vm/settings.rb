# What the lab is made of: lab.yaml, the edition's file, the bundle's manifest, and LAB_* variables over them all.
# The Python package reads the same files in the same order (lab/config.py), and with greater care: here a wrong
# value ends in Vagrant's own message.

require "fileutils"
require "json"
require "yaml"
require_relative "network"

module Lab
  # Shown by Vagrant as one message, without a backtrace.
  class Error < Vagrant::Errors::VagrantError
    def initialize(message)
      @text = message
      super()
    end

    def error_message
      @text
    end
  end

  class Settings
    DEFAULTS = { "name" => "kubeflow", "ports" => {}, "network" => {}, "applications" => {} }.freeze
    DEFAULT_EDITION = "kubeflow-1.8".freeze
    INFO = "info.json".freeze # the first file in a box of `lab bake` (lab/editions/baked.py)
    TAR_BLOCK = 512 # bytes; a member's header, in which its name and its size in octal digits are
    GUEST_PORTS = { "ssh" => 22, "kubernetes" => 16443, "http" => 80 }.freeze

    attr_reader :root

    # root: directory of the Vagrantfile; env: the environment
    def initialize(root, env)
      @root = root
      @env = env
      file = File.join(root, "lab.yaml")
      @chosen = DEFAULTS.merge(File.exist?(file) ? read_yaml(file) : {})
    end

    def name
      choice("name")
    end

    def provider
      choice("provider") || (RUBY_PLATFORM.include?("linux") ? "libvirt" : "virtualbox")
    end

    def cpus
      Integer(choice("cpus") || edition["host"]["cpus"])
    end

    def memory_mib
      Integer(choice("memory_mib") || edition["host"]["memory_mib"])
    end

    def disk_gib
      Integer(choice("disk_gib") || edition["host"]["disk_gib"])
    end

    # The port on the host for "ssh", "kubernetes" or "http"; nil when none was chosen.
    def port(service)
      chosen = variable("LAB_PORTS_#{service.upcase}") || (@chosen["ports"] || {})[service]
      chosen && Integer(chosen)
    end

    # Where this lab's state is kept.
    def state_dir
      File.join(root, ".lab", name)
    end

    def edition
      @edition ||= begin
        directory = File.join(root, "lab", "editions")
        file = File.join(directory, "#{edition_name}.yaml")
        unless File.exist?(file)
          known = Dir.children(directory).grep(/\.yaml\z/).map { |entry| File.basename(entry, ".yaml") }
          raise Error, "There is no edition '#{edition_name}'. Editions: #{known.sort.join(', ')}."
        end
        read_yaml(file)
      end
    end

    # Where nobody names one, that of the box.
    def edition_name
      choice("edition") || (baked && baked["edition"]) || DEFAULT_EDITION
    end

    def bundled?
      edition["source"] == "bundle"
    end

    # The box: its name, its file if Vagrant is not to fetch it, and the sha256 sum of a bundle's. Of a box that
    # `lab bake` has packed the lab's own `up` compares the sum.
    def box
      return { name: baked["name"], file: baked_link } if baked
      # Once there is a machine, the file that it was made from may be gone.
      return { name: "lab/baked" } if baked_file
      return edition["box"].transform_keys(&:to_sym) unless bundled?
      return { name: "lab/#{edition_name}" } unless manifest # enough for status, halt, destroy
      # A bundle's box is for libvirt.
      return { name: "debian/bookworm64" } if provider == "virtualbox"

      { name: manifest["box"]["name"], file: bundle_file("box"), sha256: manifest["box"]["sha256"] }
    end

    # The file that `lab bake` has packed and that the machine is made from; nil for the edition's own box.
    def baked_file
      from_env = variable("LAB_BOX")
      file = from_env || record["box"] || @chosen["box"]
      return nil unless file

      path = File.expand_path(file, from_env ? Dir.pwd : root)
      File.exist?(path) ? File.realpath(path) : path
    end

    # Gives the box that a machine is about to be made from a name by its content: Vagrant goes on with half a copy of a
    # file of the same name, whatever is in it now.
    def link_box
      return if made? || !baked

      make_state_dir
      FileUtils.rm_f(Dir.glob("*.box", base: state_dir).map { |name| File.join(state_dir, name) })
      File.symlink(baked_file, baked_link)
    end

    # The disk image with the bundle's snaps and images; nil for editions from the store.
    def iso
      return nil unless bundled? && manifest

      File.exist?(kept_iso) ? kept_iso : bundle_file("iso")
    end

    # Gives a machine that is about to be made a second name for its disk image. So a machine that is stopped and
    # started, or restored, finds what it was made with, whatever becomes of the bundle.
    def keep_iso
      return if !bundled? || made?

      make_state_dir
      FileUtils.rm_f(kept_iso)
      begin
        File.link(bundle_file("iso"), kept_iso)
      rescue Errno::EXDEV, Errno::EPERM, Errno::EMLINK
        File.symlink(bundle_file("iso"), kept_iso)
      end
    end

    # Stops with the command to type when the machine is made from something that is not there.
    def require_sources
      require_box if baked_file && !made?
      return if !bundled? || manifest

      raise Error, "The edition '#{edition_name}' needs its bundle, and there is none in '#{bundle}'.\n" \
                   "Build it first: python -m rehearsal build"
    end

    # The scripts' settings, as shell.
    def lab_env
      values = edition["provision"].dup
      values["LAB_METALLB_RANGE"] = choice("metallb_range") if choice("metallb_range")
      values["LAB_APP_CONFIG"] = app_config
      values.merge!(network.variables)
      values.sort.map { |key, value| "export #{key}='#{value.to_s.gsub("'", "'\\\\''")}'\n" }.join
    end

    # Options of Juju's applications, as JSON: the environment over lab.yaml over the edition (lab/options.py).
    def app_config
      layers = [edition["applications"] || {}, @chosen["applications"] || {},
                JSON.parse(variable("LAB_APPLICATIONS") || "{}")]
      merged = layers.reduce { |below, above| below.merge(above) { |_name, old, new| old.merge(new) } }
      merged = merged.reject { |_name, options| options.empty? }
      return "" if merged.empty?

      JSON.generate(merged.sort.to_h { |name, options| [name, options.sort.to_h] })
    rescue JSON::ParserError
      raise Error, "LAB_APPLICATIONS is not JSON."
    end

    # What of the host's network reaches the guest. An edition with a bundle needs nothing from outside, unless
    # somebody says so.
    def network(root: "/")
      chosen = Network::KEYS.to_h { |key| [key, network_choice(key)] }
      Network.new(chosen, @env, release: edition["expect"]["debian"], look: !bundled?, root: root)
    end

    # A shell script for the guest that makes room for the scripts.
    def upload_script
      <<~SCRIPT
        set -eu
        install -d -m 0700 ~/.kubeflow-lab
        rm -rf ~/.kubeflow-lab/provision
      SCRIPT
    end

    # Writes the files that go into the guest's ~/.kubeflow-lab, and returns their paths. They may hold a proxy's
    # password, so they are files of the owner's, never part of a script that Vagrant shows or leaves in /tmp.
    def write_upload_files
      make_state_dir
      { "lab.env" => lab_env, "ca-certificates.pem" => network.certificates }.map do |name, text|
        file = File.join(state_dir, name)
        File.write(file, text, perm: 0o600)
        file
      end
    end

    # Remembers what the lab is made with, so that later commands need no variables (read_record in lab/record.py).
    def write_record
      make_state_dir
      file = File.join(state_dir, "lab.json")
      return if made? && File.exist?(file)

      record = { "schema" => 1, "edition" => edition_name, "provider" => provider }
      record["box"] = baked_file if baked_file
      File.write(file, "#{JSON.pretty_generate(record)}\n", perm: 0o600)
    end

    # Tells the Python package where the machine's disk is (lab/vm/disk.py).
    def write_disk(path)
      make_state_dir
      File.write(File.join(state_dir, "disk.json"), JSON.generate("schema" => 1, "path" => path), perm: 0o600)
    end

    def make_state_dir
      [File.dirname(state_dir), state_dir].each { |path| Dir.mkdir(path, 0o700) unless Dir.exist?(path) }
    end

    private

    # Whether there is a machine already.
    def made?
      File.exist?(File.join(root, ".vagrant", "machines", name, provider, "id"))
    end

    def baked_link
      File.join(state_dir, "#{baked['image']['sha256']}.box")
    end

    def require_box
      raise Error, "There is no box of `lab bake` in '#{baked_file}'." unless baked
      return if baked["edition"] == edition_name

      raise Error, "The box '#{baked_file}' is of the edition '#{baked['edition']}', not '#{edition_name}'."
    end

    # The manifest of the box that was packed; nil without such a box.
    def baked
      @baked ||= baked_file && File.file?(baked_file) ? read_info(baked_file) : nil
    end

    def read_info(file)
      File.open(file, "rb") do |tar|
        header = tar.read(TAR_BLOCK).to_s
        JSON.parse(tar.read(header[124, 12].oct)) if header[0, 100].to_s.delete("\0") == INFO
      end
    rescue JSON::ParserError, SystemCallError
      nil
    end

    def kept_iso
      File.join(state_dir, "bundle.iso")
    end

    # Environment over what the lab was made with over lab.yaml.
    def choice(key)
      variable("LAB_#{key.upcase}") || (key == "name" ? nil : record[key]) || @chosen[key]
    end

    def network_choice(key)
      from_env = variable("LAB_NETWORK_#{key.upcase}")
      choice = from_env || (@chosen["network"] || {})[key] || "auto"
      return choice if key != "ca_certificates" || %w[auto none].include?(choice)

      files = choice.is_a?(Array) ? choice : choice.split(File::PATH_SEPARATOR)
      files.map { |file| File.expand_path(file, from_env ? Dir.pwd : root) }
    end

    def variable(name)
      value = @env[name].to_s
      value.empty? ? nil : value
    end

    def record
      @record ||= begin
        JSON.parse(File.read(File.join(state_dir, "lab.json"))).slice("edition", "provider", "box")
      rescue Errno::ENOENT, JSON::ParserError
        {}
      end
    end

    # Without links: another checkout may let a name lead elsewhere while this one is at work.
    def bundle
      @bundle ||= File.exist?(named_bundle) ? File.realpath(named_bundle) : named_bundle
    end

    def named_bundle
      from_env = variable("LAB_BUNDLE")
      return File.expand_path(from_env) if from_env
      return File.expand_path(@chosen["bundle"], root) if @chosen["bundle"]

      cache = variable("XDG_CACHE_HOME") || File.expand_path("~/.cache")
      File.join(cache, "kubeflow-lab", "bundles", edition_name)
    end

    def manifest
      file = File.join(bundle, "manifest.json")
      @manifest ||= File.exist?(file) ? JSON.parse(File.read(file)) : nil
    end

    def bundle_file(entry)
      File.join(bundle, manifest[entry]["file"])
    end

    def read_yaml(file)
      YAML.safe_load(File.read(file, encoding: "UTF-8")) || {}
    end
  end
end

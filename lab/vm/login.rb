# The lab's own key for SSH, and what is known of the machine's. Vagrant's well-known key, which is in every box, would
# let in everybody who reaches the port.

require "fileutils"
require "open3"
require "pathname"

module Lab
  class Login
    # What both of Vagrant's well-known keys are called.
    INSECURE = "vagrant insecure public key".freeze

    def initialize(lab)
      @lab = lab
    end

    def key
      File.join(@lab.state_dir, "id_ed25519")
    end

    # The machine's keys, from the first login on. lab/transport/ssh_login.py uses the same file.
    def known_hosts
      File.join(@lab.state_dir, "known_hosts")
    end

    # Vagrant makes a key for each new machine, puts it in the place of its well-known one before anything else happens,
    # and keeps it. This lets it take a key of the lab's.
    def use_own_key
      require "vagrant/util/keypair"
      login = self
      Vagrant::Util::Keypair.singleton_class.prepend(
        Module.new do
          define_method(:create) { |*, **| login.make }
        end
      )
    end

    # For `vagrant ssh`: the machine has to be the one that it was at the first login.
    def ssh_arguments
      ["-o", "UserKnownHostsFile=\"#{known_hosts}\"", "-o", "StrictHostKeyChecking=accept-new"]
    end

    # A key for a machine that has been made a moment ago, in Vagrant's order: unused, private, public.
    def make
      @lab.make_state_dir
      forget
      output, status = Open3.capture2e("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab-#{@lab.name}", "-f", key)
      raise Error, "The lab's key for SSH cannot be made:\n#{output}" unless status.success?

      File.chmod(0o600, "#{key}.pub")
      # What Vagrant keeps is this same file.
      link = File.join(@lab.root, ".vagrant", "machines", @lab.name, @lab.provider, "private_key")
      directory = Pathname.new(File.dirname(link))
      FileUtils.ln_s(Pathname.new(key).relative_path_from(directory), link, force: true) if directory.directory?
      [nil, File.read(key), File.read("#{key}.pub")]
    end

    # Vagrant removes the one well-known key that it knows; boxes may have more.
    def close_to_others(machine)
      machine.communicate.execute("sed -i '/#{INSECURE}/d' ~/.ssh/authorized_keys")
    end

    # The machine is gone, and its keys with it.
    def forget
      [key, "#{key}.pub", known_hosts].each { |path| FileUtils.rm_f(path) }
    end
  end
end

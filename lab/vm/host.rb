# What depends on the computer that runs Vagrant: which user libvirt may see, where its sockets are, whether KVM
# works, which ports are free.

require "cgi"
require "digest"
require "etc"
require "fileutils"
require "json"
require "open3"
require "socket"

module Lab
  class Host
    SOCKET_LIMIT = 107 # bytes; the longest path of a Unix socket
    STARTING = %w[up reload provision].freeze

    def initialize(lab, env, arguments)
      @lab = lab
      @env = env
      @arguments = arguments
    end

    # Before anything else happens: the right user and environment for libvirt, and clear words when something
    # that a machine needs is missing.
    def prepare
      @env["VAGRANT_DEFAULT_PROVIDER"] ||= @lab.provider
      if @lab.provider == "libvirt"
        use_short_runtime_dir
        use_short_home
        leave_root
        require_plugin
        answer_for_slirp
        tell_suspended_from_off if command == "status"
      end
      return unless STARTING.include?(command)

      @lab.require_sources
      @lab.write_record
      @lab.keep_iso
      @lab.link_box
    end

    # What plain Vagrant copies into the guest beside the scripts, if it is to run them.
    def upload_files
      STARTING.include?(command) && !@arguments.include?("--no-provision") ? @lab.write_upload_files : []
    end

    # "kvm" when a guest really runs under it here, else "qemu" (emulation).
    def driver
      return @env["LAB_DRIVER"] unless @env["LAB_DRIVER"].to_s.empty?
      return "qemu" unless STARTING.include?(command) # whatever it is, only starting needs to know

      @driver ||= begin
        output, errors, status = Open3.capture3("sh", File.join(__dir__, "accelerator.sh"))
        raise Error, errors unless status.success?

        output.lines.first.strip
      end
    end

    # A prefix that no machine of another checkout has.
    def prefix
      "lab-#{Digest::SHA256.hexdigest(@lab.root)[0, 6]}"
    end

    # The port on 127.0.0.1 for SSH: chosen, or else a free one that this lab keeps.
    def ssh_port
      @lab.port("ssh") || (@ssh_port ||= kept_port)
    end

    # What leads into the guest: { "ssh" => [port of the host, port of the guest], ... }
    def forwarded_ports
      Settings::GUEST_PORTS.each_with_object({}) do |(service, guest_port), ports|
        host_port = service == "ssh" ? ssh_port : @lab.port(service)
        ports[service] = [host_port, guest_port] if host_port
      end
    end

    # Path of the image that is the machine's disk. machine: what Vagrant gives a trigger.
    def disk(machine)
      machine.provider.driver.connection.servers.get(machine.id).volumes.compact.first.path
    end

    # The network card and the bundle's disk. QEMU makes these before the devices that libvirt asks for, so they need
    # slots that libvirt does not use (0x10, 0x11), or the two collide.
    def qemu_arguments
      network = "user,id=lab0" + forwarded_ports.values.map { |host, guest|
        ",hostfwd=tcp:127.0.0.1:#{host}-:#{guest}"
      }.join
      # With a bundle the lab needs nothing from outside, and proves it.
      network += ",restrict=on" if @lab.bundled?
      arguments = ["-netdev", network, "-device", "virtio-net-pci,netdev=lab0,addr=0x10"]
      if @lab.iso
        drive = "if=none,id=bundle,format=raw,readonly=on,file=#{@lab.iso.gsub(',', ',,')}"
        arguments += ["-drive", drive, "-device", "virtio-blk-pci,drive=bundle,serial=lab-bundle,addr=0x11"]
      end
      arguments.map { |argument| CGI.escapeHTML(argument) } # the plugin puts them into XML as they are
    end

    private

    def command
      @arguments.find { |argument| !argument.start_with?("-") }
    end

    # libvirt keeps its sockets in XDG_RUNTIME_DIR. Without a login session there is none, and libvirt takes a
    # directory below HOME, which can make the sockets' paths too long.
    def use_short_runtime_dir
      current = @env["XDG_RUNTIME_DIR"].to_s
      # A root's directory comes and goes with its logins; the machine should not.
      return if !Process.uid.zero? && mine?(current) && short?(current, "libvirt/virtqemud-admin-sock")

      login = "/run/user/#{Process.uid}"
      @env["XDG_RUNTIME_DIR"] = !Process.uid.zero? && mine?(login) ? login : own_runtime_dir
    end

    # QEMU's own sockets are below ~/.config: a long HOME is made short by a link.
    def use_short_home
      config = @env["XDG_CONFIG_HOME"].to_s.empty? ? File.expand_path("~/.config") : @env["XDG_CONFIG_HOME"]
      return if short?(config, "libvirt/qemu/channel/target/domain-99-#{'x' * 20}/org.qemu.guest_agent.0")

      link = File.join(own_runtime_dir, "c")
      FileUtils.mkdir_p(config)
      File.unlink(link) if File.symlink?(link) && File.readlink(link) != config
      File.symlink(config, link) unless File.symlink?(link)
      @env["XDG_CONFIG_HOME"] = link
    end

    # /tmp is everybody's: take the directory only if it is ours alone.
    def own_runtime_dir
      path = "/tmp/kflab-#{Process.uid}" # short is the point
      begin
        Dir.mkdir(path, 0o700)
      rescue Errno::EEXIST
        unless mine?(path)
          raise Error, "'#{path}' belongs to somebody else. Set XDG_RUNTIME_DIR to a directory of yours."
        end
      end
      path
    end

    def mine?(path)
      stat = File.lstat(path)
      stat.directory? && stat.uid == Process.uid && (stat.mode & 0o077).zero?
    rescue Errno::ENOENT
      false
    end

    def short?(directory, socket)
      File.join(directory, socket).bytesize <= SOCKET_LIMIT
    end

    # libvirt has no session for root. In a user namespace root looks like an ordinary user, and owns the same files.
    def leave_root
      return unless Process.uid.zero?

      unshare = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
      _, errors, status = Open3.capture3(*unshare, "true")
      unless status.success?
        raise Error, "libvirt has no session for root, and this system lets root make no user namespace:\n" \
                     "#{errors}Run the command as an ordinary user."
      end
      exec(*unshare, $PROGRAM_NAME, *@arguments)
    end

    def require_plugin
      return if Vagrant.has_plugin?("vagrant-libvirt")

      raise Error, "Vagrant's plugin for libvirt is not installed.\n" \
                   "On Debian: sudo apt install vagrant-libvirt qemu-system-x86 libvirt-daemon\n" \
                   "Elsewhere: vagrant plugin install vagrant-libvirt"
    end

    # The plugin asks libvirt for the address of the network card that libvirt made; there is none. Behind user-mode
    # networking the answer is always the same.
    def answer_for_slirp
      require "vagrant-libvirt/driver"
      VagrantPlugins::ProviderLibvirt::Driver.prepend(
        Module.new do
          def get_ipaddress(*)
            "127.0.0.1"
          end
        end
      )
    end

    # For the plugin a machine whose memory is in a file is like one that was shut down.
    def tell_suspended_from_off
      VagrantPlugins::ProviderLibvirt::Driver.prepend(
        Module.new do
          def state
            found = super
            found == :shutoff && get_libvirt_domain.has_managed_save? ? :paused : found
          end
        end
      )
    end

    # The forwarding is part of the machine that libvirt knows, so the port stays until the lab is gone.
    def kept_port
      file = File.join(@lab.state_dir, "ports.json")
      port = port_in(file)
      return port if port

      # When the file is damaged, the login of a machine that is there still has its port.
      port = (port_of_login if File.exist?(file)) || free_port
      @lab.make_state_dir
      File.write(file, JSON.generate("ssh" => port), perm: 0o600)
      port
    end

    def port_in(file)
      port = JSON.parse(File.read(file))["ssh"]
      port if port.is_a?(Integer)
    rescue Errno::ENOENT, JSON::ParserError, TypeError, NoMethodError
      nil
    end

    def port_of_login
      File.binread(File.join(@lab.state_dir, "ssh_config"))[/^ *Port (\d+)$/, 1]&.to_i
    rescue Errno::ENOENT
      nil
    end

    def free_port
      others = Dir.glob(File.join(@lab.root, ".lab", "*", "ports.json")).map { |other| port_in(other) }
      first = 20_000 + Digest::SHA256.hexdigest(@lab.state_dir).to_i(16) % 10_000
      (first...(first + 200)).find { |candidate| !others.include?(candidate) && free?(candidate) }
    end

    def free?(port)
      TCPServer.new("127.0.0.1", port).close
      true
    rescue Errno::EADDRINUSE, Errno::EACCES
      false
    end
  end
end

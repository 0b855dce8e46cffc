# What of the host's network reaches the guest: proxies, certificate authorities, Debian's mirror. The Python package
# decides the same (lab/network), and says more about it.

require "open3"
require "shellwords"

module Lab
  class Network
    KEYS = %w[proxy_http proxy_https proxy_apt no_proxy ca_certificates apt_mirror apt_mirror_security].freeze
    HOST_ADDRESS = "10.0.2.2".freeze # the host's 127.0.0.1 as a guest behind user-mode networking sees it

    PLACE = '(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?'.freeze
    PROXY = %r{\Ahttps?://([A-Za-z0-9._~!*+,;=:%-]+@)?#{PLACE}/?\z}
    MIRROR = %r{\Ahttps?://#{PLACE}(/[A-Za-z0-9._~+/-]*)?\z}
    NO_PROXY_WORD = %r{\A[A-Za-z0-9._*:/-]+\z}
    LOOPBACK = %r{\A(https?://(?:[^@/]*@)?)(?:localhost|127\.[0-9.]+|\[::1\])(?=[:/]|\z)}
    DEBIANS_OWN = %r{\Ahttps?://(deb|security|ftp|httpredir|cdn-fastly\.deb)\.debian\.org(/|\z)}
    CERTIFICATE = /-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----/m

    # chosen: { key => "auto", "none" or a value }; release: Debian's release in the guest; look: whether to look at the
    # host at all; root: the host's root directory.
    def initialize(chosen, env, release:, look:, root: "/")
      @chosen = chosen
      @env = env
      @release = release
      @look = look
      @root = root
    end

    # For lab.env. A proxy's URL may hold a password.
    def variables
      urls = (KEYS - %w[no_proxy ca_certificates]).to_h { |key| [key, url(key)] }
      values = urls.transform_values { |url| url.sub(LOOPBACK, "\\1#{HOST_ADDRESS}") }
      values["no_proxy"] = no_proxy.join(",")
      values.reject { |_, value| value.empty? }.transform_keys do |key|
        key == "no_proxy" ? "LAB_NO_PROXY" : "LAB_#{key.upcase}"
      end
    end

    # Certificate authorities to trust, as PEM.
    def certificates
      files = @chosen["ca_certificates"]
      return (files == "auto" ? found_certificates : []).join if %w[auto none].include?(files)

      Array(files).flat_map { |file|
        read = pem(File.read(file, encoding: "UTF-8"))
        raise Error, "'#{file}' of network.ca_certificates holds no certificate." if read.empty?
        read
      }.uniq.join
    rescue SystemCallError, ArgumentError => error
      raise Error, "network.ca_certificates: #{error.message}."
    end

    private

    def url(key)
      choice = @chosen[key]
      return "" if choice == "none"
      return found(key) if choice == "auto"

      usable(key, choice.to_s) or raise Error, "'network.#{key}' is not a URL that can be used."
    end

    def usable(key, value)
      value = "http://#{value}" unless key.start_with?("apt") || value.include?("://")
      value.chomp("/") if value.match?(key.start_with?("apt") ? MIRROR : PROXY)
    end

    def no_proxy
      choice = @chosen["no_proxy"]
      return [] if choice == "none"

      words = words_of(choice == "auto" ? variable("no_proxy") : Array(choice).join(" "))
      return words if words.all? { |word| word.match?(NO_PROXY_WORD) }
      return [] if choice == "auto"

      raise Error, "'network.no_proxy' may hold names, addresses and networks."
    end

    def words_of(text)
      text.split(/[,\s]+/).reject(&:empty?)
    end

    # --- what the host itself uses -----------------------------------------------------------------------------

    def found(key)
      return "" unless @look

      value = case key
              when "proxy_apt" then apt_proxies[0]
              when "proxy_http", "proxy_https" then found_proxy(key)
              else mirrors[key == "apt_mirror" ? 0 : 1]
              end
      value.empty? ? "" : usable(key, value) || ""
    end

    def found_proxy(key)
      own = %w[proxy_http proxy_https].to_h { |name| [name, usable(name, variable("#{name[6..]}_proxy")) || ""] }
      # A cache for packages is set for http alone, and can do nothing else.
      return own[key] if own.values.any? { |value| !value.empty? } || apt_proxies.any?(&:empty?)

      apt_proxies[key == "proxy_http" ? 0 : 1]
    end

    # A proxy variable is known in lower and in upper case.
    def variable(name)
      return "" unless @look

      [@env[name], @env[name.upcase]].map(&:to_s).find { |value| !value.empty? } || ""
    end

    def apt_proxies
      @apt_proxies ||= begin
        command = %w[apt-config shell http Acquire::http::Proxy https Acquire::https::Proxy]
        output, = Open3.capture2(*command, err: File::NULL)
        pairs = Shellwords.split(output).to_h { |word| word.split("=", 2) }
        %w[http https].map { |name| %w[direct false].include?(pairs[name].to_s.downcase) ? "" : pairs[name].to_s }
      rescue Errno::ENOENT
        ["", ""]
      end
    end

    def found_certificates
      return [] unless @look

      anchors = read_all(below("usr/local/share/ca-certificates"))
      debian = read_all(below("usr/share/ca-certificates"))
      # Without Debian's package on the host, all authorities of the world would be "extra".
      return anchors if debian.empty?

      bundles = %w[SSL_CERT_FILE REQUESTS_CA_BUNDLE].map { |name| @env[name].to_s }.reject(&:empty?)
      (anchors + (read_all(bundles.map { |file| File.join(@root, file) }) - debian)).uniq
    end

    def below(directory)
      Dir.glob(File.join(@root, directory, "**", "*.crt")).sort
    end

    def read_all(files)
      files.flat_map { |file|
        begin
          pem(File.read(file, encoding: "UTF-8").scrub)
        rescue SystemCallError, ArgumentError
          []
        end
      }.uniq
    end

    # The certificates in a text, each in the same form.
    def pem(text)
      text.scan(CERTIFICATE).map do |(body)|
        lines = [body.split.join.unpack1("m0")].pack("m0").scan(/.{1,64}/)
        ["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""].join("\n")
      end
    end

    # The host's mirrors of the archive and of the security updates; empty where they are Debian's own.
    def mirrors
      @mirrors ||= begin
        about = os_release
        of_release = about["ID"] == "debian" && about["VERSION_ID"] == @release
        suites = %W[#{about['VERSION_CODENAME']} #{about['VERSION_CODENAME']}-security]
        suites.map { |suite|
          mirror = of_release && sources.find { |url, names| names.include?(suite) && url.match?(%r{\Ahttps?://}) }
          mirror ? mirror[0].chomp("/") : ""
        }.map { |mirror| mirror.match?(DEBIANS_OWN) ? "" : mirror }
      end
    end

    def os_release
      lines = File.readlines(File.join(@root, "etc/os-release"), chomp: true, encoding: "UTF-8")
      lines.select { |line| line.include?("=") }.to_h { |line| line.split("=", 2) }
           .transform_values { |value| value.delete("\"'") }
    rescue SystemCallError
      {}
    end

    # Each URL with its suites, in apt's order.
    def sources
      apt = File.join(@root, "etc/apt")
      files = [File.join(apt, "sources.list"), *Dir.glob(File.join(apt, "sources.list.d", "*.{list,sources}")).sort]
      files.select { |file| File.file?(file) }.flat_map do |file|
        text = File.read(file, encoding: "UTF-8").scrub
        file.end_with?(".list") ? one_line_sources(text) : stanzas(text)
      end
    end

    def one_line_sources(text)
      text.scan(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/).map { |url, suite| [url, [suite]] }
    end

    def stanzas(text)
      text.split(/\n\s*\n/).flat_map do |stanza|
        fields = stanza.scan(/^([A-Za-z-]+):[ \t]*(.*)$/).to_h
        next [] unless fields["Types"].to_s.split.include?("deb") && fields["Enabled"] != "no"

        fields["URIs"].to_s.split.map { |url| [url, fields["Suites"].to_s.split] }
      end
    end
  end
end

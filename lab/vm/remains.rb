# Mends what a Vagrant leaves that was killed in the middle of `up`, or what was done to the machine behind its back.

module Lab
  module Remains
    # libvirt's code for "there is none".
    NO_DOMAIN = 42

    # Of a machine that Vagrant does not know: a domain of its name is taken over, since it was defined whole with its
    # disk; a disk without a domain goes. Either would stop `up` for ever ("name already taken", "volume already
    # created"). Names carry the checkout and the lab, so nobody else's are touched. machine: what a trigger gets.
    def self.mend(machine)
      return unless machine.state.id == :not_created

      name = machine.provider_config.default_prefix + machine.name.to_s
      libvirt = machine.provider.driver.connection.client
      if (domain = domain_of(libvirt, name))
        machine.ui.info("The machine was made by an earlier run that was cut short: it is taken over.")
        machine.id = domain.uuid
      else
        disks_of(libvirt, name).each do |volume|
          machine.ui.warn("A disk of a machine that is gone is removed: #{volume.path}")
          volume.delete
        end
      end
    end

    def self.domain_of(libvirt, name)
      libvirt.lookup_domain_by_name(name)
    rescue Libvirt::RetrieveError => error
      raise unless error.libvirt_code == NO_DOMAIN
    end

    def self.disks_of(libvirt, name)
      libvirt.list_storage_pools.flat_map do |pool_name|
        pool = libvirt.lookup_storage_pool_by_name(pool_name)
        pool.refresh
        names = pool.list_volumes.grep(/\A#{Regexp.escape(name)}(_\d+)?\.img\z/)
        names.map { |volume| pool.lookup_volume_by_name(volume) }
      end
    end
    private_class_method :domain_of, :disks_of
  end
end

# Looks after the copies of boxes. Each build of a bundle has a box of its own name, so old ones would pile up: once
# with Vagrant, and once in libvirt's pool, where machines have their disks.

module Lab
  module Boxes
    POOL_IMAGE = "_vagrant_box_image_".freeze

    # Removes what was copied of this machine's box into the pool when the copying was interrupted: the plugin takes
    # a volume of the right name for the whole box. machine: what Vagrant gives a trigger.
    def self.drop_partial(machine)
      return if machine.box.nil? || machine.state.id != :not_created

      whole = File.size(machine.box.directory.join("box.img"))
      pool_volumes(machine.provider.driver.connection.client).each do |volume|
        of_this_box = volume.name.gsub("-VAGRANTSLASH-", "/").start_with?("#{machine.box.name}#{POOL_IMAGE}")
        volume.delete if of_this_box && File.size(volume.path) < whole
      end
    end

    # Removes the boxes that newer bundles have replaced. box: name of the one in use, "lab/EDITION-CONTENT".
    def self.prune(box, env, machine)
      family = box[%r{\Alab/.*-}] or return

      env.boxes.all.each do |name, version, provider|
        next unless name.start_with?(family) && name != box && provider == :libvirt

        old = env.boxes.find(name, provider, version)
        next if old.in_use?(env.machine_index)

        old.destroy!
        env.boxes.clean(name)
      end

      volumes = pool_volumes(machine.provider.driver.connection.client)
      # A machine's disk only holds what differs from the box that it was made from.
      needed = volumes.map { |volume| volume.xml_desc[%r{<backingStore>.*?<path>(.*?)</path>}m, 1] }
      volumes.each do |volume|
        name = volume.name.gsub("-VAGRANTSLASH-", "/")
        next unless name.start_with?(family) && name.include?(POOL_IMAGE) && !name.start_with?("#{box}_")

        volume.delete unless needed.include?(volume.path)
      end
    rescue StandardError => error
      machine.ui.warn("Old boxes could not be removed: #{error.message}")
    end

    def self.pool_volumes(libvirt)
      libvirt.list_storage_pools.map { |name| libvirt.lookup_storage_pool_by_name(name) }.flat_map do |pool|
        pool.refresh
        # Those of list_all_volumes forget their connection.
        pool.list_volumes.map { |name| pool.lookup_volume_by_name(name) }
      end
    end
    private_class_method :pool_volumes
  end
end

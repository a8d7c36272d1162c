# What a Vagrantfile has its machines run, as JSON: ruby vagrantfile.rb FILE. It stands in for the part of Vagrant that
# the file speaks to; whether Vagrant itself takes the file, `vagrant validate` says.
require 'json'

class Recorder
  attr_reader :machines, :networks, :provisions

  def initialize
    @machines = {}
    @networks = []
    @provisions = []
  end

  def vm = self

  def define(name, **_options)
    yield(@machines[name] = Recorder.new)
  end

  def network(_kind, ip:) = @networks << ip

  def provision(name, type:, **options) = @provisions << { name:, type:, **options }

  # What the machine is, and no business of ours.
  %i[box= hostname= memory=].each { |setting| define_method(setting) { |_value| } }
  def synced_folder(*, **) = nil
  def provider(_name) = yield(self)
end

module Vagrant
  def self.configure(_version) = yield(ROOT)
end

ROOT = Recorder.new
load ARGV.fetch(0)
puts JSON.generate(ROOT.machines.transform_values { |machine| { networks: machine.networks, provisions: machine.provisions } })

# Sidekiq (Debian's ruby-sidekiq): a real client and a real worker process.
# Asserts that 1,000 jobs run once each, that scheduled jobs and retries come, and what Sidekiq counts of them.
require 'sidekiq'
require 'sidekiq/api'
require 'rbconfig'

URL = "redis://127.0.0.1:#{ENV.fetch('REDIS_PORT')}/0"
Sidekiq.configure_client { |config| config.redis = { url: URL } }
Sidekiq.configure_server do |config|
  config.redis = { url: URL }
  config.average_scheduled_poll_interval = 1
end

# Leaves a trace of each run.
class Traced
  include Sidekiq::Worker

  def perform(list, value)
    Sidekiq.redis { |redis| redis.rpush("runs:#{list}", value) }
  end
end

# Fails at first, and is tried again soon.
class Flaky
  include Sidekiq::Worker
  sidekiq_options retry: 3
  sidekiq_retry_in { 1 }

  def perform
    raise 'not yet' if Sidekiq.redis { |redis| redis.incr('tries') } < 2
  end
end

# The worker process loads this file for the classes above, and stops here.
return if Sidekiq.server?

def check(name, wanted, got)
  raise "#{name}: wanted #{wanted.inspect}, got #{got.inspect}" unless wanted == got
  puts "ok #{name}"
end

def until_true(name)
  limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 50
  until yield
    raise "never: #{name}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit
    sleep 0.05
  end
end

def runs(list)
  Sidekiq.redis { |redis| redis.lrange("runs:#{list}", 0, -1) }.map(&:to_i)
end

1000.times { |n| n < 500 ? Traced.perform_async('now', n) : nil }
Sidekiq::Client.push_bulk('class' => Traced, 'args' => (500...1000).map { |n| ['now', n] })
check 'jobs wait in the queue', 1000, Sidekiq::Queue.new.size
Traced.perform_in(2, 'later', 2)
Traced.perform_in(1, 'later', 1)
check 'jobs are scheduled', 2, Sidekiq::ScheduledSet.new.size
Flaky.perform_async

sidekiq = File.join(RbConfig::CONFIG['bindir'], 'sidekiq')
worker = Process.spawn(sidekiq, '-r', __FILE__, '-c', '5', '-e', 'test')
begin
  until_true('all is done') { runs('now').size >= 1000 && runs('later').size == 2 && Sidekiq::Stats.new.processed >= 1004 }
  check 'every job ran once', (0...1000).to_a, runs('now').sort
  check 'scheduled jobs ran once each', [1, 2], runs('later').sort
  check 'a failing job was tried again', '2', Sidekiq.redis { |redis| redis.get('tries') }
  stats = Sidekiq::Stats.new
  check 'the counts agree', [1, 0, 0, 0, 0], [stats.failed, stats.enqueued, stats.scheduled_size, stats.retry_size, stats.dead_size]
  check 'one process is seen', 1, Sidekiq::ProcessSet.new.size
ensure
  Process.kill('TERM', worker)
  Process.wait(worker)
end
check 'the worker ends well', true, $?.success?

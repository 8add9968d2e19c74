#include "tests/sim/cluster/sim_daemon.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "tests/support/draw.h"
#include "tests/support/sim_payload.h"

namespace baton::sim {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr std::uint64_t kRoom = std::uint64_t{1} << 50;    // bytes of a disk that is not full
constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40;  // of them free
constexpr std::string_view kCalendarAlarm = "calendar jumped";
constexpr std::string_view kDirectory = "/data";  // what an error must name a part of

}  // namespace

struct SimDaemon::Life {
  Life(SimWorld& world, const std::string& host, const SimClock& clock)
      : process(world, host, clock) {}

  SimLife process;
  RunningNode running;  // destroyed first
  bool ended_itself = false;
};

SimDaemon::SimDaemon(SimWorld& world, std::string host, Boot boot)
    : world_(world),
      host_(std::move(host)),
      boot_(std::move(boot)),
      random_(world.scheduler.random().fork()),
      clock_(world.plan.draw_clock(random_)),
      env_(SimEnv::Options{.seed = random_.next(), .strict_directories = random_.one_in(2)}) {}

SimDaemon::~SimDaemon() {
  if (!up()) return;
  count_metrics();
  life_->process.loop.kill();
  env_.stop();
}

void SimDaemon::start() {
  if (up() || refused_) return;
  start_turn_++;
  lives_++;
  if (was_cut_) {
    was_cut_ = false;
    world_.network.revive(host_);
    clock_.mono_offset = 1s - world_.scheduler.now();  // the machine has just booted
  }
  world_.trace(host_ + " starts, life " + std::to_string(lives_));
  faults_before_ = env_.faults_met();
  write_faults_before_ = env_.write_faults_met();
  disk_was_full_ = env_.free_bytes("/") < kPlenty;
  life_ = std::make_unique<Life>(world_, host_, clock_);
  SimLife& process = life_->process;
  process.loop.set_death_probe([this] { return env_.stopped(); });
  env_.set_on_operation([this](const char* kind) { on_operation(kind); });
  process.logger.set_on_line([this](LogLevel level, std::string_view event,
                                    const std::string& line) { on_log(level, event, line); });
  const NodeContext context{process.loop, process.worker, process.transport,
                            env_,         process.logger, random_.next()};
  auto booted = boot_(context, [this](const Status& why) { ended("ended itself", why); });
  if (booted.ok()) {
    life_->running = std::move(booted).value();
    if (lives_ > 1) world_.sometimes.happened("daemon recovered");
  } else if (env_.stopped()) {
    world_.sometimes.happened("power cut while starting");  // bury_if_dead() sees to it
  } else {
    ended("refused to start", booted.status());
  }
}

void SimDaemon::on_operation(const char* kind) {
  if (disk_error_armed_ && env_.write_faults_met() > write_faults_before_) {
    world_.fail(host_ + " goes on with " + kind + " after an I/O error");
    disk_error_armed_ = false;
  }
  SimLife& process = life_->process;
  if (kind != std::string_view("sync") || process.worker.in_job()) return;
  const bool slow = world_.scheduler.now() < slow_until_;
  const Duration longest = slow ? slow_sync_max_ : world_.plan.sync_time_max;
  process.loop.spend(below(random_, longest));
}

void SimDaemon::on_log(LogLevel level, std::string_view event, const std::string& line) {
  for (const auto& [wanted, call] : log_watches_) {
    if (event == wanted) call();
  }
  if (level != LogLevel::kError) return;
  // Whatever is wrong with disks and machines, the center's own auditor must see nothing.
  if (event == "audit violation") world_.fail(host_ + ": " + line);
  // Nothing is wrong with its disk, so nothing may be wrong with its data.
  if (env_.stopped() || has_an_excuse() || world_.plan.disks_lie()) return;
  if (line.find(kCalendarAlarm) != std::string::npos) return;  // calendars do jump in here
  world_.fail(host_ + " logs an error: " + line);
}

bool SimDaemon::has_an_excuse() const {
  return env_.faults_met() > faults_before_ || disk_was_full_ || may_be_refused_;
}

void SimDaemon::ended(const char* how, const Status& why) {
  if (env_.stopped()) return;  // the power cut that is about to be noticed
  life_->ended_itself = true;
  world_.trace(host_ + " " + how + ": " + why.to_string());
  if (good_disk_) {
    // It does not work with a store in which records are damaged or missing. Somebody has a copy
    // from before.
    world_.sometimes.happened("damaged store refused");
    restore_good_disk_ = true;
    return;
  }
  if (!has_an_excuse()) {
    world_.fail(host_ + " " + how + ": " + why.to_string());
    refused_ = true;
    return;
  }
  const bool disk_error = disk_error_armed_ && env_.write_faults_met() > write_faults_before_;
  if (disk_error && why.message().find(kDirectory) == std::string::npos) {
    world_.fail(host_ + " " + how + " without naming the file: " + why.to_string());
  }
  world_.sometimes.happened(disk_error        ? "daemon stopped by a disk error"
                            : disk_was_full_  ? "daemon stopped by a full disk"
                            : may_be_refused_ ? "daemon refused beside its copy"
                                              : "daemon stopped by a read error");
}

void SimDaemon::kill(Duration back_after) {
  if (!up()) return;
  world_.trace(host_ + " is killed");
  world_.sometimes.happened("daemon killed");
  bury(false, back_after);
}

void SimDaemon::cut_power(Duration back_after) {
  if (!up()) return;
  world_.trace(host_ + " loses power");
  world_.sometimes.happened("daemon lost power");
  bury(true, back_after);
}

void SimDaemon::cut_power_at_write(std::uint64_t operations, Duration back_after) {
  if (env_.stopped()) return;
  back_after_cut_ = back_after;
  env_.crash_at(env_.operations() + operations);
}

void SimDaemon::restart(Duration back_after) {
  if (!up() || !life_->running.drain) return;
  world_.trace(host_ + " is asked to stop");
  world_.sometimes.happened("daemon drained");
  // Calls back on the daemon's own loop, where it must not be destroyed: the world does it right
  // after.
  const std::uint64_t life = lives_;
  life_->running.drain([this, life, back_after] {
    world_.scheduler.after(Duration(0), [this, life, back_after] {
      if (up() && lives_ == life) bury(false, back_after);
    });
  });
  life_->running.drain = nullptr;
}

void SimDaemon::pause(Duration length) {
  if (!up()) return;
  world_.trace(host_ + " is paused");
  world_.sometimes.happened("daemon paused");
  life_->process.loop.pause_until(world_.scheduler.now() + length);
}

void SimDaemon::jump_wall(std::int64_t ms) {
  world_.trace(host_ + " jumps in calendar time by " + std::to_string(ms) + " ms");
  clock_.wall_ms += ms;
  if (up()) life_->process.loop.jump_wall(ms);
}

void SimDaemon::fail_disk(std::uint64_t operations, Fault fault, bool sticky) {
  if (!up() || env_.stopped()) return;
  disk_error_armed_ = true;
  env_.fail_at(env_.operations() + operations, fault, sticky);
}

void SimDaemon::fail_read(std::uint64_t reads) {
  if (up()) env_.fail_read_at(env_.reads() + reads);
}

void SimDaemon::fill_disk(std::uint64_t bytes_left, Duration length) {
  world_.trace(host_ + " has " + std::to_string(bytes_left) + " bytes of disk left");
  world_.sometimes.happened("disk full");
  disk_was_full_ = true;
  env_.set_capacity(env_.disk().used_bytes() + bytes_left);
  const std::uint64_t turn = ++room_turn_;
  world_.scheduler.after(length, [this, turn] {
    if (turn == room_turn_) env_.set_capacity(kRoom);
  });
}

void SimDaemon::slow_disk(Duration time_max, Duration length) {
  world_.trace(host_ + " has a slow disk");
  world_.sometimes.happened("disk slow");
  slow_sync_max_ = time_max;
  slow_until_ = world_.scheduler.now() + length;
}

void SimDaemon::put_back(const SimDisk& disk, Duration back_after) {
  if (!up()) return;
  world_.trace(host_ + " gets an older disk");
  world_.sometimes.happened("older disk put back");
  bury(true, back_after);
  set_disk(disk);
}

void SimDaemon::damage_payload(Duration back_after) {
  if (!up()) return;
  struct Place {
    SimFilePtr file;
    std::size_t at;
  };
  std::vector<Place> places;
  for (const auto& [path, file] : env_.disk().files()) {
    if (!path.ends_with(".ldb")) continue;
    for (const std::size_t at : payload_places(file->data)) places.push_back({file, at});
  }
  if (places.empty()) return;
  world_.trace(host_ + " is killed, and a payload on its disk is damaged");
  bury(false, back_after);
  if (!good_disk_) {
    good_disk_ = copy_of_disk();
    good_until_ = world_.scheduler.now();
  }
  const Place& place = places[random_.below(places.size())];
  char& byte = place.file->data[place.at];
  byte = static_cast<char>(byte ^ (1 << random_.below(8)));
  world_.sometimes.happened("damage");
}

void SimDaemon::heal() {
  if (!env_.stopped()) {
    env_.crash_at(kNever);
    if (!up() || env_.faults_met() == faults_before_) env_.fail_at(kNever, Fault::kError);
    env_.fail_read_at(kNever);
  }
  room_turn_++;
  env_.set_capacity(kRoom);
  slow_until_ = SimTime(0);
  start();
}

void SimDaemon::shut_down() {
  start_turn_++;
  if (up()) bury(false, Duration(0));
  start_turn_++;
}

void SimDaemon::bury_if_dead() {
  if (!up()) return;
  if (env_.stopped()) {
    world_.trace(host_ + " lost power in the middle of a file operation");
    world_.sometimes.happened("power cut in a file operation");
    bury(true, back_after_cut_);
  } else if (life_->ended_itself) {
    // Whoever ended for its disk finds, by chance, what was in the page cache.
    const bool power_cut = env_.faults_met() > faults_before_ && random_.one_in(2);
    bury(power_cut, 1s);
  }
}

void SimDaemon::bury(bool power_cut, Duration back_after) {
  count_metrics();
  life_->process.loop.kill();
  env_.stop();
  world_.network.crash(host_, power_cut ? Death::kMachine : Death::kProcess);
  life_.reset();
  env_.set_on_operation(nullptr);
  disk_error_armed_ = false;
  if (power_cut) {
    env_.restart_after_power_cut();
  } else {
    env_.restart_after_kill();
  }
  if (std::exchange(restore_good_disk_, false)) {
    world_.make_uncertain(good_until_, world_.scheduler.now());
    set_disk(*std::exchange(good_disk_, std::nullopt));
  }
  was_cut_ = was_cut_ || power_cut;
  start_later(back_after);
}

void SimDaemon::count_metrics() {
  if (!life_->running.metrics) return;
  for (const LogField& field : life_->running.metrics()) {
    std::uint64_t count = 0;
    std::from_chars(field.value.data(), field.value.data() + field.value.size(), count);
    world_.sometimes.happened(std::string(life_->running.what).append(field.key), count);
  }
}

void SimDaemon::start_later(Duration delay) {
  const std::uint64_t turn = ++start_turn_;
  world_.scheduler.after(delay, [this, turn] {
    if (turn == start_turn_) start();
  });
}

}  // namespace baton::sim

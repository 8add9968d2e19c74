// JobGate: lets an object that gave jobs to a Worker and closures to a Loop be destroyed at any
// moment.
//
// What is wrapped runs only while the gate is open. Closing it waits for a job that is running
// right now, so afterwards nobody touches the object. One gate per object, its last member.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "common/base/loop.h"

namespace baton {

class JobGate {
  struct State {
    std::mutex running;  // held while a job runs
    bool open = true;    // written on the loop under the lock; read on the loop, or under the lock
  };

 public:
  JobGate() : state_(std::make_shared<State>()) {}
  ~JobGate() { close(); }
  JobGate(const JobGate&) = delete;
  JobGate& operator=(const JobGate&) = delete;

  // For the Worker: runs under the gate's lock.
  [[nodiscard]] Closure job(Closure closure) const {
    return [state = state_, closure = std::move(closure)] {
      const std::lock_guard lock(state->running);
      if (state->open) closure();
    };
  }
  // For the Loop: no lock, since the object lives and dies on the loop. The closure may destroy the
  // object.
  [[nodiscard]] Closure on_loop(Closure closure) const {
    return [state = state_, closure = std::move(closure)] {
      if (state->open) closure();
    };
  }

  // Tells after a callback whether the object is still there.
  class Watch {
   public:
    explicit Watch(const JobGate& gate) : state_(gate.state_) {}
    [[nodiscard]] bool open() const { return state_->open; }

   private:
    std::shared_ptr<const State> state_;
  };

  void close() {
    const std::lock_guard lock(state_->running);
    state_->open = false;
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace baton

// StoreRig: a KvStore on a simulated disk, opened, killed and opened again.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "common/storage/kv_store.h"
#include "tests/support/sim_env.h"

namespace baton::testing {

class StoreRig {
 public:
  explicit StoreRig(sim::SimEnv::Options options = {}) : env_(options) {}
  ~StoreRig() { close(); }

  sim::SimEnv& env() { return env_; }
  DurableEnv& durable_env() { return *durable_env_; }
  KvStore& store() { return *store_; }

  Status try_open(KvStore::Options options = {}) {
    close();
    durable_env_ = std::make_unique<DurableEnv>(env_);
    BATON_ASSIGN_OR_RETURN(store_, KvStore::open(*durable_env_, "/store", options));
    return {};
  }
  void open() {
    const Status opened = try_open();
    if (!opened.ok()) throw std::runtime_error(opened.to_string());
  }
  void close() {
    store_.reset();
    durable_env_.reset();
  }
  void kill() {
    env_.stop();
    close();
    env_.restart_after_kill();
  }
  void cut_power() {
    env_.stop();
    close();
    env_.restart_after_power_cut();
  }

  Status put(const std::string& key, const std::string& value) {
    KvBatch batch;
    batch.put(key, value);
    return store_->write(batch);
  }

 private:
  sim::SimEnv env_;
  std::unique_ptr<DurableEnv> durable_env_;
  std::unique_ptr<KvStore> store_;
};

}  // namespace baton::testing

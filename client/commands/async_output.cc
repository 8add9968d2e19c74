#include "client/commands/async_output.h"

#include <utility>

namespace baton::commands {

void AsyncOutput::write(std::string bytes, std::function<void(bool)> done) {
  if (!worker_) worker_ = std::make_unique<AsioWorker>(loop_, "stdout");
  ++busy_;
  auto ok = std::make_shared<bool>(false);
  worker_->run(
      [this, ok, bytes = std::move(bytes)] {
        output_.write(bytes);
        *ok = output_.flush();
      },
      [this, ok, done = std::move(done)] {
        --busy_;
        done(*ok);
      });
}

}  // namespace baton::commands

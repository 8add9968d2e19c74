#include "manager/storage/payload_log.h"

#include <utility>

#include "manager/storage/payload_log_impl.h"

namespace baton::manager {

Result<std::unique_ptr<PayloadLog>> PayloadLog::open(Loop& loop, Worker& worker, KvStore& store,
                                                     Random& random, Options options) {
  BATON_ASSIGN_OR_RETURN(std::unique_ptr<PayloadLogImpl> log,
                         PayloadLogImpl::open(loop, worker, store, random, options));
  return std::unique_ptr<PayloadLog>(std::move(log));
}

}  // namespace baton::manager

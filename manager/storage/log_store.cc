#include "manager/storage/log_store.h"

#include <utility>

namespace baton::manager {

void LogStore::read(std::vector<Offset> offsets, std::size_t bytes_max,
                    std::function<void(Payloads)> done) {
  read_tasks(std::move(offsets), bytes_max, [done = std::move(done)](Tasks tasks) {
    Payloads payloads;
    payloads.reserve(tasks.size());
    for (Result<StoredTask>& task : tasks) {
      payloads.push_back(task.ok() ? Result<std::string>(std::move(task.value().payload))
                                   : task.status());
    }
    done(std::move(payloads));
  });
}

void LogStore::read_result(const ResultRecordId& id,
                           std::function<void(Result<std::string>)> done) {
  read_record(id, [done = std::move(done)](Result<ResultContent> record) {
    done(record.ok() ? Result<std::string>(std::move(record.value().bytes)) : record.status());
  });
}

}  // namespace baton::manager

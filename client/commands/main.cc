// The `baton` program.

#include "client/commands/program.h"

int main(int argc, char** argv) {
  baton::commands::Program program;
  add_produce(program);
  add_consume(program);
  add_task(program);
  add_queue(program);
  add_dead(program);
  add_manager(program);
  add_center(program);
  add_dev(program);
  add_bench(program);
  add_fsck(program);
  add_fence(program);
  add_completion(program);
  add_audit(program);
  return program.run(argc, argv);
}

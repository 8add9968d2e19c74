/* Clocks that are wrong, for one process: loaded before everything else (LD_PRELOAD) by tests/rig/faults.py.

   RIG_CLOCK       a file with a signed 64-bit number: nanoseconds to add to the wall clock, read each time,
                   so that writing it makes the clock of a running process jump
   RIG_CLOCK_RATE  how fast all clocks run, from the start of the process: 1.1 is 10 % too fast

   Timeouts are scaled, too: a process with fast clocks wakes up early. libfaketime can do all this, but shifts
   absolute timers of timerfd together with the wall clock, so that programs of Asio hang after a jump back. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const int64_t kSecond = 1000000000;
static int (*real_gettime)(clockid_t, struct timespec*);
static int (*real_settime)(int, int, const struct itimerspec*, struct itimerspec*);
static int (*real_wait)(int, struct epoll_event*, int, int);
static volatile int64_t* wall_offset;
static double rate = 1;
static int64_t began_wall, began_monotonic, began_boot;

static int64_t nanoseconds(struct timespec t) { return t.tv_sec * kSecond + t.tv_nsec; }

static struct timespec timespec_of(int64_t ns) {
  struct timespec t = {ns / kSecond, ns % kSecond};
  if (t.tv_nsec < 0) {
    t.tv_nsec += kSecond;
    --t.tv_sec;
  }
  return t;
}

static int64_t real_now(clockid_t clock) {
  struct timespec t;
  real_gettime(clock, &t);
  return nanoseconds(t);
}

__attribute__((constructor)) static void begin(void) {
  static int begun;
  if (begun) return;
  begun = 1;
  real_gettime = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  real_settime = (int (*)(int, int, const struct itimerspec*, struct itimerspec*))dlsym(
      RTLD_NEXT, "timerfd_settime");
  real_wait = (int (*)(int, struct epoll_event*, int, int))dlsym(RTLD_NEXT, "epoll_wait");
  began_wall = real_now(CLOCK_REALTIME);
  began_monotonic = real_now(CLOCK_MONOTONIC);
  began_boot = real_now(CLOCK_BOOTTIME);
  const char* speed = getenv("RIG_CLOCK_RATE");
  if (speed) rate = atof(speed);
  const char* file = getenv("RIG_CLOCK");
  const int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    void* at = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) wall_offset = (volatile int64_t*)at;
    close(fd);
  }
}

static int64_t scaled(int64_t began, int64_t now) {
  return began + (int64_t)((double)(now - began) * rate);
}

int clock_gettime(clockid_t clock, struct timespec* t) {
  begin();
  const int status = real_gettime(clock, t);
  if (status != 0) return status;
  const int64_t now = nanoseconds(*t);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
    *t = timespec_of(scaled(began_wall, now) + (wall_offset ? *wall_offset : 0));
  } else if (clock == CLOCK_BOOTTIME) {
    *t = timespec_of(scaled(began_boot, now));
  } else if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ||
             clock == CLOCK_MONOTONIC_RAW) {
    *t = timespec_of(scaled(began_monotonic, now));
  }
  return 0;
}

int gettimeofday(struct timeval* restrict t, void* restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}

int timerfd_settime(int fd, int flags, const struct itimerspec* wanted, struct itimerspec* before) {
  begin();
  struct itimerspec real = *wanted;
  /* Absolute times that lie in the past, which is all that Asio uses them for, stay in the past. */
  if (!(flags & TFD_TIMER_ABSTIME)) {
    real.it_value = timespec_of((int64_t)((double)nanoseconds(wanted->it_value) / rate));
    real.it_interval = timespec_of((int64_t)((double)nanoseconds(wanted->it_interval) / rate));
  }
  return real_settime(fd, flags, &real, before);
}

int epoll_wait(int fd, struct epoll_event* events, int room, int milliseconds) {
  begin();
  return real_wait(fd, events, room, milliseconds > 0 ? (int)(milliseconds / rate) : milliseconds);
}

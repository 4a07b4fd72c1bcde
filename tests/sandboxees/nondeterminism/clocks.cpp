#include "probe.hpp"

#include <linux/futex.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <unistd.h>
#include <x86intrin.h>

#include <chrono>
#include <ctime>

namespace {

std::string shown(long answer, const timespec& time) {
  return text("%ld: %ld.%09ld", answer, time.tv_sec, time.tv_nsec);
}

template <clockid_t clock>
std::string clock_time() {
  timespec time{};
  const int answer = clock_gettime(clock, &time);
  return shown(answer, time);
}

long elapsed_ns(void (*wait)()) {
  timespec before{}, after{};
  clock_gettime(CLOCK_MONOTONIC, &before);
  wait();
  clock_gettime(CLOCK_MONOTONIC, &after);
  return (after.tv_sec - before.tv_sec) * 1'000'000'000 + after.tv_nsec - before.tv_nsec;
}

template <class Wait>
std::string time_of(Wait wait) {
  return text("%ld ns", elapsed_ns(wait));
}

std::string time_stamp_of_processor() {
  return text("%llu", __rdtsc());
}

std::string time_stamp_and_processor() {
  unsigned processor = 0;
  const auto stamp = __rdtscp(&processor);
  return text("%llu on %u", stamp, processor);
}

std::string vsyscall_time() {
  const auto call = reinterpret_cast<time_t (*)(time_t*)>(0xffffffffff600400);
  return text("%ld", call(nullptr));
}

std::string usage() {
  rusage it{};
  const int answer = getrusage(RUSAGE_SELF, &it);
  return text("%d: %ld.%06ld %ld %ld %ld %ld", answer, it.ru_stime.tv_sec, it.ru_stime.tv_usec, it.ru_minflt, it.ru_maxrss,
              it.ru_nvcsw, it.ru_nivcsw);
}

std::string local_time() {
  const std::time_t now = std::time(nullptr);
  char buffer[64];
  std::strftime(buffer, sizeof buffer, "%c %Z", std::localtime(&now));
  return buffer;
}

std::string loops_in_a_millisecond() {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(1);
  long loops = 0;
  while (Clock::now() < end) ++loops;
  return text("%ld", loops);
}

}  // namespace

void add_clocks(Probes& probes) {
  probes.insert(
      probes.end(),
      {{"clock realtime", clock_time<CLOCK_REALTIME>},
       {"clock monotonic", clock_time<CLOCK_MONOTONIC>},
       {"clock monotonic_raw", clock_time<CLOCK_MONOTONIC_RAW>},
       {"clock boottime", clock_time<CLOCK_BOOTTIME>},
       {"clock realtime_coarse", clock_time<CLOCK_REALTIME_COARSE>},
       {"clock monotonic_coarse", clock_time<CLOCK_MONOTONIC_COARSE>},
       {"clock tai", clock_time<CLOCK_TAI>},
       {"clock process CPU time", clock_time<CLOCK_PROCESS_CPUTIME_ID>},
       {"clock thread CPU time", clock_time<CLOCK_THREAD_CPUTIME_ID>},
       {"clock resolution",
        [] {
          timespec time{};
          const int answer = clock_getres(CLOCK_REALTIME_COARSE, &time);
          return shown(answer, time);
        }},
       {"gettimeofday",
        [] {
          timeval time{};
          gettimeofday(&time, nullptr);
          return text("%ld.%06ld", time.tv_sec, time.tv_usec);
        }},
       {"time", [] { return text("%ld", time(nullptr)); }},
       {"system call clock_gettime",
        [] {
          timespec time{};
          const long answer = syscall(SYS_clock_gettime, CLOCK_REALTIME, &time);
          return shown(answer, time);
        }},
       {"system call gettimeofday",
        [] {
          timeval time{};
          syscall(SYS_gettimeofday, &time, nullptr);
          return text("%ld.%06ld", time.tv_sec, time.tv_usec);
        }},
       {"system call time", [] { return text("%ld", syscall(SYS_time, nullptr)); }},
       {"vsyscall page", vsyscall_time},
       {"std::chrono::system_clock", [] { return text("%ld", std::chrono::system_clock::now().time_since_epoch().count()); }},
       {"std::chrono::steady_clock", [] { return text("%ld", std::chrono::steady_clock::now().time_since_epoch().count()); }},
       {"clock()", [] { return text("%ld", std::clock()); }},
       {"times",
        [] {
          tms times_used{};
          const long ticks = times(&times_used);
          return text("%ld %ld", ticks, times_used.tms_utime);
        }},
       {"getrusage", usage},
       {"local time and zone", local_time},
       {"rdtsc", time_stamp_of_processor},
       {"rdtscp", time_stamp_and_processor},
       {"loops in a millisecond", loops_in_a_millisecond},
       {"duration of nanosleep", [] { return time_of([] { usleep(2000); }); }},
       {"duration of clock_nanosleep until",
        [] {
          return time_of([] {
            timespec time{};
            clock_gettime(CLOCK_MONOTONIC, &time);
            time.tv_sec += time.tv_nsec > 990'000'000 ? 1 : 0;
            time.tv_nsec = (time.tv_nsec + 2'000'000) % 1'000'000'000;
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
          });
        }},
       {"duration of poll", [] { return time_of([] { poll(nullptr, 0, 2); }); }},
       {"duration of ppoll",
        [] {
          return time_of([] {
            const timespec time{0, 1'500'000};
            ppoll(nullptr, 0, &time, nullptr);
          });
        }},
       {"duration of select",
        [] {
          return time_of([] {
            timeval time{0, 1500};
            select(0, nullptr, nullptr, nullptr, &time);
          });
        }},
       {"duration of a wait on a futex",
        [] {
          return time_of([] {
            int word = 0;
            const timespec time{0, 1'000'000};
            syscall(SYS_futex, &word, FUTEX_WAIT, 0, &time, nullptr, 0);
          });
        }},
       {"timerfd", [] { return result(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)); }},
       {"getitimer", [] {
          itimerval value{};
          return result(getitimer(ITIMER_REAL, &value));
        }}});
}

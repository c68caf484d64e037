/* test_emulation.h: the harness of the emulation's tests.
 *
 * TEST(name) { ... CHECK(...) ... } runs in the program itself.  CHILD(name, setting, expected) {
 * ... } runs in a process of its own, with a setting like "CRESSET_EMULATION_DEVICES=1" or NULL,
 * and must print `expected` and end well; DIES(name, expected) must not end well, and the line it
 * dies with must hold `expected`. */
#ifndef CR_TEST_EMULATION_H
#define CR_TEST_EMULATION_H

#include <cuda_runtime.h>

#include <memory>
#include <stdio.h>

#include "emulation.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

enum test_kind { TEST_HERE, TEST_CHILD, TEST_DIES };

struct test_case {
  const char *name;
  enum test_kind kind;
  const char *setting, *expected;
  void (*run)();
};

struct test_registration {
  explicit test_registration(const test_case &c);
};

void test_check(bool holds, const char *text, const char *file, int line);

#define CHECK(condition) test_check(condition, #condition, __FILE__, __LINE__)
#define OK(call) CHECK((call) == cudaSuccess)

#define TEST_CASE(name, kind, setting, expected)                                                   \
  static void name();                                                                              \
  static test_registration register_##name({#name, kind, setting, expected, name});                \
  static void name()
#define TEST(name) TEST_CASE(name, TEST_HERE, nullptr, nullptr)
#define CHILD(name, setting, expected) TEST_CASE(name, TEST_CHILD, setting, expected)
#define DIES(name, expected) TEST_CASE(name, TEST_DIES, nullptr, expected)

/* Launches on the default stream without dynamic shared memory. */
#define LAUNCH(kernel, grid, block, ...) cr_emulate(#kernel, kernel, grid, block, 0, 0, __VA_ARGS__)

/* Device memory that is freed with its last copy; passes as a pointer. */
template <typename T> class device_array {
public:
  explicit device_array(size_t n) : bytes(n * sizeof(T)) {
    T *memory;
    OK(cudaMalloc(&memory, bytes));
    p.reset(memory, [](T *old) { OK(cudaFree(old)); });
  }
  template <size_t N> explicit device_array(const T (&values)[N]) : device_array(N) {
    OK(cudaMemcpy(p.get(), values, sizeof values, cudaMemcpyHostToDevice));
  }
  operator T *() const { return p.get(); }
  T at(size_t i) const {
    T value;
    OK(cudaMemcpy(&value, p.get() + i, sizeof value, cudaMemcpyDeviceToHost));
    return value;
  }
  void zero() { OK(cudaMemset(p.get(), 0, bytes)); }

private:
  std::shared_ptr<T> p;
  size_t bytes;
};

#endif
